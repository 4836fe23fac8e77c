"""What the people of the tests say and know."""

from __future__ import annotations

import uuid

from chat.models import Conversation, Message, User

PASSWORD = "correct horse battery staple"


def make_conversation(owner: User, question: str, answer: str, *, title: str = "") -> Conversation:
    conversation = Conversation.objects.create(owner=owner, title=title or question)
    add_turn(conversation, question, answer)
    return conversation


def add_turn(conversation: Conversation, question: str, answer: str, *, parent: Message | None = None) -> Message:
    """A question and its answer below `parent`; the answer becomes the active leaf and is returned."""
    asked = conversation.messages.create(
        owner=conversation.owner,
        parent=parent,
        role=Message.Role.USER,
        text=question,
        client_message_id=uuid.uuid4(),
    )
    answered = conversation.messages.create(
        owner=conversation.owner,
        parent=asked,
        role=Message.Role.ASSISTANT,
        text=answer,
        model="demo",
        run_id=uuid.uuid4(),
        input_tokens=12,
        output_tokens=34,
    )
    conversation.active_leaf = answered
    conversation.save(update_fields=["active_leaf"])
    return answered
