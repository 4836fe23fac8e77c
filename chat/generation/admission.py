"""Checks whether a message may be sent and builds its request. Read-only: nothing is saved until the turn is done."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from chat.generation import context, prompt, regeneration, waiting
from chat.generation.permissions import Permissions, asking_in
from chat.generation.pseudonym import pseudonym_of
from chat.generation.regeneration import Regeneration
from chat.generation.replies import Reply
from chat.generation.requests import SendRequest
from chat.generation.titles import title_of
from chat.generation.toolbox import tools_of
from chat.generation.tools_choice import ToolsChoice
from chat.generation.work import Work
from chat.models import Assistant, Conversation, Decision, Message, UnansweredQuestion, User
from chat.models.part import parts_of
from chat.models.prepared import A_NUMBER, A_TEXT, AN_ID, Prepared
from chat.models.step import steps_of
from chat.protocol import event_data
from chat.protocol.errors import ApiError, not_found
from chat.protocol.objects import ROOT
from chat.providers.base import Effort, Request
from chat.tools.registry import Registry
from chat.tools.time_zones import zone_of


@dataclass(frozen=True, slots=True)
class AlreadySent:
    """A message whose answer is already saved."""

    run_id: str
    conversation_id: str


@dataclass(frozen=True, slots=True)
class Admission:
    """A message that may be sent, with everything its run needs.

    `left_out`: how many messages of the conversation are not sent to the model, for want of room. `time_zone`: for
    its tools; empty if unknown. `waiting`: the answer whose calls are decided with this.
    """

    conversation_id: str
    title: str
    user_message: event_data.UserMessage
    assistant: Assistant
    request: Request
    tools: Registry
    choice: ToolsChoice
    permissions: Permissions
    work: Work | None = None
    left_out: int = 0
    time_zone: str = ""
    waiting: Message | None = None


def admit(
    find_user: Callable[[], User | None],
    send: SendRequest,
    *,
    reserved: frozenset[str],
    providers: frozenset[str],
    tools: Registry,
    characters: int,
) -> Admission | AlreadySent:
    """Look up everything the request names. Raises ApiError; `not_signed_in` if `find_user` returns None.

    `reserved`: this user's conversations that have runs but may have no row yet. `providers`: all provider names.
    `tools`: all tools.
    """
    user = find_user()
    if user is None:
        raise ApiError("not_signed_in", "This account is no longer active.")
    if sent := _saved(user.pk, send):
        return sent
    repeated = regeneration.find(user, send)
    if repeated is not None:
        return _once_more(user, send, repeated, providers=providers, tools=tools, characters=characters)
    conversation = _conversation(user, send, reserved)
    assistant = _assistant(user, send, conversation, providers)
    parent_id = _parent_id(send, conversation)
    path = prompt.path_to(parent_id, conversation) if conversation else []
    choice = _choice(user, send, conversation)
    offered = tools_of(assistant, tools, choice)
    request, left_out = _request(user, assistant, path, send.text, tools=offered, characters=characters)
    return Admission(
        conversation_id=send.conversation_id or str(uuid.uuid4()),
        title=conversation.title if conversation else title_of(send.text),
        user_message={"text": send.text, "parent_id": parent_id, "attachments": []},
        assistant=assistant,
        request=request,
        tools=offered,
        choice=choice,
        permissions=Permissions(asking_in(assistant, offered, conversation.pk if conversation else None)),
        left_out=left_out,
        time_zone=_time_zone(send, offered),
    )


def already_sent(user_id: int, send: SendRequest) -> str | None:
    """The id of the run that answered this message, saved or failed; None if there is none.

    Raises ApiError `conflict` if the client_message_id was used for another message.
    """
    if sent := _saved(user_id, send):
        return sent.run_id
    unanswered = UnansweredQuestion.objects.kept().filter(owner_id=user_id, client_message_id=send.client_message_id)
    question = unanswered.first()
    if question is None:
        return None
    if send.is_again or question.text != send.text:
        raise _used_before()
    return str(question.run_id)


def _once_more(
    user: User,
    send: SendRequest,
    repeated: Regeneration,
    *,
    providers: frozenset[str],
    tools: Registry,
    characters: int,
) -> Admission:
    question = repeated.question
    conversation = question.conversation
    parent_id = str(question.parent_id) if question.parent_id else None
    # The assistant that wrote the beginning is the best one to continue it.
    before = repeated.continued.assistant if repeated.continued else None
    assistant = _assistant(user, send, conversation, providers, before=before)
    path = prompt.path_to(parent_id, conversation)
    choice = ToolsChoice.of(send.tools, conversation.has_tools_on)
    offered = _offered(repeated.continued, assistant, tools, choice)
    work, begun = _begun(repeated.continued)
    request, left_out = _request(
        user, assistant, path, question.text, tools=offered, characters=characters, continues=begun
    )
    return Admission(
        conversation_id=str(conversation.pk),
        title=conversation.title,
        user_message={"id": str(question.pk), "text": question.text, "parent_id": parent_id, "attachments": []},
        assistant=assistant,
        request=request,
        tools=offered,
        choice=choice,
        permissions=_permissions(assistant, offered, conversation, repeated.continued, send.replies),
        work=work,
        left_out=left_out,
        time_zone=_time_zone(send, offered),
        waiting=repeated.continued if send.waiting_id else None,
    )


def active_user(user_id: int) -> User | None:
    found: User | None = User.objects.filter(pk=user_id, is_active=True).first()
    return found


@dataclass(frozen=True, slots=True)
class Readmission:
    """What is needed to go on with a run. `provider`: its name."""

    provider: str
    request: Request
    tools: Registry
    permissions: Permissions
    work: Work | None


def admit_again(
    user_id: int, start: event_data.Start, *, providers: frozenset[str], tools: Registry, characters: int
) -> Readmission:
    """For a run whose owner process was lost. Raises ApiError."""
    user = active_user(user_id)
    if user is None:
        raise ApiError("not_signed_in", "This account is no longer active.")
    usable = Assistant.objects.usable_by(user).filter(provider__in=providers)
    assistant = usable.filter(slug=start["assistant"]).first()
    if assistant is None:
        raise ApiError("not_found", "This assistant no longer exists.")
    asked = start["user_message"]
    conversation = user.conversations.filter(pk=start["conversation_id"], deleted_at=None).first()
    path = prompt.path_to(asked["parent_id"], conversation) if conversation else []
    continued = _continued(user, start)
    offered = _offered(continued, assistant, tools, ToolsChoice.of_run(start))
    work, begun = _begun(continued)
    request, _ = _request(user, assistant, path, asked["text"], tools=offered, characters=characters, continues=begun)
    permissions = _permissions(assistant, offered, conversation, continued, _replies(continued, start))
    return Readmission(assistant.provider, request, offered, permissions, work)


def _offered(continued: Message | None, assistant: Assistant, tools: Registry, choice: ToolsChoice) -> Registry:
    """Without tools, if the text of an answer is continued: it must be the last thing that the model sees."""
    if continued is not None and continued.status != Message.Status.WAITING:
        return Registry(())
    return tools_of(assistant, tools, choice)


def _permissions(
    assistant: Assistant,
    offered: Registry,
    conversation: Conversation | None,
    continued: Message | None,
    replies: Mapping[str, Reply],
) -> Permissions:
    conversation_id = conversation.pk if conversation else None
    if continued is None or not replies:
        return Permissions(asking_in(assistant, offered, conversation_id))
    permitted = waiting.permitted(continued, replies)
    asking = asking_in(assistant, offered, conversation_id, permitted=permitted)
    return Permissions(asking, replies)


def _replies(continued: Message | None, start: event_data.Start) -> Mapping[str, Reply]:
    """Those that this run goes on with. Raises ApiError if another run has them."""
    if continued is None or continued.status != Message.Status.WAITING:
        return {}
    decision = Decision.objects.of_run(continued, start["run_id"])
    if decision is None:
        raise ApiError("conflict", "This was decided elsewhere.")
    return {call_id: Reply(**reply) for call_id, reply in decision.replies.items()}


def _time_zone(send: SendRequest, tools: Registry) -> str:
    """Only for tools, and only if they can use it: a page may know zones that this server does not."""
    return send.time_zone if len(tools) and zone_of(send.time_zone) else ""


def _request(
    user: User,
    assistant: Assistant,
    path: list[Message],
    text: str,
    *,
    tools: Registry,
    characters: int,
    continues: str = "",
) -> tuple[Request, int]:
    """The request, and how many messages are left out."""
    offered = tools.offered() if len(tools) else ()
    room = context.characters_for(assistant, path, text, tools=offered, most=characters)
    built = prompt.build(
        assistant.instructions,
        path,
        text,
        characters=room - len(continues),
        provider=assistant.provider,
        model=assistant.model,
    )
    request = Request(
        model=assistant.model,
        messages=built.messages,
        tools=offered,
        temperature=assistant.temperature,
        max_output_tokens=assistant.max_output_tokens,
        effort=cast(Effort, assistant.effort),
        user=pseudonym_of(user.pk),
        continues=continues,
    )
    return request, built.left_out


def _continued(user: User, start: event_data.Start) -> Message | None:
    """The answer that this run's answer continues."""
    if "continues" not in start:
        return None
    continued: Message | None = user.messages.filter(pk=start["continues"]).first()
    if continued is None:
        raise ApiError("not_found", "The answer to continue no longer exists.")
    return continued


def _begun(continued: Message | None) -> tuple[Work | None, str]:
    """What an answer begins with: the work of one that used tools, and the text that the model goes on from."""
    if continued is None:
        return None, ""
    if not continued.has_steps:
        return None, continued.text
    work = Work(list(steps_of(continued)), parts_of(continued))
    said = "".join(step.text for step in work.steps)
    return (work, continued.text[len(said) :]) if continued.text.startswith(said) else (None, continued.text)


_SENT: Final = Prepared(
    lambda owner_id, client_message_id: Message.objects.select_related("conversation").filter(
        owner_id=owner_id, client_message_id=client_message_id
    ),
    A_NUMBER,
    AN_ID,
)
_CONVERSATION: Final = Prepared(
    lambda owner_id, pk: Conversation.objects.filter(owner_id=owner_id, pk=pk), A_NUMBER, AN_ID
)
_USABLE: Final = Prepared(lambda user_id: Assistant.objects.usable_by(User(pk=user_id)), A_NUMBER)
_USABLE_BY_SLUG: Final = Prepared(
    lambda user_id, slug: Assistant.objects.usable_by(User(pk=user_id)).filter(slug=slug), A_NUMBER, A_TEXT
)
_USABLE_IN: Final = Prepared(
    lambda user_id, pk: Assistant.objects.usable_by(User(pk=user_id)).filter(conversations=pk), A_NUMBER, AN_ID
)


def _saved(user_id: int, send: SendRequest) -> AlreadySent | None:
    message = _SENT.first(user_id, uuid.UUID(send.client_message_id))
    if message is None:
        return None
    if message.conversation.deleted_at is not None:
        raise not_found()
    if not regeneration.is_the_same(message, send):
        raise _used_before()
    is_answer = message.role == Message.Role.ASSISTANT
    # The question's other answers have client_message_ids of their own.
    answer = message if is_answer else message.children.filter(client_message_id=None).exclude(run_id=None).first()
    if answer is None:
        raise ApiError("conflict", "This client_message_id has already been used.")
    return AlreadySent(str(answer.run_id), str(message.conversation_id))


def _used_before() -> ApiError:
    return ApiError("conflict", "This client_message_id has already been used for another message.")


def _conversation(user: User, send: SendRequest, reserved: frozenset[str]) -> Conversation | None:
    if send.conversation_id is None:
        return None
    conversation = _CONVERSATION.first(user.pk, uuid.UUID(send.conversation_id))
    if conversation is None and (send.conversation_id in reserved or _is_begun(user, send.conversation_id)):
        return None
    if conversation is None or conversation.deleted_at is not None:
        raise not_found()
    return conversation


def _is_begun(user: User, conversation_id: str) -> bool:
    """Whether this user started the conversation, although nothing in it has been answered yet."""
    return bool(user.unanswered.filter(conversation_id=conversation_id).exists())


def _choice(user: User, send: SendRequest, conversation: Conversation | None) -> ToolsChoice:
    if conversation is not None:
        return ToolsChoice.of(send.tools, conversation.has_tools_on)
    wanted = send.tools
    if wanted is None and send.conversation_id is not None:
        # Its first message has failed, and there is nothing else that could remember the choice.
        wanted = user.unanswered.tools_of(send.conversation_id)
    return ToolsChoice.of(wanted, None)


def _parent_id(send: SendRequest, conversation: Conversation | None) -> str | None:
    if send.parent_id == ROOT:
        return None
    if send.parent_id is None:
        leaf = conversation.active_leaf_id if conversation else None
        return str(leaf) if leaf else None
    parent = conversation.messages.filter(pk=send.parent_id).first() if conversation else None
    if parent is None:
        raise not_found()
    if parent.role != Message.Role.ASSISTANT:
        raise ApiError("bad_request", "parent_id must be the id of an answer.")
    return send.parent_id


def _assistant(
    user: User,
    send: SendRequest,
    conversation: Conversation | None,
    providers: frozenset[str],
    *,
    before: Assistant | None = None,
) -> Assistant:
    if send.assistant is not None:
        chosen = _USABLE_BY_SLUG.first(user.pk, send.assistant)
        if chosen is None or chosen.provider not in providers:
            raise ApiError("not_found", "There is no such assistant available to you.")
        return chosen
    kept = _USABLE_IN.first(user.pk, conversation.pk) if conversation and before is None else None
    if kept is not None and kept.provider in providers:
        return kept
    usable = [each for each in _USABLE.all(user.pk) if each.provider in providers]
    known = [before.pk if before else None, conversation.assistant_id if conversation else None]
    by_id = {each.pk: each for each in usable}
    assistant = next((by_id[pk] for pk in known if pk in by_id), usable[0] if usable else None)
    if assistant is None:
        raise ApiError("no_model", "No model is available to you. Ask your administrator.")
    return assistant
