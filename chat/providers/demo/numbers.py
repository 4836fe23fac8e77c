"""A long answer, true and without repetition: a field guide to the first whole numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

LAST: Final = 80
_ROMAN: Final = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def guide(*, last: int = LAST) -> str:
    """Markdown of about thirty words per number."""
    return "\n\n".join(_paragraphs(last))


def _paragraphs(last: int) -> Iterator[str]:
    yield "# A field guide to the whole numbers"
    yield (
        f"You asked for something long. Here are the numbers from 1 to {last}, each with a few facts, all of them "
        "computed, so you can check them. Press Stop when you have seen enough: the text so far is kept."
    )
    for number in range(1, last + 1):
        if number % 10 == 1:
            yield f"## From {number} to {min(number + 9, last)}"
        yield " ".join(_sentences(number))
    yield "That is the end of the guide. The numbers go on."


def _sentences(number: int) -> Iterator[str]:
    factors = _factors(number)
    divisors = [divisor for divisor in range(1, number + 1) if number % divisor == 0]
    yield f"**{number}** is written {_roman(number)} in Rome and `{number:b}` in a computer."
    if number == 1:
        yield "It divides every other number, and is neither prime nor composite. It is its own square and cube."
        return
    if len(factors) == 1:
        yield "It is prime: only 1 and the number itself divide it."
    else:
        yield f"It is {' × '.join(map(str, factors))}, and has {len(divisors)} divisors: {_enumerated(divisors)}."
    yield _relation(number, sum(divisors) - number)
    root = round(number**0.5)
    if root * root == number:
        yield f"It is the square of {root}, and so the sum of the first {root} odd numbers."
    rows = round((2 * number) ** 0.5 - 0.5)
    if rows * (rows + 1) == 2 * number:
        yield f"That many balls form a triangle with {rows} rows."
    yield f"Its square is {number**2:,} and its cube {number**3:,}."


def _relation(number: int, parts: int) -> str:
    if parts == number:
        return "Its smaller divisors add up to exactly the number, which makes it *perfect*, and rare."
    kind = "*abundant*" if parts > number else "*deficient*"
    return f"Its smaller divisors add up to {parts}, which makes it {kind}."


def _factors(number: int) -> list[int]:
    factors, candidate = [], 2
    while number > 1:
        while number % candidate == 0:
            factors.append(candidate)
            number //= candidate
        candidate += 1
    return factors


def _roman(number: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        text += letters * (number // value)
        number %= value
    return text


def _enumerated(numbers: list[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
