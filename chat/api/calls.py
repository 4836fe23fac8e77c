"""The decorator of each API view: the call's name, its request and responses, and the errors it can return.

    @call("dismissRun", "Forget a run", tag=RUNS, gives={204: gives_nothing("Done.")}, refuses=("not_found",))
    async def dismiss(request, user, run_id): ...

The OpenAPI document is built from these by walking the URL patterns (openapi/document.py). They also define which
parameters a request may have (parameters.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

V = TypeVar("V", bound=Callable[..., Any])

Keywords = dict[str, Any]
"""JSON Schema keywords, in the dialect of OpenAPI 3.1."""

CONVERSATIONS: Final = "Conversations"
RUNS: Final = "Runs"
ASSISTANTS: Final = "Assistants"
ABOUT: Final = "This document"

JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
HTML: Final = "text/html"


@dataclass(frozen=True, slots=True)
class Gives:
    """A response. `body`: a `chat.protocol` type, a schema or its name, or None for an empty body."""

    description: str
    body: Any = None
    media: str = JSON
    headers: Mapping[str, Keywords] = field(default_factory=dict)
    links: Mapping[str, Keywords] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parameter:
    """`place`: query or header. `kind`: a `chat.protocol.fields` type, or a schema."""

    name: str
    kind: Any
    description: str
    place: str = "query"


@dataclass(frozen=True, slots=True)
class Call:
    """`description` may be a function if it depends on the settings. `takes`: the type of the request body.

    `takes_any`: ignore unlisted parameters, because some EventSource libraries add their own.
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
    """`name` is the operationId; `refuses` are this call's own error codes, besides those common to all calls."""
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
    """A response with a JSON object of this type."""
    return Gives(description, body, headers=headers or {}, links=links or {})


def gives_nothing(description: str) -> Gives:
    return Gives(description)


def query(name: str, kind: Any, description: str) -> Parameter:
    return Parameter(name, kind, description)


def header(name: str, kind: Any, description: str) -> Parameter:
    return Parameter(name, kind, description, "header")


def link(name: str, description: str, **parameters: str) -> Keywords:
    """An OpenAPI link to the call with this name; each parameter is taken from a field of the response."""
    found = {parameter: f"$response.body#/{field}" for parameter, field in parameters.items()}
    return {"operationId": name, "parameters": found, "description": description}
