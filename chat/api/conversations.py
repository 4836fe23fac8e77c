"""Conversations, and the assistants to choose from."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from chat import database
from chat.api import conversation_changes
from chat.api.pagination import SIZE, page, page_size
from chat.api.parameters import flag, takes
from chat.api.responses import body_of, encoded, encoded_reply, reply, route
from chat.api.serializers import ConversationObject, assistant_object, conversation_object, problem_object
from chat.generation.engine import MODELS_SECONDS, engine
from chat.models import Assistant, Conversation, User
from chat.notices import channel
from chat.protocol.errors import ApiError, not_found


@takes("cursor", "limit", "archived", "pinned")
async def list_conversations(request: HttpRequest, user: User) -> HttpResponse:
    cursor, size = request.GET.get("cursor", ""), page_size(request.GET.get("limit", ""))
    wanted = {"is_archived": flag(request, "archived")}
    if flag(request, "pinned"):
        wanted["is_pinned"] = True
    return encoded_reply(await database.read(lambda: encoded(listed(user, cursor, size, **wanted))))


async def show(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    return reply(await database.read(lambda: shown(user, conversation_id)))


async def change(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    data = body_of(request, conversation_changes.NAMES)

    def write() -> ConversationObject:
        conversation = get_conversation(user, conversation_id)
        conversation.save(update_fields=conversation_changes.apply(conversation, data))
        return conversation_object(conversation)

    changed = await database.write(write)
    kind = "conversation_renamed" if "title" in data else "conversation_changed"
    await channel.publish(user.pk, {"kind": kind, "conversation": changed})
    return reply(changed)


async def delete(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    """Deleted, but restorable for a while. What is being answered in it stops: nobody wants it any more."""

    def write() -> None:
        try:
            get_conversation(user, conversation_id).delete_softly()
        except ApiError:
            # One whose first answer failed has no row: there are just its runs to forget, and their questions.
            dismissed, _ = user.unanswered.kept().filter(conversation_id=conversation_id).delete()
            if not (runs or dismissed):
                raise

    chat = await engine()
    runs = [run for run in await chat.log.runs_of(user.pk) if run.conversation_id == str(conversation_id)]
    for run in runs:
        await chat.stop_and_wait(run)
    await database.write(write)
    for run in runs:
        await chat.log.forget(run.run_id)
    await channel.publish(user.pk, {"kind": "conversation_deleted", "conversation_id": str(conversation_id)})
    return HttpResponse(status=204)


async def restore(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    def write() -> ConversationObject:
        conversation = user.conversations.restorable().filter(pk=conversation_id).first()
        if conversation is None:
            # Restored before, perhaps by this person's other tab.
            return conversation_object(get_conversation(user, conversation_id))
        conversation.restore()
        return conversation_object(conversation)

    restored = await database.write(write)
    await channel.publish(user.pk, {"kind": "conversation_restored", "conversation": restored})
    return reply(restored)


async def list_assistants(request: HttpRequest, user: User) -> HttpResponse:
    chat = await engine()
    await chat.models.ask(seconds=MODELS_SECONDS)

    def find() -> dict[str, Any]:
        usable = list(Assistant.objects.usable_by(user).filter(provider__in=list(chat.providers)))
        return {"items": [assistant_object(each, default=each == usable[0]) for each in usable]}

    problems = [problem_object(problem) for problem in chat.models.problems]
    return reply({**await database.read(find), "problems": problems})


def listed(
    user: User, cursor: str = "", size: int = SIZE, *, is_archived: bool = False, **wanted: bool
) -> dict[str, Any]:
    """A page of the list; without a cursor its first."""
    found, following = page(_kept(user).filter(is_archived=is_archived, **wanted), cursor, by="updated_at", size=size)
    return {"items": [conversation_object(each) for each in found], "next": following}


def shown(user: User, conversation_id: Any) -> ConversationObject:
    """Raises ApiError not_found."""
    return conversation_object(get_conversation(user, conversation_id))


def _kept(user: User) -> QuerySet[Conversation]:
    kept: QuerySet[Conversation] = (
        user.conversations.kept().select_related("assistant").defer("assistant__instructions")
    )
    return kept


def get_conversation(user: User, conversation_id: Any) -> Conversation:
    """Raises ApiError not_found."""
    conversation = _kept(user).filter(pk=conversation_id).first()
    if conversation is None:
        raise not_found()
    return conversation


conversations = route(GET=list_conversations)
conversation = route(GET=show, PATCH=change, DELETE=delete)
conversation_restore = route(POST=restore)
assistants = route(GET=list_assistants)
