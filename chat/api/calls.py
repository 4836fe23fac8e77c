"""What stands above each view of the API: the call's name, what it takes and gives, and how it can be refused.

    @call("dismissRun", "Forget a run", tag=RUNS, gives={204: gives_nothing("Done.")}, refuses=("not_found",))
    async def dismiss(request, user, run_id): ...

The OpenAPI document is made of these by walking the addresses (openapi/document.py); which parameters a request may
have is read from here as well (parameters.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

V = TypeVar("V", bound=Callable[..., Any])

Keywords = dict[str, Any]
"""JSON Schema, as OpenAPI 3.1 has it."""

CONVERSATIONS: Final = "Conversations"
RUNS: Final = "Runs"
ASSISTANTS: Final = "Assistants"
ABOUT: Final = "This document"

JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
HTML: Final = "text/html"


@dataclass(frozen=True, slots=True)
class Gives:
    """A response. `body`: a type of `chat.protocol`, the name of a schema, a schema, or None for an empty body."""

    description: str
    body: Any = None
    media: str = JSON
    headers: Mapping[str, Keywords] = field(default_factory=dict)
    links: Mapping[str, Keywords] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parameter:
    """`place`: query or header. `kind`: a type of `chat.protocol.fields`, or a schema."""

    name: str
    kind: Any
    description: str
    place: str = "query"


@dataclass(frozen=True, slots=True)
class Call:
    """`description` may be a function: of what hangs on the settings. `takes`: the type of the request's body.

    `takes_any`: parameters that are not listed are ignored, for event sources of others that add their own.
    """

    name: str
    summary: str
    tag: str
    gives: Mapping[int, Gives]
    refuses: Sequence[str]
    description: str | Callable[[], str]
    takes: type[Any] | None
    parameters: Sequence[Parameter]
    takes_any: bool
    is_public: bool


def call(
    name: str,
    summary: str,
    *,
    tag: str,
    gives: Mapping[int, Gives],
    refuses: Sequence[str] = (),
    description: str | Callable[[], str] = "",
    takes: type[Any] | None = None,
    parameters: Sequence[Parameter] = (),
    takes_any: bool = False,
    is_public: bool = False,
) -> Callable[[V], V]:
    """`name` is the operationId; `refuses` are the codes of errors that are this call's own, beside those of all."""
    made = Call(name, summary, tag, gives, refuses, description, takes, parameters, takes_any, is_public)

    def mark(view: V) -> V:
        view.call = made  # type: ignore[attr-defined]
        return view

    return mark


def gives(
    body: Any,
    description: str,
    *,
    headers: Mapping[str, Keywords] | None = None,
    links: Mapping[str, Keywords] | None = None,
) -> Gives:
    """A JSON object of this type."""
    return Gives(description, body, headers=headers or {}, links=links or {})


def gives_nothing(description: str) -> Gives:
    return Gives(description)


def query(name: str, kind: Any, description: str) -> Parameter:
    return Parameter(name, kind, description)


def header(name: str, kind: Any, description: str) -> Parameter:
    return Parameter(name, kind, description, "header")


def link(name: str, description: str, **parameters: str) -> Keywords:
    """To the call with this name; each parameter is a field of the response."""
    found = {parameter: f"$response.body#/{field}" for parameter, field in parameters.items()}
    return {"operationId": name, "parameters": found, "description": description}
