"""The documentation of the settings and the protocol matches the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from chat.protocol import close_codes
from chat.protocol.errors import ERRORS
from chatsite.env_file import load_env_file
from chatsite.environment import SECRETS

ROOT = Path(__file__).resolve().parents[1]
READERS = {"text", "flag", "integer", "number", "words", "choice", "url", "server", "key", "name"}


def settings_read(source: str) -> set[str]:
    """The variables that a settings file reads: the first argument of every `env.<reader>(…)`."""
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and node.func.attr in READERS
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


@pytest.fixture
def names() -> set[str]:
    found = settings_read((ROOT / "chatsite" / "settings.py").read_text("utf-8"))
    assert {"PORT", "SECRET_KEY", "DATABASE_URL", "LOG_LEVEL"} <= found
    return found


def test_the_readme_has_every_setting_and_no_other(names: set[str]) -> None:
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    assert table - {"CHAT_ENV_FILE"} == names  # read by manage.py, to find the settings


def test_the_example_has_every_setting_and_no_other(names: set[str]) -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    assert set(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE)) == names


def test_the_example_is_a_valid_env_file_with_all_lines_uncommented(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(re.sub(r"^#([A-Z_]+=)", r"\1", (ROOT / ".env.example").read_text("utf-8"), flags=re.MULTILINE))
    variables: dict[str, str] = {}
    load_env_file(path, variables)
    assert variables["PORT"] == "8000"
    assert variables["SECRET_KEY"] == ""


def test_the_readme_and_the_example_name_the_secrets_that_may_be_in_files() -> None:
    for name in ("README.md", ".env.example"):
        sentence = re.search(r"SECRET_KEY`?, [^:]*own:", (ROOT / name).read_text("utf-8"))
        assert sentence is not None
        assert set(re.findall(r"[A-Z]+_[A-Z_]+", sentence[0])) == SECRETS


def test_a_setting_is_found_in_a_settings_file() -> None:
    assert settings_read("A = env.flag('NEW', False)\nif given := env.text('KEY'):\n    other.text('NO')") == {
        "NEW",
        "KEY",
    }


def test_the_protocol_page_has_every_close_code_and_every_refusal() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    codes = {value for name, value in vars(close_codes).items() if name.isupper() and isinstance(value, int)}
    assert {code for code in codes if f"| {code} |" not in page} == set()
    assert {code for code in ERRORS if f"`{code}`" not in page} == set()
