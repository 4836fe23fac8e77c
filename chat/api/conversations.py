"""Conversations, their messages, and the assistants to choose from."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from chat import database, notices
from chat.api.pages import page, page_size
from chat.api.replies import body_of, reply, route
from chat.api.shapes import ConversationShape, assistant_shape, conversation_shape, message_shape
from chat.generation.engine import engine
from chat.models import Assistant, Conversation, Message, User
from chat.models.conversation import TITLE_LENGTH
from chat.refusals import Refusal, not_found
from chat.wire import clean, parse_uuid


async def list_conversations(request: HttpRequest, user: User) -> HttpResponse:
    cursor, size = request.GET.get("cursor", ""), page_size(request.GET.get("limit", ""))

    def find() -> dict[str, Any]:
        found, following = page(_kept(user), cursor, by="updated_at", size=size)
        return {"items": [conversation_shape(each) for each in found], "next": following}

    return reply(await database.read(find))


async def show(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    return reply(await database.read(lambda: conversation_shape(_get(user, conversation_id))))


async def change(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    data = body_of(request)

    def write() -> ConversationShape:
        conversation = _get(user, conversation_id)
        fields = []
        if "title" in data:
            conversation.title = _title(data["title"])
            fields.append("title")
        if "active_leaf_id" in data:
            conversation.active_leaf = _message(conversation, data["active_leaf_id"])
            fields.append("active_leaf")
        if not fields:
            raise Refusal("bad_request", "Nothing to change: send title or active_leaf_id.")
        conversation.save(update_fields=fields)
        return conversation_shape(conversation)

    changed = await database.write(write)
    await notices.publish(user.pk, {"kind": "conversation_renamed", "conversation": changed})
    return reply(changed)


async def delete(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    """Deleted, but restorable for a while. What is being answered in it stops: nobody wants it any more."""

    def write() -> None:
        _get(user, conversation_id).delete_softly()

    chat = await engine()
    runs = [run for run in await chat.log.runs_of(user.pk) if run.conversation_id == str(conversation_id)]
    for run in runs:
        await chat.stop_and_wait(run)
    try:
        await database.write(write)
    except Refusal:
        # One whose only answer failed has no row: there is just the run to forget.
        if not runs:
            raise
    for run in runs:
        await chat.log.forget(run.run_id)
    await notices.publish(user.pk, {"kind": "conversation_deleted", "conversation_id": str(conversation_id)})
    return HttpResponse(status=204)


async def restore(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    def write() -> ConversationShape:
        conversation = user.conversations.restorable().filter(pk=conversation_id).first()
        if conversation is None:
            # Restored before, perhaps by this person's other tab.
            return conversation_shape(_get(user, conversation_id))
        conversation.restore()
        return conversation_shape(conversation)

    restored = await database.write(write)
    await notices.publish(user.pk, {"kind": "conversation_restored", "conversation": restored})
    return reply(restored)


async def list_messages(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    cursor, size = request.GET.get("cursor", ""), page_size(request.GET.get("limit", ""))

    def find() -> dict[str, Any]:
        messages = _get(user, conversation_id).messages.select_related("assistant")
        found, following = page(messages, cursor, by="created_at", size=size)
        return {"items": [message_shape(each) for each in found], "next": following}

    return reply(await database.read(find))


async def list_assistants(request: HttpRequest, user: User) -> HttpResponse:
    providers = (await engine()).providers

    def find() -> dict[str, Any]:
        usable = list(Assistant.objects.usable_by(user).filter(provider__in=list(providers)))
        return {"items": [assistant_shape(each, default=each == usable[0]) for each in usable]}

    return reply(await database.read(find))


def _kept(user: User) -> QuerySet[Conversation]:
    kept: QuerySet[Conversation] = user.conversations.kept().select_related("assistant")
    return kept


def _get(user: User, conversation_id: Any) -> Conversation:
    conversation = _kept(user).filter(pk=conversation_id).first()
    if conversation is None:
        raise not_found()
    return conversation


def _title(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Refusal("bad_request", "title must be a text that is not empty.")
    title = " ".join(clean(value).split())
    if len(title) > TITLE_LENGTH:
        raise Refusal("bad_request", f"title is too long: at most {TITLE_LENGTH} characters.")
    return title


def _message(conversation: Conversation, value: object) -> Any:
    message_id = parse_uuid(value)
    answers = conversation.messages.filter(role=Message.Role.ASSISTANT)
    message = answers.filter(pk=message_id).first() if message_id else None
    if message is None:
        raise not_found()
    return message


conversations = route(GET=list_conversations)
conversation = route(GET=show, PATCH=change, DELETE=delete)
conversation_restore = route(POST=restore)
conversation_messages = route(GET=list_messages)
assistants = route(GET=list_assistants)
