"""A turn: a user's message and its answer, written atomically. Another answer to a saved message is a turn too."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast

from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import CharField, Q
from django.utils import timezone

from chat.models.assistant import Assistant
from chat.models.conversation import Conversation
from chat.models.message import Message
from chat.models.part import Part, rows_of
from chat.models.prepared import A_NUMBER, A_TEXT, AN_ID, Insertion, Prepared, adapted
from chat.models.step import Step, StepRecord, waiting_of
from chat.models.step import rows_of as step_rows_of
from chat.models.unanswered_question import Asked, UnansweredQuestion
from chat.models.user import OwnerGone, User
from chat.protocol import parts as protocol_parts
from chat.protocol.event_data import Context
from chat.protocol.untrusted_input import clean

logger = logging.getLogger(__name__)

# Raised by the database or its driver for a value that does not fit its column.
UNSTORABLE = (DataError, IntegrityError, OverflowError, TypeError, ValueError)


# Locked, as all of SQLite is by then: what is told of it when it is saved is as it is.
_CONVERSATION: Final = Prepared(
    lambda pk, owner_id: (
        Conversation.objects.select_for_update(of=("self",))
        .select_related("assistant")
        .filter(pk=pk, owner_id=owner_id)
    ),
    AN_ID,
    A_NUMBER,
)
_ASSISTANT: Final = Prepared(lambda slug: Assistant.objects.filter(slug=slug), A_TEXT)
_CONVERSATIONS: Final = Insertion(Conversation, unless_there=True)
_MESSAGES: Final = Insertion(Message)
# Written out, as each turn does it.
_ADD_TO: Final = """
UPDATE chat_conversation SET active_leaf_id = %s, assistant_id = %s, is_unread = %s, tools_on = %s, updated_at = %s
WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A finished turn. Its ids exist before it is written, so writing it again gives the same turn.

    `is_another_answer`: the question is already saved, and the client_message_id is the answer's. `continues_id`: the
    answer that the text begins with. `tools_on`: what the conversation remembers of its tools from now on; None:
    what it has.
    """

    run_id: str
    client_message_id: str
    owner_id: int
    conversation_id: str
    title: str
    assistant_slug: str
    model: str
    parent_id: str | None
    user_message_id: str
    user_text: str
    asked_at: datetime
    message_id: str
    text: str
    status: str
    finish_reason: str
    input_tokens: int | None
    output_tokens: int | None
    ttft_ms: int | None
    duration_ms: int
    is_another_answer: bool = False
    continues_id: str | None = None
    parts: tuple[protocol_parts.Part, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    context: Context | None = None
    tools_on: bool | None = None

    @property
    def asked(self) -> Asked | None:
        """The question; None if it was saved before."""
        if self.is_another_answer:
            return None
        return Asked(
            run_id=self.run_id,
            client_message_id=self.client_message_id,
            owner_id=self.owner_id,
            conversation_id=self.conversation_id,
            parent_id=self.parent_id,
            title=self.title,
            text=self.user_text,
            assistant_slug=self.assistant_slug,
            model=self.model,
            tools_on=self.tools_on,
        )

    def save(self) -> Message:
        """Write both messages in one transaction and return the answer.

        Idempotent: a turn that is already saved, by run id or by client_message_id, is returned unchanged. If metadata
        such as token counts cannot be stored, the answer is saved without it. Raises OwnerGone or django.db.Error;
        then nothing has been written.
        """
        try:
            return self._save()
        except UNSTORABLE as error:
            bare = self._without_figures()
            if bare == self:
                raise
            # Only the class: the database's error text may quote the message.
            logger.warning("run %s: answer saved without its metadata: %s", self.run_id, type(error).__name__)
            return bare._save()

    def _without_figures(self) -> Turn:
        finish_reason, model = _fitting("finish_reason", self.finish_reason), _fitting("model", self.model)
        # Without its steps, nothing could go on from it.
        status = Message.Status.STOPPED if self.status == Message.Status.WAITING else self.status
        return replace(
            self,
            status=status,
            finish_reason=finish_reason,
            model=model,
            input_tokens=None,
            output_tokens=None,
            ttft_ms=None,
            duration_ms=0,
            parts=(),
            steps=(),
            context=None,
        )

    def _save(self) -> Message:
        try:
            with transaction.atomic():
                return self._write()
        except IntegrityError:
            saved = self._saved()
            if saved is None and not User.objects.filter(pk=self.owner_id).exists():
                raise OwnerGone from None
            if saved is None:
                raise
            return saved

    def _write(self) -> Message:
        conversation = self._conversation()
        assistant = self._assistant(conversation)
        is_made = False
        if conversation is None:
            conversation, is_made = self._new_conversation(assistant)
        if self.asked is not None:
            UnansweredQuestion.objects.settle(self.asked)
        question, is_new = self._question(conversation)
        continued = self._continued(question)
        answer = Message(
            id=uuid.UUID(self.message_id),
            conversation=conversation,
            owner_id=self.owner_id,
            parent=question,
            role=Message.Role.ASSISTANT,
            continues=continued,
            # A continuation that ended before anything arrived has the text of the answer it continues.
            text=self.text or (continued.text if continued else ""),
            status=self.status,
            finish_reason=self.finish_reason,
            assistant=assistant,
            model=self.model,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            ttft_ms=self.ttft_ms,
            duration_ms=self.duration_ms,
            run_id=self.run_id,
            client_message_id=self.client_message_id if self.is_another_answer else None,
            has_steps=True if self.steps else None,
            context=self.context,
            pending=[call["call_id"] for call in waiting_of(self.steps)] or None,
        )
        _MESSAGES.make(*([question, answer] if is_new else [answer]))
        if self.parts:
            Part.objects.bulk_create(rows_of(answer, self.parts))
        if self.steps:
            Step.objects.bulk_create(step_rows_of(answer, self.steps))
        if not is_made:
            if self.tools_on is not None:
                conversation.tools_on = self.tools_on
            _add_to(conversation, answer)
        return answer

    def _conversation(self) -> Conversation | None:
        return _CONVERSATION.first(uuid.UUID(self.conversation_id), self.owner_id)

    def _new_conversation(self, assistant: Assistant | None) -> tuple[Conversation, bool]:
        """As it will be with this turn, and whether it is new: another turn may have made it just now."""
        conversation = Conversation(
            id=uuid.UUID(self.conversation_id),
            owner_id=self.owner_id,
            title=self.title,
            assistant=assistant,
            active_leaf_id=uuid.UUID(self.message_id),
            is_unread=True,
            tools_on=self.tools_on,
            created_at=self.asked_at,
        )
        if _CONVERSATIONS.make(conversation):
            return conversation, True
        others = self._conversation()
        if others is None:
            raise IntegrityError("The conversation is another person's.")
        return others, False

    def _assistant(self, conversation: Conversation | None) -> Assistant | None:
        before = conversation.assistant if conversation else None
        if before is not None and before.slug == self.assistant_slug:
            return before
        return _ASSISTANT.first(self.assistant_slug)

    def _question(self, conversation: Conversation) -> tuple[Message, bool]:
        """The saved question or a new one, and whether it is new. A saved one may have been purged meanwhile."""
        if self.is_another_answer:
            saved = conversation.messages.filter(pk=self.user_message_id).first()
            if saved is not None:
                return saved, False
        question = Message(
            id=uuid.UUID(self.user_message_id),
            conversation=conversation,
            owner_id=self.owner_id,
            parent_id=self._parent_id(conversation),
            role=Message.Role.USER,
            text=self.user_text,
            client_message_id=None if self.is_another_answer else self.client_message_id,
            created_at=self.asked_at,
        )
        return question, True

    def _continued(self, question: Message) -> Message | None:
        return question.children.filter(pk=self.continues_id).first() if self.continues_id else None

    def _parent_id(self, conversation: Conversation) -> uuid.UUID | None:
        """The parent's id; None if it was purged while the answer was streaming. The turn is saved in any case."""
        if self.parent_id is None:
            return None
        parent_id = uuid.UUID(self.parent_id)
        is_there = parent_id == conversation.active_leaf_id or conversation.messages.filter(pk=parent_id).exists()
        return parent_id if is_there else None

    def _saved(self) -> Message | None:
        answers = Message.objects.filter(owner_id=self.owner_id, role=Message.Role.ASSISTANT)
        return answers.filter(run_id=self.run_id).first() or answers.filter(self._is_of_the_send()).first()

    def _is_of_the_send(self) -> Q:
        """Matches the answer to this client_message_id. Other answers to the question have their own."""
        if self.is_another_answer:
            return Q(client_message_id=self.client_message_id)
        return Q(client_message_id=None, parent__client_message_id=self.client_message_id)


def _add_to(conversation: Conversation, answer: Message) -> None:
    """The answer is what the conversation shows, and is answered by, from now on."""
    conversation.active_leaf, conversation.assistant = answer, answer.assistant
    conversation.is_unread, conversation.updated_at = True, timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD_TO,
            [
                adapted(answer.pk),
                answer.assistant_id,
                conversation.is_unread,
                conversation.tools_on,
                adapted(conversation.updated_at),
                adapted(conversation.pk),
            ],
        )


def _fitting(field: str, text: str) -> str:
    """The text, cut to the length of its column."""
    column = cast("CharField[str, str]", Message._meta.get_field(field))
    return clean(text)[: column.max_length]
