"""The messages of a conversation: of all its branches, or of one, page by page."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from chat import database
from chat.api.conversations import get_conversation
from chat.api.pages import SIZE, page, page_size
from chat.api.replies import reply, route
from chat.api.shapes import branch_message_shape, message_shape
from chat.models import Conversation, User, branch
from chat.models.branch import NotOnBranch, Stretch
from chat.refusals import Refusal, not_found
from chat.wire import parse_uuid

OLDER: Final = "older"
NEWER: Final = "newer"


async def list_messages(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    wanted = {name: request.GET.get(name, "") for name in ("branch", "around", "cursor")}
    size = page_size(request.GET.get("limit", ""))
    if wanted["branch"] not in ("", "active"):
        raise Refusal("bad_request", "branch is `active`, or left out for the messages of all branches.")
    if wanted["around"] and wanted["cursor"]:
        raise Refusal("bad_request", "Send around or cursor, not both.")

    def find() -> dict[str, Any]:
        conversation = get_conversation(user, conversation_id)
        if wanted["around"]:
            return _branch_page(conversation, _around(conversation, wanted["around"], size))
        if wanted["branch"]:
            return _branch_page(conversation, _of_branch(conversation, wanted["cursor"], size))
        found, following = page(
            conversation.messages.select_related("assistant"), wanted["cursor"], by="created_at", size=size
        )
        return {"items": [message_shape(each) for each in found], "next": following}

    return reply(await database.read(find))


def end_of_branch(user: User, conversation_id: Any) -> dict[str, Any]:
    """The last page of the branch that is shown. Raises Refusal not_found."""
    conversation = get_conversation(user, conversation_id)
    return _branch_page(conversation, _of_branch(conversation, "", SIZE))


def _around(conversation: Conversation, message_id: str, size: int) -> Stretch:
    known = parse_uuid(message_id)
    if known is None:
        raise not_found()
    try:
        return branch.around(conversation, UUID(known), size=size)
    except NotOnBranch:
        raise not_found() from None


def _of_branch(conversation: Conversation, cursor: str, size: int) -> Stretch | None:
    if not cursor:
        leaf_id = conversation.active_leaf_id
        return branch.older(conversation, leaf_id, leaf_id, size=size) if leaf_id else None
    direction, leaf_id, message_id = _parse(cursor)
    try:
        walk = branch.older if direction == OLDER else branch.newer
        return walk(conversation, leaf_id, message_id, size=size)
    except NotOnBranch:
        raise _bad_cursor() from None


def _branch_page(conversation: Conversation, stretch: Stretch | None) -> dict[str, Any]:
    """`next` leads up to older messages, `previous` down to newer ones, both on the same branch."""
    if stretch is None:
        return {"items": [], "next": None, "previous": None, "leaf_id": None}
    beside = branch.siblings(conversation, stretch.messages)
    newest = stretch.messages[0].pk if stretch.messages else None
    return {
        "items": [branch_message_shape(each, siblings=beside[each.pk]) for each in stretch.messages],
        "next": _cursor(OLDER, stretch.leaf_id, stretch.older_id) if stretch.older_id else None,
        "previous": _cursor(NEWER, stretch.leaf_id, newest) if newest and stretch.has_newer else None,
        "leaf_id": str(stretch.leaf_id),
    }


def _cursor(direction: str, leaf_id: UUID, message_id: UUID) -> str:
    return base64.urlsafe_b64encode(f"{direction} {leaf_id} {message_id}".encode()).decode().rstrip("=")


def _parse(cursor: str) -> tuple[str, UUID, UUID]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        direction, leaf, message = text.split(" ")
        leaf_id, message_id = parse_uuid(leaf), parse_uuid(message)
    except (ValueError, binascii.Error):
        raise _bad_cursor() from None
    if direction not in (OLDER, NEWER) or leaf_id is None or message_id is None:
        raise _bad_cursor()
    return direction, UUID(leaf_id), UUID(message_id)


def _bad_cursor() -> Refusal:
    return Refusal("bad_cursor", "cursor must be the `next` or `previous` of an earlier page of this branch.")


conversation_messages = route(GET=list_messages)
