"""Which scripts are served, and how little the first page needs. tests/js tests that they behave the same."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import override_settings

from chat.pages.import_map import modules
from tests.pages.test_import_map import HASHED

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "static"
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
KB = 1024
OWN = 60 * KB
ALL = 110 * KB


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("static")
    finders = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    with override_settings(STORAGES=HASHED, STATIC_ROOT=root, STATICFILES_FINDERS=finders):
        call_command("collectstatic", interactive=False, verbosity=0)
        yield root


def served(root: Path, name: str) -> str:
    return (root / staticfiles_storage.stored_name(name)).read_text("utf-8")


def test_the_page_has_one_file_and_the_sources_stay_beside_it(collected: Path) -> None:
    own = [address for address in modules().preloads if address.startswith("/static/js/")]

    assert [collected / address.removeprefix("/static/") for address in own] == [
        collected / staticfiles_storage.stored_name("js/chat.js")
    ]
    assert "class ChatApp" in served(collected, "js/chat.js")
    for path in SCRIPTS:
        assert (collected / path.relative_to(STATIC)).read_bytes() == path.read_bytes()


def test_no_comment_is_served(collected: Path) -> None:
    for path in SCRIPTS:
        assert "/**" not in served(collected, str(path.relative_to(STATIC)))


def test_vendored_scripts_are_served_as_they_are(collected: Path) -> None:
    [name] = [path.relative_to(STATIC) for path in (STATIC / "vendor").glob("markdown-it-*/*.js")]

    copy = collected / staticfiles_storage.stored_name(str(name))
    assert copy.read_bytes() == (STATIC / name).read_bytes()


def test_the_first_load_is_within_its_budget(collected: Path) -> None:
    """Everything that the page's module imports before it runs, each file compressed separately, as it is sent."""
    own = vendored = 0
    for address in modules().preloads:
        name = address.removeprefix("/static/")
        size = len(gzip.compress((collected / name).read_bytes(), 9))
        if name.startswith("js/"):
            own += size
        else:
            vendored += size

    assert own > 10 * KB
    assert vendored > 10 * KB
    assert own <= OWN, f"our own: {own} bytes"
    assert own + vendored <= ALL, f"all: {own + vendored} bytes"
