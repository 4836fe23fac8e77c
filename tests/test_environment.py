from __future__ import annotations

import pytest

from chatsite.environment import Environment


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
def test_a_flag_that_is_neither_on_nor_off_is_remembered(value: str) -> None:
    env = Environment({"FLAG": value})

    assert env.flag("FLAG", True) is True
    assert names(env) == ["FLAG"]


@pytest.mark.parametrize("value", ["12.5", "ten", "1e3", "0x10"])
def test_an_integer_that_is_none_is_remembered(value: str) -> None:
    env = Environment({"N": value})

    assert env.integer("N", 3) == 3
    assert names(env) == ["N"]


@pytest.mark.parametrize(("value", "accepted"), [("0", False), ("1", True), ("9", True), ("10", False)])
def test_an_integer_stays_in_its_limits(value: str, accepted: bool) -> None:
    env = Environment({"N": value})

    assert env.integer("N", 5, minimum=1, maximum=9) == (int(value) if accepted else 5)
    assert bool(env.problems) is not accepted


@pytest.mark.parametrize("value", ["nan", "inf", "-0.1", "much"])
def test_a_number_is_finite_and_in_its_limits(value: str) -> None:
    env = Environment({"F": value})

    assert env.number("F", 1.5) == 1.5
    assert names(env) == ["F"]


def test_a_wrong_choice_names_the_choices() -> None:
    env = Environment({"LEVEL": "LOUD"})

    assert env.choice("LEVEL", "INFO", ["DEBUG", "INFO"]) == "INFO"
    assert "DEBUG, INFO" in env.problems[0].hint


@pytest.mark.parametrize("value", ["example.org", "ftp://example.org", "javascript://x"])
def test_an_address_of_another_kind_is_remembered(value: str) -> None:
    env = Environment({"U": value})

    assert env.url("U", ("http", "https")) == ""
    assert names(env) == ["U"]


def test_problems_are_sentences_that_name_the_variable_but_not_a_secret_value() -> None:
    env = Environment({"EMAIL_URL": "user:hunter2@mail"})
    env.url("EMAIL_URL", ("smtp",))
    env.refuse("OTHER", "is wrong", "Mend it.")

    assert [problem.message for problem in env.problems] == ["EMAIL_URL is not an address.", "OTHER is wrong."]
    assert not any("hunter2" in problem.message + problem.hint for problem in env.problems)
