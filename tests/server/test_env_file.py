from __future__ import annotations

from pathlib import Path

import pytest

from chatsite.env_file import load_env_file


def load(tmp_path: Path, text: str, **variables: str) -> dict[str, str]:
    path = tmp_path / ".env"
    path.write_text(text, "utf-8")
    load_env_file(path, variables)
    return variables


def test_it_reads_names_and_values(tmp_path: Path) -> None:
    text = "\n# a comment\nPORT=8001\n  HOST = 0.0.0.0  \nexport LOG_LEVEL=DEBUG\nEMPTY=\n"
    assert load(tmp_path, text) == {"PORT": "8001", "HOST": "0.0.0.0", "LOG_LEVEL": "DEBUG", "EMPTY": ""}


def test_quotes_around_a_value_are_dropped_and_nothing_is_expanded(tmp_path: Path) -> None:
    text = 'A="two words"\nB=\'$A #1\'\nC="\nD=a=b\n'
    assert load(tmp_path, text) == {"A": "two words", "B": "$A #1", "C": '"', "D": "a=b"}


def test_environment_variables_take_precedence(tmp_path: Path) -> None:
    assert load(tmp_path, "PORT=8001\n", PORT="9000") == {"PORT": "9000"}


def test_a_missing_file_equals_an_empty_one(tmp_path: Path) -> None:
    variables: dict[str, str] = {}
    load_env_file(tmp_path / "missing", variables)
    assert variables == {}


def test_a_comment_may_follow_a_value_without_quotes(tmp_path: Path) -> None:
    assert load(tmp_path, "A=1 # one\nB=a#b\nC=# nothing\n") == {"A": "1", "B": "a#b", "C": ""}


def test_a_comment_may_follow_a_value_in_quotes(tmp_path: Path) -> None:
    text = """A="sk-1" # mine\nB='sk-2'# "quoted"\nC="a # b"\nD="a # b" # c\nE="" # nothing\nF="it"s"\nG="open # x\n"""
    assert load(tmp_path, text) == {
        **{"A": "sk-1", "B": "sk-2", "C": "a # b", "D": "a # b"},
        **{"E": "", "F": 'it"s', "G": '"open'},
    }


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_byte_order_mark_is_ignored(tmp_path: Path, line_end: str) -> None:
    assert load(tmp_path, f"\ufeffPORT=18509{line_end}HOST=::1{line_end}") == {"PORT": "18509", "HOST": "::1"}


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("PORT=18509", "utf-16")
    with pytest.raises(ValueError, match=r"\.env is not UTF-8"):
        load_env_file(path, {})


@pytest.mark.parametrize("line", ["PORT 8001", "=8001", "1A=x", "A-B=x"])
def test_an_invalid_line_is_reported_with_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match="line 2: expected NAME=value"):
        load(tmp_path, f"OK=1\n{line}\n")
