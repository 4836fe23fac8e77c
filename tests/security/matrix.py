"""Who may use each address and each frame. The tests fail if one has no rule, so each new one needs a decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Access(Enum):
    PUBLIC = auto()
    """Open to anybody, and contains nobody's data."""
    SIGNED_IN = auto()
    """Open to everybody who is signed in, and contains only their own data."""
    OWNER = auto()
    """Open to the owner of the id in the address. For others it does not exist."""
    STAFF = auto()
    """The admin: open to staff who have its permission."""


@dataclass(frozen=True)
class Rule:
    """`ids`: alice's objects (`World.ids`) that the parameter can name. `allowed`: methods that the owner may use."""

    access: Access
    ids: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ("GET",)


PUBLIC: Final = Rule(Access.PUBLIC)
SIGNED_IN: Final = Rule(Access.SIGNED_IN)
STAFF: Final = Rule(Access.STAFF)


def _owner(*ids: str, allowed: tuple[str, ...] = ("GET",)) -> Rule:
    return Rule(Access.OWNER, ids, allowed)


PAGES: Final[dict[str, Rule]] = {
    "": SIGNED_IN,
    "c/<uuid:conversation_id>": _owner("conversation", "live_conversation", "unanswered_conversation"),
    "image": SIGNED_IN,
    "setup/": PUBLIC,
    "favicon.ico": PUBLIC,
    "manifest.webmanifest": PUBLIC,
    "theme": PUBLIC,
    "language": PUBLIC,
    "healthz": PUBLIC,
    "readyz": PUBLIC,
    "metrics": PUBLIC,
}
_RUNS: Final = ("live_run", "saved_run", "archived_run", "failed_run", "unanswered_run")
API: Final[dict[str, Rule]] = {
    "api/runs": SIGNED_IN,
    "api/runs/stream": SIGNED_IN,
    "api/runs/wait": SIGNED_IN,
    "api/runs/<id:run_id>": _owner("failed_run", "unanswered_run", allowed=("GET", "DELETE")),
    "api/runs/<id:run_id>/events": _owner(*_RUNS),
    "api/runs/<id:run_id>/stop": _owner(*_RUNS, allowed=("POST",)),
    "api/runs/<id:run_id>/keep": _owner("saved_run", "archived_run", "failed_run", allowed=("POST",)),
    "api/events": SIGNED_IN,
    "api/conversations": SIGNED_IN,
    "api/conversations/<id:conversation_id>": _owner("conversation", allowed=("GET", "PATCH", "DELETE")),
    "api/conversations/<id:conversation_id>/restore": _owner("deleted_conversation", allowed=("POST",)),
    "api/conversations/<id:conversation_id>/messages": _owner("conversation"),
    "api/messages/<id:message_id>/approvals": _owner("waiting_message", allowed=()),
    "api/messages/<id:message_id>/answers": _owner("waiting_message", allowed=()),
    "api/search": SIGNED_IN,
    "api/assistants": SIGNED_IN,
    "api/openapi.json": PUBLIC,
    "api/docs": PUBLIC,
}
ACCOUNTS: Final[dict[str, Rule]] = {
    "accounts/": SIGNED_IN,
    "accounts/name/": SIGNED_IN,
    "accounts/address/": SIGNED_IN,
    "accounts/address/confirm/": SIGNED_IN,
    "accounts/sessions/others/end/": SIGNED_IN,
    "accounts/sessions/<int:sign_in_id>/end/": _owner("sign_in", allowed=()),
    "accounts/tokens/": SIGNED_IN,
    "accounts/tokens/<int:token_id>/revoke/": _owner("token", allowed=()),
    "accounts/delete/": SIGNED_IN,
    "accounts/login/": PUBLIC,
    "accounts/logout/": PUBLIC,
    "accounts/signup/": PUBLIC,
    "accounts/inactive/": PUBLIC,
    "accounts/reauthenticate/": SIGNED_IN,
    "accounts/password/change/": SIGNED_IN,
    "accounts/password/set/": SIGNED_IN,
    "accounts/password/reset/": PUBLIC,
    "accounts/password/reset/done/": PUBLIC,
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": PUBLIC,
    "accounts/password/reset/key/done/": PUBLIC,
}
_ADMIN_OF_A_MODEL: Final = (
    *("", "add/", "<path:object_id>/", "<path:object_id>/history/"),
    *("<path:object_id>/delete/", "<path:object_id>/change/"),
)
_ADMIN_MODELS: Final = (
    *("auth/group", "chat/apitoken", "chat/assistant", "chat/conversation", "chat/provideraccount"),
    *("chat/sideeffect", "chat/suggestion", "chat/user"),
)
ADMIN: Final[dict[str, Rule]] = {
    **{f"admin/{model}/{view}": STAFF for model in _ADMIN_MODELS for view in _ADMIN_OF_A_MODEL},
    "admin/": STAFF,
    "admin/login/": PUBLIC,
    "admin/logout/": STAFF,
    "admin/password_change/": STAFF,
    "admin/password_change/done/": STAFF,
    "admin/autocomplete/": STAFF,
    "admin/jsi18n/": STAFF,
    "admin/r/<path:content_type_id>/<path:object_id>/": STAFF,
    "admin/chat/user/<id>/password/": STAFF,
    "admin/chat/provideraccount/<path:object_id>/test/": STAFF,
    "admin/^(?P<app_label>chat|auth)/$": STAFF,
    "admin/(?P<url>.*)$": STAFF,
}
RULES: Final[dict[str, Rule]] = {**PAGES, **API, **ACCOUNTS, **ADMIN}

# Each frame with its fields that contain ids. All of these are tried with ids of alice's objects.
FRAMES: Final[dict[str, tuple[dict[str, str], ...]]] = {
    "send": (
        {"conversation_id": "conversation"},
        {"conversation_id": "live_conversation"},
        {"conversation_id": "deleted_conversation"},
        {"conversation_id": "unanswered_conversation"},
        {"conversation_id": "conversation", "parent_id": "answer"},
        {"conversation_id": "own_conversation", "parent_id": "answer"},
        {"regenerate_id": "question"},
        {"conversation_id": "own_conversation", "regenerate_id": "question"},
        {"continue_id": "answer"},
        {"conversation_id": "own_conversation", "continue_id": "answer"},
    ),
    "approve": ({"message_id": "waiting_message"}, {"message_id": "answer"}),
    "answer": ({"message_id": "waiting_message"}, {"message_id": "answer"}),
    "subscribe": tuple({"run_id": run} for run in _RUNS),
    "stop": tuple({"run_id": run} for run in _RUNS),
    # It only affects what this socket follows, so its reply is the same for every id.
    "unsubscribe": (),
    "ack": (),
}
