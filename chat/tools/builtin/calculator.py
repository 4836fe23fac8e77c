"""Exact decimal arithmetic.

Nothing is evaluated as Python. The cost is bounded whatever the expression: all operations work on numbers of at most
DIGITS digits, and an expression has at most CHARACTERS of them.
"""

from __future__ import annotations

import asyncio
import decimal
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta

from chat.tools.base import ToolFailed
from chat.tools.builtin.expressions import CHARACTERS, BadExpression, evaluate
from chat.tools.definitions import tool

DIGITS: Final = 100
# Of a result that is not exact.
SHOWN_DIGITS: Final = 20
# Beyond this many digits, in the scientific notation.
PLAIN_DIGITS: Final = 40


@tool(title="Calculator", side_effects=False, timeout=5)
async def calculator(
    expression: Annotated[
        str,
        Meta(max_length=CHARACTERS),
        "Such as (12.5 * 4)^2 / 3. Operators: + - * / // % (modulo, or percent at the end of a number) ^ ! and "
        "parentheses. Functions: abs acos asin atan ceil cos degrees exp floor gcd lcm ln log log10 max mean min "
        "radians round sin sqrt sum tan. Constants: pi e. Angles are in radians. The decimal separator is a point.",
    ],
) -> str:
    """Calculate exactly with decimal numbers of up to 100 digits. Use it for every calculation that is not trivial."""
    # Up to a tenth of a second, for the worst expressions.
    return await asyncio.to_thread(calculated, expression)


def calculated(expression: str) -> str:
    """Raises ToolFailed invalid_arguments, which says what is wrong."""
    traps = [decimal.DivisionByZero, decimal.InvalidOperation, decimal.Overflow]
    context = decimal.Context(prec=DIGITS, Emin=-9999, Emax=9999, traps=traps)
    with decimal.localcontext(context) as active:
        try:
            number = evaluate(expression)
            return _written(number, is_exact=not active.flags[decimal.Inexact])
        except BadExpression as error:
            raise ToolFailed("invalid_arguments", str(error)) from None
        except decimal.DivisionByZero:
            raise ToolFailed("invalid_arguments", "This divides by zero.") from None
        except decimal.Overflow:
            raise ToolFailed("invalid_arguments", "The result has more than 10,000 digits.") from None
        except decimal.InvalidOperation:
            raise ToolFailed("invalid_arguments", "This has no real result, or none that is exact enough.") from None


def _written(number: Decimal, *, is_exact: bool) -> str:
    if not is_exact:
        with decimal.localcontext() as rounding:
            rounding.prec = SHOWN_DIGITS
            number = +number
    number = number.normalize()
    plain = -PLAIN_DIGITS < number.adjusted() < (DIGITS if is_exact else PLAIN_DIGITS) or not number
    text = f"{number + 0:f}" if plain else f"{number:E}"
    return text if is_exact else f"{text} (rounded)"
