"""Conversations, their messages, and the assistants."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from chat.api.openapi.operations import answer, empty, link, operation, path_id, query
from chat.api.openapi.values import CHOICE, PAGE, TEXT, UUID, Schema, one_of
from chat.api.pagination import LARGEST, SIZE
from chat.api.search import SIZE as SEARCH_SIZE

TAG: Final = "Conversations"
ASSISTANTS: Final = "Assistants"
_ID: Final = path_id("conversation_id", "A conversation's id.")
_PAGING: Final = [
    query("cursor", PAGE, "The `next` of the page before. Left out, the first page."),
    query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": LARGEST, "default": SIZE},
        "How many there are on a page.",
    ),
]
_UNPAGED: Final = ("bad_request", "bad_cursor")


def paths() -> dict[str, Schema]:
    """Addresses below the API's own, with the methods of each."""
    return {
        "conversations": {"get": LIST},
        "conversations/{conversation_id}": {"parameters": [_ID], "get": SHOW, "patch": CHANGE, "delete": _delete()},
        "conversations/{conversation_id}/restore": {"parameters": [_ID], "post": RESTORE},
        "conversations/{conversation_id}/messages": {"parameters": [_ID], "get": LIST_MESSAGES},
        "search": {"get": SEARCH},
        "assistants": {"get": LIST_ASSISTANTS},
    }


LIST: Final = operation(
    "listConversations",
    "Your conversations",
    tag=TAG,
    description="Those that are not archived, unless that is asked for.",
    parameters=[
        *_PAGING,
        query("archived", CHOICE, "`true`: only those that are archived."),
        query("pinned", CHOICE, "`true`: only those that are pinned."),
    ],
    answers={"200": answer("ConversationPage", "A page of them.")},
    refused=_UNPAGED,
)

SHOW: Final = operation(
    "getConversation",
    "One conversation",
    tag=TAG,
    answers={
        "200": answer(
            "Conversation",
            "The conversation.",
            links={"messages": link("listMessages", "Its messages.", conversation_id="id")},
        )
    },
    refused=("not_found",),
)

CHANGE: Final = operation(
    "changeConversation",
    "Rename, pin, archive or mark a conversation, or show another branch of it",
    tag=TAG,
    writes=True,
    body="ConversationChanges",
    answers={"200": answer("Conversation", "The conversation as it is now.")},
    refused=("not_found",),
)

RESTORE: Final = operation(
    "restoreConversation",
    "Undo a deletion",
    tag=TAG,
    writes=True,
    answers={"200": answer("Conversation", "The conversation, which is back, or was never gone.")},
    refused=("not_found",),
)

LIST_MESSAGES: Final = operation(
    "listMessages",
    "The messages of a conversation",
    tag=TAG,
    description="Of all its branches, or of one: the shown path goes from the conversation's `active_leaf_id` up "
    "through `parent_id`. On the pages of a branch each message has its `siblings`. A page may have fewer messages "
    "than `limit` where they are long: what tells the end is that there is no further cursor.",
    parameters=[
        *_PAGING,
        query("branch", one_of("active"), "`active`: only the path that is shown, from its end upwards."),
        query(
            "around",
            UUID,
            "A message: a page of its branch with it in the middle. The branch is the one that is shown if the "
            "message is on it, else the newest below it. Not with `cursor`.",
        ),
    ],
    answers={"200": answer("MessagePage", "A page of them.")},
    refused=(*_UNPAGED, "not_found", "rate_limited"),
)

SEARCH: Final = operation(
    "search",
    "Search titles and messages",
    tag=TAG,
    description="In all that you have not deleted, the newest first. A hit holds every word; of the last, the "
    "beginning is enough. Words of a script without spaces may be anywhere. Without a word nothing is found.",
    parameters=[
        query("q", TEXT, "The words. Nothing in it is an operator."),
        _PAGING[0],
        query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": LARGEST, "default": SEARCH_SIZE},
            "How many there are on a page.",
        ),
    ],
    answers={"200": answer("SearchPage", "A page of what was found.")},
    refused=(*_UNPAGED, "rate_limited"),
)

LIST_ASSISTANTS: Final = operation(
    "listAssistants",
    "Who can answer",
    tag=ASSISTANTS,
    description="A model server that did not answer before is asked again, for a second at most.",
    answers={"200": answer("AssistantList", "Those that you may choose from.")},
)


def _delete() -> Schema:
    return operation(
        "deleteConversation",
        "Delete a conversation",
        tag=TAG,
        description="What is being answered in it is stopped first. It can be restored for "
        f"{settings.CHAT_UNDO_SECONDS} seconds, then it is gone for good.",
        writes=True,
        answers={"204": empty("It is deleted.")},
        refused=("not_found",),
    )
