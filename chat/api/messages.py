"""The messages of a conversation, page by page: of all branches, or of one."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from chat import database
from chat.api.calls import CONVERSATIONS, call, gives, query
from chat.api.conversations import get_conversation
from chat.api.pagination import PAGING, SIZE, UNPAGED, cursor_at, page, page_size
from chat.api.responses import encoded, encoded_reply, route, with_own_queue
from chat.api.serializers import branch_message_object, message_object
from chat.models import Conversation, User, branch
from chat.models.branch import NotOnBranch, Stretch
from chat.models.sizes import PAGE_BYTES, fitting
from chat.protocol.errors import ApiError, not_found
from chat.protocol.fields import Id
from chat.protocol.objects import MessagePage
from chat.protocol.untrusted_input import parse_uuid

OLDER: Final = "older"
NEWER: Final = "newer"


@with_own_queue
@call(
    "listMessages",
    "The messages of a conversation",
    tag=CONVERSATIONS,
    description="Of all its branches, or of one: the shown path goes from the conversation's `active_leaf_id` up "
    "through `parent_id`. On the pages of a branch each message has its `siblings`. A page may have fewer messages "
    "than `limit` where they are long: the end is where there is no further cursor.",
    parameters=[
        *PAGING,
        query(
            "branch", {"type": "string", "enum": ["active"]}, "`active`: only the shown path, from its end upwards."
        ),
        query(
            "around",
            Id,
            "A message: a page of its branch with it in the middle. The branch is the shown one if the message is on "
            "it, else the newest below it. Not with `cursor`.",
        ),
    ],
    gives={200: gives(MessagePage, "A page of them.")},
    refuses=(*UNPAGED, "not_found", "rate_limited"),
)
async def list_messages(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    wanted = {name: request.GET.get(name, "") for name in ("branch", "around", "cursor")}
    size = page_size(request.GET.get("limit", ""))
    if wanted["branch"] not in ("", "active"):
        raise ApiError("bad_request", "branch is `active`, or left out for the messages of all branches.")
    if wanted["around"] and wanted["cursor"]:
        raise ApiError("bad_request", "Send around or cursor, not both.")

    def find() -> dict[str, Any]:
        conversation = get_conversation(user, conversation_id)
        if wanted["around"]:
            return _branch_page(conversation, _around(conversation, wanted["around"], size))
        if wanted["branch"]:
            return _branch_page(conversation, _of_branch(conversation, wanted["cursor"], size))
        return _of_all_branches(conversation, wanted["cursor"], size)

    return encoded_reply(await database.read_in_turn(database.pages, user.pk, lambda: encoded(find())))


def end_of_branch(user: User, conversation_id: Any, *, room: int) -> dict[str, Any]:
    """The last page of the active branch, with at most `room` bytes of text. Raises ApiError not_found."""
    conversation = get_conversation(user, conversation_id)
    return _branch_page(conversation, _of_branch(conversation, "", SIZE, room=room))


def _of_all_branches(conversation: Conversation, cursor: str, size: int) -> dict[str, Any]:
    """At most `size` messages and PAGE_BYTES of text, but at least one message."""
    messages = (
        conversation.messages.select_related("assistant").prefetch_related("parts").defer("assistant__instructions")
    )
    places, following = page(
        conversation.messages.only("created_at", "conversation"), cursor, by="created_at", size=size
    )
    try:
        [shown] = fitting(conversation.messages.all(), [each.pk for each in places], size=PAGE_BYTES)
        found = messages.in_bulk(shown)
        items = [message_object(found[each]) for each in shown]
    except KeyError:
        # Its conversation was purged in the meantime.
        raise not_found() from None
    if len(shown) < len(places):
        last = places[len(shown) - 1]
        following = cursor_at(last.created_at, last.pk)
    return {"items": items, "next": following}


def _around(conversation: Conversation, message_id: str, size: int) -> Stretch:
    known = parse_uuid(message_id)
    if known is None:
        raise not_found()
    try:
        return branch.around(conversation, UUID(known), size=size)
    except NotOnBranch:
        raise not_found() from None


def _of_branch(conversation: Conversation, cursor: str, size: int, *, room: int = PAGE_BYTES) -> Stretch | None:
    if not cursor:
        leaf_id = conversation.active_leaf_id
        return branch.older(conversation, leaf_id, leaf_id, size=size, room=room) if leaf_id else None
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
        "items": [branch_message_object(each, siblings=beside[each.pk]) for each in stretch.messages],
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


def _bad_cursor() -> ApiError:
    return ApiError("bad_cursor", "cursor must be the `next` or `previous` of an earlier page of this branch.")


conversation_messages = route(GET=list_messages)
