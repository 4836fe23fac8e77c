"""Conversations, and the list of assistants."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from chat import database
from chat.api import conversation_changes
from chat.api.calls import ASSISTANTS, CONVERSATIONS, call, gives, gives_nothing, link, query
from chat.api.pagination import PAGING, SIZE, UNPAGED, page, page_size
from chat.api.parameters import flag
from chat.api.responses import body_of, encoded, encoded_reply, reply, route
from chat.api.serializers import assistant_object, conversation_object, problem_object
from chat.generation.bootstrap import engine
from chat.generation.engine import MODELS_SECONDS
from chat.models import Assistant, Conversation, User
from chat.notices import channel
from chat.protocol import objects
from chat.protocol.errors import ApiError, not_found
from chat.protocol.objects import AssistantList, ConversationChanges, ConversationPage

_FLAG: Final = {"type": "boolean", "default": False}
_LINKS: Final = {"messages": link("listMessages", "Its messages.", conversation_id="id")}


@call(
    "listConversations",
    "Your conversations",
    tag=CONVERSATIONS,
    description="Those that are not archived, unless you ask for the archived ones.",
    parameters=[
        *PAGING,
        query("archived", _FLAG, "`true`: only those that are archived."),
        query("pinned", _FLAG, "`true`: only those that are pinned."),
    ],
    gives={200: gives(ConversationPage, "A page of them.")},
    refuses=UNPAGED,
)
async def list_conversations(request: HttpRequest, user: User) -> HttpResponse:
    cursor, size = request.GET.get("cursor", ""), page_size(request.GET.get("limit", ""))
    wanted = {"is_archived": flag(request, "archived")}
    if flag(request, "pinned"):
        wanted["is_pinned"] = True
    return encoded_reply(await database.read(lambda: encoded(listed(user, cursor, size, **wanted))))


@call(
    "getConversation",
    "One conversation",
    tag=CONVERSATIONS,
    gives={200: gives(objects.Conversation, "The conversation.", links=_LINKS)},
    refuses=("not_found",),
)
async def show(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    return reply(await database.read(lambda: shown(user, conversation_id)))


@call(
    "changeConversation",
    "Rename, pin, archive or mark a conversation, switch its tools, or show another branch of it",
    tag=CONVERSATIONS,
    takes=ConversationChanges,
    gives={200: gives(objects.Conversation, "The conversation as it is now.")},
    refuses=("not_found",),
)
async def change(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    data = body_of(request, ConversationChanges)

    def write() -> objects.Conversation:
        conversation = get_conversation(user, conversation_id)
        conversation.save(update_fields=conversation_changes.apply(conversation, data))
        return conversation_object(conversation)

    changed = await database.write(write)
    kind = "conversation_renamed" if "title" in data else "conversation_changed"
    await channel.publish(user.pk, {"kind": kind, "conversation": changed})
    return reply(changed)


@call(
    "deleteConversation",
    "Delete a conversation",
    tag=CONVERSATIONS,
    description=lambda: (
        "Its live runs are stopped first. It can be restored for "
        f"{settings.CHAT_UNDO_SECONDS} seconds, then it is deleted for good."
    ),
    gives={204: gives_nothing("It is deleted.")},
    refuses=("not_found",),
)
async def delete(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    """Delete it, restorable for a while. Its runs are stopped first: nobody wants their answers any more."""

    def write() -> None:
        try:
            get_conversation(user, conversation_id).delete_softly()
        except ApiError:
            # A conversation whose first answer failed has no row, only runs and their questions.
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


@call(
    "restoreConversation",
    "Undo a deletion",
    tag=CONVERSATIONS,
    gives={200: gives(objects.Conversation, "The conversation, which is back, or was never deleted.")},
    refuses=("not_found",),
)
async def restore(request: HttpRequest, user: User, conversation_id: Any) -> HttpResponse:
    def write() -> objects.Conversation:
        conversation = user.conversations.restorable().filter(pk=conversation_id).first()
        if conversation is None:
            # Already restored, perhaps in another tab.
            return conversation_object(get_conversation(user, conversation_id))
        conversation.restore()
        return conversation_object(conversation)

    restored = await database.write(write)
    await channel.publish(user.pk, {"kind": "conversation_restored", "conversation": restored})
    return reply(restored)


@call(
    "listAssistants",
    "The assistants that you can choose",
    tag=ASSISTANTS,
    description="A model server that did not respond before is asked again, for a second at most.",
    gives={200: gives(AssistantList, "The assistants.")},
)
async def list_assistants(request: HttpRequest, user: User) -> HttpResponse:
    chat = await engine()
    await chat.models.ask(seconds=MODELS_SECONDS)

    def find() -> dict[str, Any]:
        usable = list(Assistant.objects.usable_by(user).filter(provider__in=list(chat.providers)))
        demos, tools = chat.providers.demos, chat.tools
        return {
            "items": [assistant_object(each, default=each == usable[0], demos=demos, tools=tools) for each in usable]
        }

    problems = [problem_object(problem) for problem in chat.models.problems]
    return reply({**await database.read(find), "problems": problems})


def listed(
    user: User, cursor: str = "", size: int = SIZE, *, is_archived: bool = False, **wanted: bool
) -> dict[str, Any]:
    """A page of the list; the first without a cursor."""
    found, following = page(_kept(user).filter(is_archived=is_archived, **wanted), cursor, by="updated_at", size=size)
    return {"items": [conversation_object(each) for each in found], "next": following}


def shown(user: User, conversation_id: Any) -> objects.Conversation:
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
