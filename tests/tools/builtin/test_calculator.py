from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.tools.base import ToolFailed
from chat.tools.builtin.calculator import calculated, calculator
from chat.tools.definitions import define
from tests.tools.calling import result

CALCULATOR = define(calculator, source="builtin")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0.1 + 0.2", "0.3"),
        ("1 - 0.9", "0.1"),
        ("2 + 3 * 4", "14"),
        ("(2 + 3) * 4", "20"),
        ("2 - 3 - 4", "-5"),
        ("16 / 4 / 2", "2"),
        ("-2^2", "-4"),
        ("2^-1", "0.5"),
        ("2^3^2", "512"),
        ("2**10", "1024"),
        ("--2", "2"),
        ("5!", "120"),
        ("-3!", "-6"),
        ("7 % 3", "1"),
        ("-7 % 3", "2"),
        ("7 % (-3)", "-2"),
        # 10% is a percentage here, so the minus sign is an operator.
        ("10% - 3", "-2.9"),
        ("7 // 2", "3"),
        ("-7 // 2", "-4"),
        ("200 * 15%", "30"),
        ("15% * 200", "30"),
        ("50%", "0.5"),
        ("3 × 4 ÷ 2 − 1", "5"),
        ("1_000 * 1e3", "1000000"),
        (".5 + 1.", "1.5"),
        ("0^0", "1"),
        ("0 / 5", "0"),
        ("2^200", str(2**200)),
        ("12345678901234567890 * 98765432109876543210", str(12345678901234567890 * 98765432109876543210)),
        ("1/3", "0.33333333333333333333 (rounded)"),
        ("2/3*3", "2 (rounded)"),
        ("sqrt(16)", "4"),
        ("sqrt(2)", "1.4142135623730950488 (rounded)"),
        ("sin(pi)", "0 (rounded)"),
        ("Sin(pi/6)", "0.5 (rounded)"),
        ("degrees(pi)", "180 (rounded)"),
        ("ln(e)", "1 (rounded)"),
        ("log(8, 2)", "3 (rounded)"),
        ("log10(1000)", "3"),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("round(1234.567, 2)", "1234.57"),
        ("round(1234.567, -2)", "1200"),
        ("round(1e200, 5)", "1E+200"),
        ("floor(-1.5) + ceil(1.5)", "0"),
        ("max(1, 3, 2) - min(1, 3, 2)", "2"),
        ("sum(1, 2, 3) / mean(1, 2, 3)", "3"),
        ("gcd(12, 18) + lcm(4, 6)", "18"),
        ("abs(-3)", "3"),
        ("1e50", "1" + "0" * 50),
        ("1e-50", "1E-50"),
        ("1000!", "4.0238726007709377354E+2567 (rounded)"),
        ("1.0001^3650", "1.440487720760919452 (rounded)"),
    ],
)
async def test_it_calculates(expression: str, expected: str) -> None:
    assert (await result(CALCULATOR, json.dumps({"expression": expression}))).text == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "ends too early"),
        ("1 +", "ends too early"),
        ("(1", "A '[)]' is missing at character 3"),
        ("1)", "unexpected '[)]' at character 2"),
        ("2 3", "unexpected '3' at character 3"),
        ("2(3)", "unexpected '[(]' at character 2"),
        ("1,000", "unexpected ',' at character 2"),
        ("5 $", "unexpected '[$]' at character 3"),
        ("x + 1", "no function or constant 'x' .character 1"),
        ("__import__('os')", "unexpected '_'"),
        ("().__class__", "unexpected '[)]'"),
        ("sqrt 4", "A '[(]' is missing"),
        ("sqrt(1, 2)", "not how many it takes"),
        ("max()", "unexpected '[)]'"),
        ("1 / 0", "divides by zero"),
        ("1 // 0", "divides by zero"),
        ("1 % 0", "divides by zero"),
        ("0 / 0", "no real result"),
        ("sqrt(-1)", "no real result"),
        ("(-8)^(1/3)", "no real result"),
        ("ln(0)", "no real result"),
        ("log10(0)", "no real result"),
        ("log(5, 1)", "divides by zero"),
        ("0^-1", "no real result|divides by zero"),
        ("-0 / 5 / 0", "no real result"),
        ("asin(2)", "no real result"),
        ("sin(1e400)", "no real result"),
        ("1e200 % 3", "no real result, or none that is exact enough"),
        ("2.5!", "2.5 is not a whole number"),
        ("(-1)!", "0 to 1000"),
        ("1001!", "0 to 1000"),
        ("1000!!", "not a whole number of at most"),
        ("round(1, 1000)", "up to 100 places"),
        ("9**999999", "more than 10,000 digits"),
        ("9^9^9^9^9", "more than 10,000 digits"),
        ("1e9999 * 10", "more than 10,000 digits"),
        ("1e99999", "unexpected"),
        ("1" * 101, "more than 100 digits"),
        ("(" * 61 + "1" + ")" * 61, "nested more than 60"),
        ("-" * 61 + "1", "nested more than 60"),
        ("2^" * 61 + "1", "nested more than 60"),
        ("sqrt(" * 61 + "1" + ")" * 61, "nested more than 60"),
    ],
)
async def test_an_invalid_expression_is_explained(expression: str, said: str) -> None:
    with pytest.raises(ToolFailed, match=said) as failure:
        await result(CALCULATOR, json.dumps({"expression": expression}))
    assert failure.value.code == "invalid_arguments"


async def test_an_expression_has_at_most_500_characters() -> None:
    longest = "1" + "+1" * 249 + " "
    assert (await result(CALCULATOR, json.dumps({"expression": longest}))).text == "250"
    with pytest.raises(ToolFailed, match="length <= 500"):
        await result(CALCULATOR, json.dumps({"expression": longest + " "}))


NUMBERS = st.integers(0, 99).map(str)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda each: f"({each[0]}{each[1]}{each[2]})"),
    max_leaves=12,
)


@given(EXPRESSIONS)
@settings(max_examples=200, deadline=None)
def test_it_agrees_with_python_on_whole_numbers(expression: str) -> None:
    value = calculated(expression)
    assert Fraction(Decimal(value)) == eval(expression)


@given(st.text(alphabet="0123456789.eE+-*/%^!(), pisqrtln", max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_input_gives_a_number_or_an_error(expression: str) -> None:
    try:
        Decimal(calculated(expression).removesuffix(" (rounded)"))
    except ToolFailed as failure:
        assert failure.code == "invalid_arguments"  # noqa: PT017
