"""Reads and evaluates an arithmetic expression in one pass: precedence climbing (Pratt, 1973)."""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

CHARACTERS: Final = 500
NUMBER_DIGITS: Final = 100
# Of nested parentheses and signs: each costs frames of the stack.
DEPTH: Final = 60
# The largest n of n!: 1000! has 2,568 digits.
FACTORIAL: Final = 1000

_TOKEN: Final = re.compile(
    r"(?P<number>(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]{1,4}(?![0-9]))?)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9]*)"
    r"|(?P<operator>\*\*|//|[-+*/%^!(),])"
)
_SPACE: Final = re.compile(r"\s*")
_SAME: Final = str.maketrans({"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-"})

# To a hundred digits.
PI: Final = Decimal(
    "3.141592653589793238462643383279502884197169399375105820974944592307816406286208998628034825342117068"
)
E: Final = Decimal(
    "2.718281828459045235360287471352662497757247093699959574966967627724076630353547594571382178525166427"
)


class BadExpression(ValueError):
    """The message says what is wrong, and where."""


class Token(NamedTuple):
    kind: str
    text: str
    at: int


def evaluate(expression: str) -> Decimal:
    """In the active decimal context. Raises BadExpression and the context's signals."""
    if len(expression) > CHARACTERS:
        raise BadExpression(f"The expression is longer than {CHARACTERS} characters.")
    return _Reader(_tokens(expression.translate(_SAME))).whole()


def _tokens(text: str) -> Iterator[Token]:
    at = _after_space(text, 0)
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise BadExpression(f"There is an unexpected {text[at]!r} at character {at + 1}.")
        yield Token(found.lastgroup, found[0], at + 1)
        at = _after_space(text, found.end())
    yield Token("end", "", len(text) + 1)


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


class _Reader:
    def __init__(self, tokens: Iterator[Token]) -> None:
        self._tokens = tokens
        self._token = next(tokens)
        self._depth = 0

    def whole(self) -> Decimal:
        value = self._sum()
        if self._token.kind != "end":
            raise self._unexpected()
        return value

    def _sum(self) -> Decimal:
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            value = value + other if sign == "+" else value - other
        return value

    def _product(self) -> Decimal:
        value = self._signed()
        while operator := self._take("*", "/", "//", "%"):
            if operator == "%" and not self._begins_operand():
                value = value / 100
                continue
            value = PRODUCTS[operator](value, self._signed())
        return value

    def _signed(self) -> Decimal:
        """A sign binds less than a power: -2^2 is -4."""
        with _Deeper(self):
            if sign := self._take("-", "+"):
                value = self._signed()
                return -value if sign == "-" else value
            return self._power()

    def _power(self) -> Decimal:
        base = self._postfix()
        # From right to left, with a sign in the exponent: 2^-1, 2^3^2.
        return _power(base, self._signed()) if self._take("^", "**") else base

    def _postfix(self) -> Decimal:
        value = self._operand()
        while self._take("!"):
            value = _factorial(value)
        return value

    def _operand(self) -> Decimal:
        token = self._token
        if self._take("("):
            value = self._sum()
            self._expect(")")
            return value
        if token.kind == "number":
            self._advance()
            return _number(token)
        if token.kind == "name":
            self._advance()
            return self._named(token)
        raise self._unexpected()

    def _named(self, token: Token) -> Decimal:
        name = token.text.lower()
        if name in CONSTANTS:
            return _inexact(CONSTANTS[name])
        if name not in FUNCTIONS:
            raise BadExpression(f"There is no function or constant {token.text!r} (character {token.at}).")
        self._expect("(")
        values = [self._sum()]
        while self._take(","):
            values.append(self._sum())
        self._expect(")")
        least, most, function = FUNCTIONS[name]
        if not least <= len(values) <= most:
            raise BadExpression(f"{name} was given {len(values)} numbers, which is not how many it takes.")
        return _finite(function(*values))

    def _begins_operand(self) -> bool:
        return self._token.kind in {"number", "name"} or self._token.text == "("

    def _take(self, *operators: str) -> str:
        text = self._token.text
        if self._token.kind != "operator" or text not in operators:
            return ""
        self._advance()
        return text

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            raise BadExpression(f"A {operator!r} is missing at character {self._token.at}.")

    def _advance(self) -> None:
        self._token = next(self._tokens)

    def _unexpected(self) -> BadExpression:
        if self._token.kind == "end":
            return BadExpression("The expression ends too early.")
        return BadExpression(f"There is an unexpected {self._token.text!r} at character {self._token.at}.")


class _Deeper:
    def __init__(self, reader: _Reader) -> None:
        self._reader = reader

    def __enter__(self) -> None:
        self._reader._depth += 1
        if self._reader._depth > DEPTH:
            raise BadExpression(f"The expression is nested more than {DEPTH} deep.")

    def __exit__(self, *_: object) -> None:
        self._reader._depth -= 1


def _number(token: Token) -> Decimal:
    if sum(map(str.isdigit, token.text)) > NUMBER_DIGITS:
        raise BadExpression(f"The number at character {token.at} has more than {NUMBER_DIGITS} digits.")
    return +Decimal(token.text.replace("_", ""))


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if not base and not exponent:
        return Decimal(1)
    return _finite(base**exponent)


def _finite(value: Decimal) -> Decimal:
    """The logarithm of 0 is infinite, without a signal."""
    if not value.is_finite():
        raise decimal.InvalidOperation
    return value


def _modulo(value: Decimal, by: Decimal) -> Decimal:
    """Has the sign of the divisor, as in mathematics."""
    if not by:
        raise decimal.DivisionByZero
    rest = value % by
    return rest + by if rest and (rest < 0) != (by < 0) else rest


def _quotient(value: Decimal, by: Decimal) -> Decimal:
    """Rounded down."""
    return ((value - _modulo(value, by)) / by).to_integral_value()


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value() or abs(value) >= Decimal(10) ** NUMBER_DIGITS:
        raise BadExpression(f"{value:.20g} is not a whole number of at most {NUMBER_DIGITS} digits.")
    return int(value)


def _factorial(value: Decimal) -> Decimal:
    number = _whole(value)
    if not 0 <= number <= FACTORIAL:
        raise BadExpression(f"Only the factorials of 0 to {FACTORIAL} can be calculated.")
    return +Decimal(math.factorial(number))


def _round(value: Decimal, digits: Decimal = Decimal(0)) -> Decimal:
    """Half away from zero, as people do."""
    places = _whole(digits)
    if abs(places) > NUMBER_DIGITS:
        raise BadExpression(f"Only up to {NUMBER_DIGITS} places can be kept.")
    if value.adjusted() + places >= NUMBER_DIGITS:
        return value  # has no such places
    with decimal.localcontext():
        # What was asked for does not make the result inexact.
        return value.quantize(Decimal(1).scaleb(-places), rounding=decimal.ROUND_HALF_UP)


def _logarithm(value: Decimal, base: Decimal | None = None) -> Decimal:
    return value.ln() if base is None else value.ln() / base.ln()


def _by_floats(function: Callable[[float], float]) -> Callable[[Decimal], Decimal]:
    """With the 15 digits of a float."""

    def calculated(value: Decimal) -> Decimal:
        try:
            number = function(float(value))
        except (ValueError, OverflowError):
            raise decimal.InvalidOperation from None
        return _inexact(Decimal(repr(round(number, 15))))

    return calculated


def _inexact(value: Decimal) -> Decimal:
    decimal.getcontext().flags[decimal.Inexact] = True
    return value


def _rounded(rounding: str) -> Callable[[Decimal], Decimal]:
    return lambda value: value.to_integral_value(rounding=rounding)


PRODUCTS: Final[dict[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "*": lambda value, by: value * by,
    "/": lambda value, by: value / by,
    "//": _quotient,
    "%": _modulo,
}
CONSTANTS: Final = {"pi": PI, "e": E}
_MANY: Final = CHARACTERS
# By name: the least and the most numbers, and what is done with them.
FUNCTIONS: Final[dict[str, tuple[int, int, Callable[..., Decimal]]]] = {
    "abs": (1, 1, abs),
    "sqrt": (1, 1, Decimal.sqrt),
    "exp": (1, 1, Decimal.exp),
    "ln": (1, 1, _logarithm),
    "log": (1, 2, _logarithm),
    "log10": (1, 1, Decimal.log10),
    "floor": (1, 1, _rounded(decimal.ROUND_FLOOR)),
    "ceil": (1, 1, _rounded(decimal.ROUND_CEILING)),
    "round": (1, 2, _round),
    "min": (1, _MANY, lambda *values: min(values)),
    "max": (1, _MANY, lambda *values: max(values)),
    "sum": (1, _MANY, lambda *values: sum(values, Decimal(0))),
    "mean": (1, _MANY, lambda *values: sum(values, Decimal(0)) / len(values)),
    "gcd": (1, _MANY, lambda *values: Decimal(math.gcd(*map(_whole, values)))),
    "lcm": (1, 2, lambda *values: +Decimal(math.lcm(*map(_whole, values)))),
    "degrees": (1, 1, lambda value: value * 180 / PI),
    "radians": (1, 1, lambda value: value * PI / 180),
    **{name: (1, 1, _by_floats(getattr(math, name))) for name in ("sin", "cos", "tan", "asin", "acos", "atan")},
}
