"""What the calls take and give."""

from __future__ import annotations

from django.conf import settings

from chat.api.openapi.values import (
    ADDRESS,
    COUNT,
    CURSOR,
    FLAG,
    MILLISECONDS,
    NOT_BLANK,
    PAGE,
    TEXT,
    TIME,
    UUID,
    Schema,
    body,
    list_of,
    nullable,
    nullable_shape,
    one_of,
    ref,
    said,
    shape,
)
from chat.generation.requests import AGAIN, ROOT
from chat.models import Message
from chat.models.conversation import TITLE_LENGTH
from chat.protocol.untrusted_input import UUID_PATTERN


def objects() -> dict[str, Schema]:
    """The schemas by name."""
    return {
        "Send": _send(),
        "StartedRun": STARTED_RUN,
        "Run": RUN,
        "StoppedRun": STOPPED_RUN,
        "Conversation": CONVERSATION,
        "ConversationChanges": CONVERSATION_CHANGES,
        "Message": MESSAGE,
        "Assistant": ASSISTANT,
        "RunList": _list("The runs, newest first.", "Run"),
        "ConversationPage": _page("Conversations, the one that was answered last first.", "Conversation"),
        "MessagePage": _message_page(),
        "Hit": HIT,
        "Segment": SEGMENT,
        "SearchPage": _page("What was found, the newest first.", "Hit"),
        "ModelProblem": MODEL_PROBLEM,
        "AssistantList": _assistant_list(),
    }


def _send() -> Schema:
    send = body(
        "A message to answer (`text`), a saved question to answer again (`regenerate_id`), or a saved answer that was "
        "cut off, to go on with (`continue_id`): exactly one of the three.",
        {
            "text": {
                **said(nullable(TEXT), "The message. NUL and unpaired surrogates are replaced by U+FFFD."),
                "minLength": 1,
                "maxLength": settings.CHAT_MESSAGE_CHARACTERS,
                "pattern": NOT_BLANK,
            },
            "client_message_id": said(
                nullable(UUID),
                "Made by the client, one for each message: the same id again, by whatever transport, is the same run. "
                "Left out, every request is a new run.",
            ),
            "conversation_id": said(nullable(UUID), "Left out, a new conversation begins."),
            "parent_id": {
                **nullable(TEXT),
                "pattern": f"^({ROOT}|{UUID_PATTERN})$",
                "description": "The answer that this message continues. Left out, the conversation's active leaf; "
                f"`{ROOT}` makes a new first message. Only with `text`.",
            },
            "regenerate_id": said(
                nullable(UUID), "A question. It gets a further answer beside those that it has. `text` is left out."
            ),
            "continue_id": said(
                nullable(UUID),
                "An answer whose `finish_reason` is `length` or `stopped`. A new answer beside it begins with its "
                "text and goes on. `text` is left out.",
            ),
            "assistant": said(
                nullable(TEXT), "The slug of an assistant. Left out, the conversation's own, or else the default."
            ),
            "attachments": {
                **nullable(list_of(TEXT)),
                "maxItems": 0,
                "description": "Reserved: nothing can be attached yet.",
            },
        },
    )
    return {
        **send,
        # Exactly one of the three, as validators read it; a `oneOf` costs generated clients all fields.
        **_either("regenerate_id", _either("continue_id", _needed("text"))),
        "examples": [
            {"text": "Why is the sky blue?"},
            {
                "client_message_id": "0198f2a4-5d3b-7c11-9a52-6f1f3a9be001",
                "text": "Why is the sky blue?",
                "conversation_id": None,
                "parent_id": ROOT,
                "assistant": "demo",
                "attachments": [],
            },
            {"regenerate_id": "0198f2a4-5d3b-7c11-9a52-6f1f3a9be002"},
            {"continue_id": "0198f2a4-5d3b-7c11-9a52-6f1f3a9be003", "assistant": "demo"},
        ],
    }


def _either(name: str, otherwise: Schema) -> Schema:
    """Where there is this field, all that exclude it are left out or null."""
    absent = {other: {"type": "null"} for other in ("text", "parent_id", *AGAIN) if other != name}
    return {"if": _needed(name), "then": {"properties": absent}, "else": otherwise}


def _needed(name: str) -> Schema:
    return {"required": [name], "properties": {name: {"type": "string"}}}


def _list(description: str, name: str) -> Schema:
    return shape(description, {"items": list_of(ref(name))})


def _assistant_list() -> Schema:
    answers = _list("The assistants to choose from; the default is the first.", "Assistant")
    answers["properties"]["problems"] = said(
        list_of(ref("ModelProblem")), "Providers whose models cannot be used, as far as was known a moment ago."
    )
    answers["required"] = [*answers["required"], "problems"]
    return answers


def _page(description: str, name: str) -> Schema:
    following = said(nullable(PAGE), "The `cursor` of the next page, or null at the end.")
    return shape(description, {"items": list_of(ref(name)), "next": following})


def _message_page() -> Schema:
    page = _page("Messages of all branches or of one, newest first.", "Message")
    page["properties"] |= {
        "previous": said(nullable(PAGE), "Of one branch: the `cursor` of the page of newer messages, or null."),
        "leaf_id": said(nullable(UUID), "Of one branch: the message at which it ends. Null if there is none yet."),
    }
    return page


STARTED_RUN: Schema = shape(
    "Where to follow a run, and where to stop it.",
    {
        "run_id": UUID,
        "conversation_id": said(UUID, "Reserved at the start. The conversation itself exists once its run is saved."),
        "events_url": ADDRESS,
        "stop_url": ADDRESS,
    },
)

UNANSWERED: Schema = shape(
    "Of a run that failed, where its question waits to be asked again or dismissed.",
    {
        "failed_at": TIME,
        "first": said(FLAG, "Nothing in its conversation has been answered: the conversation does not exist yet."),
    },
)

RUN: Schema = shape(
    "One generation: a message in, one answer out.",
    {
        "run_id": UUID,
        "conversation_id": UUID,
        "client_message_id": UUID,
        "title": said(TEXT, "Of the conversation."),
        "cursor": said(CURSOR, "The last event so far."),
        "state": one_of("live", "completed", "stopped", "error"),
        "unanswered": said(
            nullable_shape(UNANSWERED),
            "Of a run that failed, where its question waits to be asked again or dismissed: `failed_at`, and `first`, "
            "which says that nothing in its conversation has been answered, so that this does not exist yet.",
        ),
        "events_url": ADDRESS,
        "stop_url": ADDRESS,
    },
)

STOPPED_RUN: Schema = shape("The run that was asked to stop.", {"run_id": UUID})

CONVERSATION: Schema = shape(
    "A tree of messages. What is shown is the path from the active leaf up to the root.",
    {
        "id": UUID,
        "title": said({**TEXT, "maxLength": TITLE_LENGTH}, "Plain text."),
        "assistant": said(nullable(TEXT), "The slug of the one who answered last. Null if it is gone."),
        "active_leaf_id": said(nullable(UUID), "The message at which the shown path ends."),
        "pinned": said(FLAG, "Kept at the top of the list."),
        "archived": said(FLAG, "Left out of the list, unless that is asked for."),
        "unread": said(FLAG, "An answer was saved since this was last set to false."),
        "created_at": TIME,
        "updated_at": TIME,
    },
)

_CHANGES: dict[str, Schema] = {
    "title": {
        **said(TEXT, "Runs of white space become one space."),
        "minLength": 1,
        "maxLength": TITLE_LENGTH,
        "pattern": NOT_BLANK,
    },
    "active_leaf_id": said(UUID, "An answer of this conversation, to end the shown path."),
    "branch_id": said(UUID, "Any message of it: the shown path ends at the newest answer below this one."),
    "pinned": FLAG,
    "archived": FLAG,
    "unread": FLAG,
}

CONVERSATION_CHANGES: Schema = {
    **body("What to change: one of these, or several. Not `active_leaf_id` together with `branch_id`.", _CHANGES),
    "minProperties": 1,
    "dependentSchemas": {"active_leaf_id": {"properties": {"branch_id": False}}},
    "examples": [
        {"title": "The blue sky"},
        {"active_leaf_id": "0198f2a4-5d3b-7c11-9a52-6f1f3a9be002"},
        {"branch_id": "0198f2a4-5d3b-7c11-9a52-6f1f3a9be003", "unread": False},
        {"pinned": True, "archived": False},
    ],
}

MESSAGE: Schema = shape(
    "A person's question or an assistant's answer. Never changed once it is written.",
    {
        "id": UUID,
        "conversation_id": UUID,
        "parent_id": said(nullable(UUID), "Null for a first message."),
        "role": one_of(*Message.Role.values),
        "text": TEXT,
        "status": said(one_of(*Message.Status.values), "`stopped`: the answer is as long as it was by then."),
        "finish_reason": said(TEXT, "As in the `done` event. Empty for a question."),
        "model": said(TEXT, "The model's name at the provider. Empty for a question."),
        "assistant": said(nullable(TEXT), "The slug of the one who answered. Null for a question, or if it is gone."),
        "run_id": said(nullable(UUID), "The run that wrote this answer. Null for a question."),
        "client_message_id": said(
            nullable(UUID),
            "That of the request that brought it: of a question, or of a further answer to it. Else null.",
        ),
        "input_tokens": nullable(COUNT),
        "output_tokens": nullable(COUNT),
        "ttft_ms": said(nullable(MILLISECONDS), "Time to the first token, in milliseconds."),
        "duration_ms": said(nullable(MILLISECONDS), "Of the whole answer, in milliseconds."),
        "created_at": TIME,
        "siblings": said(
            list_of(UUID),
            "On a page of one branch: the messages of its role below the same parent, oldest first, itself included.",
        ),
    },
    optional=("siblings",),
)

ASSISTANT: Schema = shape(
    "A model with a name and instructions: what a person chooses to talk to.",
    {
        "slug": TEXT,
        "name": TEXT,
        "description": TEXT,
        "provider": TEXT,
        "model": TEXT,
        "default": said(FLAG, "Who answers when nothing else is chosen."),
        "demo": said(FLAG, "Its answers are pre-written."),
    },
)

MODEL_PROBLEM: Schema = shape(
    "What is wrong with a provider.",
    {
        "provider": said(TEXT, "As assistants name it."),
        "silent": said(FLAG, "Whether its server does not answer. It may do so any moment: ask again."),
        "code": said(TEXT, "As in an `error` event."),
        "message": said(TEXT, "A sentence for people, in English."),
    },
)

SEGMENT: Schema = shape(
    "A piece of a text. Joined, the pieces are the text; nothing in it is markup.",
    {"text": TEXT, "match": said(FLAG, "Whether this is what was searched for.")},
)

HIT: Schema = shape(
    "A message, or the title of a conversation, that holds the words.",
    {
        "conversation": ref("Conversation"),
        "message_id": said(nullable(UUID), "Null: it is the title that holds them."),
        "role": said(nullable(TEXT), "Of the message, `user` or `assistant`. Null for a title."),
        "created_at": said(TIME, "Of the message; of a title, when its conversation was answered last."),
        "title": list_of(ref("Segment")),
        "snippet": said(list_of(ref("Segment")), "The message around the first match. Empty for a title."),
    },
)
