from __future__ import annotations

import re
from pathlib import Path

import pytest

from chatsite.environment import SECRETS, Environment


def names(env: Environment) -> list[str]:
    return [problem.name for problem in env.problems]


def test_a_variable_that_is_not_set_or_empty_has_its_default() -> None:
    env = Environment({"EMPTY": "  "})

    assert env.text("EMPTY", "default") == "default"
    assert env.text("MISSING", "default") == "default"
    assert env.flag("EMPTY", True) is True
    assert env.integer("EMPTY", 7) == 7
    assert env.number("MISSING", 0.5) == 0.5
    assert env.words("EMPTY", ["a"]) == ["a"]
    assert env.choice("MISSING", "x", ["x", "y"]) == "x"
    assert env.url("MISSING", ("http",)) == ""
    assert env.problems == []


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("true", True), ("YES", True), ("on", True), ("0", False), ("Off", False)]
)
def test_a_flag_is_read(value: str, expected: bool) -> None:
    env = Environment({"FLAG": value})

    assert env.flag("FLAG", not expected) is expected
    assert env.problems == []


def test_values_are_read() -> None:
    env = Environment({"N": " 12 ", "F": "0.5", "W": "a, b  c", "C": "y", "U": "https://example.org/v1"})

    assert env.integer("N", 1) == 12
    assert env.number("F", 1) == 0.5
    assert env.words("W", []) == ["a", "b", "c"]
    assert env.choice("C", "x", ["x", "y"]) == "y"
    assert env.url("U", ("http", "https")) == "https://example.org/v1"
    assert env.problems == []


@pytest.mark.parametrize("value", ["maybe", "2", "-1"])
def test_an_invalid_flag_is_recorded(value: str) -> None:
    env = Environment({"FLAG": value})

    assert env.flag("FLAG", True) is True
    assert names(env) == ["FLAG"]


@pytest.mark.parametrize("value", ["12.5", "ten", "1e3", "0x10"])
def test_an_invalid_integer_is_recorded(value: str) -> None:
    env = Environment({"N": value})

    assert env.integer("N", 3) == 3
    assert names(env) == ["N"]


@pytest.mark.parametrize(("value", "accepted"), [("0", False), ("1", True), ("9", True), ("10", False)])
def test_an_integer_must_be_within_its_limits(value: str, accepted: bool) -> None:
    env = Environment({"N": value})

    assert env.integer("N", 5, minimum=1, maximum=9) == (int(value) if accepted else 5)
    assert bool(env.problems) is not accepted


@pytest.mark.parametrize("value", ["nan", "inf", "-0.1", "much"])
def test_a_number_must_be_finite_and_within_its_limits(value: str) -> None:
    env = Environment({"F": value})

    assert env.number("F", 1.5) == 1.5
    assert names(env) == ["F"]


def test_a_wrong_choice_names_the_choices() -> None:
    env = Environment({"LEVEL": "LOUD"})

    assert env.choice("LEVEL", "INFO", ["DEBUG", "INFO"]) == "INFO"
    assert "DEBUG, INFO" in env.problems[0].hint


@pytest.mark.parametrize("value", ["example.org", "ftp://example.org", "javascript://x"])
def test_a_url_with_another_scheme_is_recorded(value: str) -> None:
    env = Environment({"U": value})

    assert env.url("U", ("http", "https")) == ""
    assert names(env) == ["U"]


def test_problems_name_the_variable_but_no_secret_value() -> None:
    env = Environment({"EMAIL_URL": "user:hunter2@mail"})
    env.url("EMAIL_URL", ("smtp",))
    env.refuse("OTHER", "is wrong", "Mend it.")

    assert [problem.message for problem in env.problems] == ["EMAIL_URL is not a valid URL.", "OTHER is wrong."]
    assert not any("hunter2" in problem.message + problem.hint for problem in env.problems)


@pytest.mark.parametrize(
    "value",
    [
        "http://127.0.0.1:8080/v1",
        "https://api.example.org/v1",
        "http://localhost",
        "http://localhost:",
        "http://my_ollama:11434",
        "http://[::1]:8080/v1",
        "http://[fe80::1]/",
        "https://bücher.example/v1/",
        "http://host:65535",
        "http://10.0.0.1/a/b%20c",
    ],
)
def test_the_address_of_a_server_is_read(value: str) -> None:
    env = Environment({"U": f" {value} "})

    assert env.server("U") == value
    assert env.problems == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("localhost:8080", "is not a valid URL"),
        ("ftp://host", "is not a valid URL"),
        ("HTTP//host", "is not a valid URL"),
        ("http://", "an invalid host or port"),
        ("http:///v1", "an invalid host or port"),
        ("http://:80", "an invalid host or port"),
        ("http://host:99999", "an invalid host or port"),
        ("http://host:abc", "an invalid host or port"),
        ("http://host:-1", "an invalid host or port"),
        ("http://host:0/v1", "an invalid host or port"),
        ("http://::1/v1", "an invalid host or port"),
        ("http://fe80::1:80/", "an invalid host or port"),
        ("http://[::1/v1", "an invalid host or port"),
        ("http://[host]/v1", "an invalid host or port"),
        ("http://..", "an invalid host or port"),
        ("http://" + "a" * 64, "an invalid host or port"),
        ("http://a\\b/", "an invalid host or port"),
        ("http://a%20b/", "an invalid host or port"),
        ("http://user:hunter2@host/v1", "a user name or a password"),
        ("http://hunter2@host/v1", "a user name or a password"),
        ("http://@host/v1", "a user name or a password"),
        ("http://a b/", "spaces or characters"),
        ("http://a\nb/", "spaces or characters"),
        ("http://a\0/", "spaces or characters"),
        ("http://a\u200b/", "spaces or characters"),
        ("http://a\ud83d/", "spaces or characters"),
        ("http://host/v1?version=2", "a query or a fragment"),
        ("http://host/v1#x", "a query or a fragment"),
        ("http://host/?", "a query or a fragment"),
    ],
)
def test_an_impossible_url_is_refused_and_not_quoted(value: str, message: str) -> None:
    env = Environment({"U": value})

    assert env.server("U") == ""
    assert names(env) == ["U"]
    problem = env.problems[0]
    assert message in problem.message
    assert problem.hint.endswith(".")
    assert "hunter2" not in problem.message + problem.hint


@pytest.mark.parametrize("value", ["sk-abc_DEF.123", "a", "x" * 500, "!~=/+"])
def test_a_key_is_read(value: str) -> None:
    assert Environment({"K": f"{value}\n"}).key("K") == value


@pytest.mark.parametrize(
    "value", ["schlüssel", "ключ", "a b", "a\nb", "a\r\nX: 1", "a\0", "a\u200b", "\ud83d", "“sk-abc”"]
)
def test_a_key_invalid_in_headers_is_refused_and_not_quoted(value: str) -> None:
    env = Environment({"K": value})

    assert env.key("K") == ""
    assert names(env) == ["K"]
    assert value not in env.problems[0].message + env.problems[0].hint


@pytest.mark.parametrize(
    ("value", "is_one"), [("llama3.2:1b", True), ("x" * 200, True), ("x" * 201, False), ("a\nb", False)]
)
def test_a_name_is_one_line(value: str, is_one: bool) -> None:
    env = Environment({"N": value})

    assert env.name("N", longest=200) == (value if is_one else "")
    assert names(env) == ([] if is_one else ["N"])


@pytest.mark.parametrize(
    ("schemes", "hint"),
    [
        (("redis",), "It must start with redis://."),
        (("http", "https"), "It must start with http:// or https://."),
        (("smtp", "smtp+tls", "smtps"), "It must start with smtp://, smtp+tls:// or smtps://."),
    ],
)
def test_a_wrong_scheme_is_reported_with_the_valid_ones(schemes: tuple[str, ...], hint: str) -> None:
    env = Environment({"X": "ftp://x"})
    assert env.url("X", schemes) == ""
    assert [problem.hint for problem in env.problems] == [hint]


def test_the_address_of_a_server_may_be_https() -> None:
    env = Environment({"OPENAI_BASE_URL": "ftp://x"})
    assert env.server("OPENAI_BASE_URL") == ""
    assert env.problems[0].hint == "It must start with http:// or https://."


@pytest.mark.parametrize("name", sorted(SECRETS))
@pytest.mark.parametrize("content", ["sk-1", "sk-1\n", "\ufeffsk-1\r\n"])
def test_a_secret_may_be_in_a_file_of_its_own(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / "secret").write_bytes(content.encode())
    env = Environment({f"{name}_FILE": str(tmp_path / "secret"), name: ""})

    assert env.text(name) == "sk-1"
    assert env.problems == []


def test_a_secret_that_is_set_in_two_places_is_neither(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-1")
    env = Environment({"OPENAI_API_KEY_FILE": str(tmp_path / "key"), "OPENAI_API_KEY": "sk-2"})

    assert (env.key("OPENAI_API_KEY"), env.text("OPENAI_API_KEY")) == ("", "")
    assert [(each.message, each.hint) for each in env.problems] == [
        ("OPENAI_API_KEY and OPENAI_API_KEY_FILE are both set.", "Unset one of them.")
    ]


@pytest.mark.parametrize(
    ("variables", "value"),
    [
        ({}, "redis://stand-in"),
        ({"REDIS_URL": "redis://given"}, "redis://given"),
        ({"REDIS_URL_FILE": "redis"}, "redis://file"),
    ],
    ids=str,
)
def test_compose_defaults_are_overridden_by_variable_and_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], value: str
) -> None:
    (tmp_path / "redis").write_text("redis://file\n")
    monkeypatch.chdir(tmp_path)
    env = Environment({"REDIS_URL_DEFAULT": "redis://stand-in", **variables})

    assert env.url("REDIS_URL", ("redis",)) == value
    assert env.problems == []


def test_compose_leaves_every_secret_to_its_file() -> None:
    text = Path(__file__).resolve().parents[1].joinpath("docker-compose.yml").read_text("utf-8")
    set_there = dict(re.findall(r"^ {4}([A-Z_]+): (.*)$", text, re.MULTILINE))
    assert set_there["DATABASE_URL_DEFAULT"].startswith("postgresql://")
    assert {name: value for name, value in set_there.items() if name in SECRETS} == {
        "DATABASE_URL": "${DATABASE_URL:-}",
        "REDIS_URL": "${REDIS_URL:-}",
    }


def test_only_secrets_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("80")

    assert Environment({"PORT_FILE": str(tmp_path / "port")}).integer("PORT", 8000) == 8000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read ({path}: No such file or directory)"),
        ("directory", "cannot be read ({path}: Is a directory)"),
        (b"", "names an empty file ({path})"),
        (b" \n", "names an empty file ({path})"),
        (b"\xff\xfe", "cannot be read ({path}: not a text file)"),
    ],
    ids=str,
)
def test_a_file_without_a_secret_is_reported_once(tmp_path: Path, content: bytes | str | None, message: str) -> None:
    path = tmp_path / "key"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()
    env = Environment({"OPENAI_API_KEY_FILE": str(path)})

    assert (env.key("OPENAI_API_KEY"), env.text("OPENAI_API_KEY")) == ("", "")
    assert [each.message for each in env.problems] == [f"OPENAI_API_KEY_FILE {message.format(path=path)}."]
    assert env.problems[0].hint.endswith(", or set OPENAI_API_KEY itself.")


def test_a_file_in_an_unknown_home_directory_is_refused() -> None:
    env = Environment({"SECRET_KEY_FILE": "~nobody-of-that-name/key"})

    assert env.text("SECRET_KEY") == ""
    assert names(env) == ["SECRET_KEY_FILE"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("OPENAI_BASE_URL", "Remove everything before the @. A key belongs in OPENAI_API_KEY."),
        ("ANTHROPIC_BASE_URL", "Remove everything before the @. A key belongs in ANTHROPIC_API_KEY."),
        ("OLLAMA_URL", "Remove everything before the @."),
    ],
)
def test_the_hint_for_a_key_in_an_address_names_the_right_setting(name: str, hint: str) -> None:
    env = Environment({name: "http://bob:hunter2@example.org"})
    assert env.server(name) == ""
    assert [each.hint for each in env.problems] == [hint]
