"""The query parameters of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.http import HttpRequest

from chat.api.calls import Call
from chat.protocol.errors import ApiError
from chat.protocol.untrusted_input import clean

# Case-insensitive: Python and .NET write `True`.
FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
_SHOWN: Final = 100


def check(request: HttpRequest, view: Callable[..., Any]) -> None:
    """Raises ApiError for an unknown parameter: ignoring a misspelled filter would return everything."""
    made: Call = view.call  # type: ignore[attr-defined]
    if not made.takes_any:
        known = [each.name for each in made.parameters if each.place == "query"]
        check_names(request.GET, known, kind="parameter")


def check_names(names: Iterable[str], known: Iterable[str], *, kind: str) -> None:
    """Raises ApiError for an unknown name; its message lists the known ones."""
    for name in names:
        if name not in known:
            there = f"There are {', '.join(known)}." if known else f"This call takes no {kind}."
            raise ApiError("bad_request", f"There is no {kind} {clean(name)[:_SHOWN]!r} here. {there}")


def flag(request: HttpRequest, name: str) -> bool:
    """Whether a parameter is true; false if omitted. Raises ApiError for anything but true or false."""
    text = request.GET.get(name, "false")
    if text.lower() not in FLAGS:
        raise ApiError("bad_request", f"{name} must be true or false.")
    return FLAGS[text.lower()]
