"""People are made and signed in by tests/cast.py alone, so that every test means the same person by the same name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]

# Whatever it is called on.
MAKERS: Final = {
    *("create_user", "acreate_user", "create_superuser", "acreate_superuser", "get_user_model"),
    *("force_login", "aforce_login", "SessionStore"),
}
ROW_MAKERS: Final = {
    *("create", "acreate", "bulk_create", "abulk_create", "get_or_create", "aget_or_create"),
    *("update_or_create", "aupdate_or_create"),
}
# In code or a command for another process, and a second password.
TEXTS: Final = ("create_user", "create_superuser", "createsuperuser", "correct horse battery")

# What a file may do itself, and why.
EXCEPTIONS: Final = {
    "tests/cast.py": {
        "create_user": "here people are made",
        "force_login": "here they are signed in",
        "'correct horse battery'": "everybody's password",
    },
    "tests/accounts/test_logins.py": {"'createsuperuser'": "tests which names this command refuses"},
    "tests/auth/test_first_run.py": {"'createsuperuser'": "tests that this command ends the first run"},
    "tests/auth/test_sign_in_watch.py": {"User()": "never saved: the answer of a fake database"},
    "tests/compose/stack.py": {"'create_user'": "runs in a container, which has no tests"},
    "tests/test_one_cast.py": {
        **dict.fromkeys(("'create_user'", "'create_superuser'", "'createsuperuser'"), "looks for it"),
        "'correct horse battery'": "looks for it",
    },
}


def made_by_hand(source: str) -> set[str]:
    """The ways in which this source makes people or signs them in; those in its texts are in quotes."""
    tree = ast.parse(source)
    found = {way for node in ast.walk(tree) for way in _ways(node)}
    texts = [node.value for node in _texts(tree)]
    return found | {f"'{text}'" for text in TEXTS if any(text in each for each in texts)}


def _ways(node: ast.AST) -> Iterator[str]:
    name = _name(node)
    if name in MAKERS:
        yield name
    if isinstance(node, ast.Call) and _name(node.func) == "User":
        yield "User()"
    if isinstance(node, ast.Attribute) and node.attr in ROW_MAKERS:
        manager = node.value
        if isinstance(manager, ast.Attribute) and _name(manager.value) == "User":
            yield f"User.{manager.attr}.{node.attr}"


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _texts(tree: ast.AST) -> Iterator[ast.Constant]:
    """Without docstrings."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node


def sources() -> Iterator[tuple[str, str]]:
    for folder in ("tests", "bench"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def test_no_test_file_creates_its_own_users() -> None:
    found = {path: made_by_hand(source) for path, source in sources()}
    # Equal, so that an exception that is no longer needed is found, too.
    assert {path: ways for path, ways in found.items() if ways} == {
        path: set(reasons) for path, reasons in EXCEPTIONS.items()
    }


@pytest.mark.parametrize(
    "source",
    [
        'User.objects.create_user("dora")',
        'await database.write(User.objects.create_superuser, "root")',
        'def f():\n    return User.objects.create(username="dora")',
        "models.User.objects.bulk_create(people)",
        'User(username="dora").save()',
        'models.User(username="dora").save()',
        "get_user_model().objects.first()",
        "client.force_login(alice)",
        "await client.aforce_login(alice)",
        "session = SessionStore()",
        'ended("manage.py", "createsuperuser", "--noinput")',
        'manage("shell", "--command", "User.objects.create_user(1)")',
        'PASSWORD = "correct horse battery"',
        'f"correct horse battery {number}"',
    ],
)
def test_a_planted_violation_is_found(source: str) -> None:
    assert made_by_hand(source)


@pytest.mark.parametrize(
    "source",
    [
        'make_user("dora", email="")',
        "sign_in(alice, Client())",
        "User.objects.get(pk=1)",
        "User.objects.filter(pk=1).update(is_active=False)",
        'Conversation.objects.create(owner=alice, title="Herons")',
        'def f():\n    """As after createsuperuser."""',
    ],
)
def test_allowed_uses_are_not_reported(source: str) -> None:
    assert made_by_hand(source) == set()
