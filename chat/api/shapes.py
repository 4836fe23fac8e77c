"""The JSON objects of the API."""

from __future__ import annotations

from typing import TypedDict

from django.urls import reverse

from chat.generation.engine import describe
from chat.models import Assistant, Conversation, Message
from chat.streams.base import RunInfo


class ConversationShape(TypedDict):
    id: str
    title: str
    assistant: str | None
    active_leaf_id: str | None
    created_at: str
    updated_at: str


class MessageShape(TypedDict):
    id: str
    conversation_id: str
    parent_id: str | None
    role: str
    text: str
    status: str
    finish_reason: str
    model: str
    assistant: str | None
    run_id: str | None
    client_message_id: str | None
    input_tokens: int | None
    output_tokens: int | None
    ttft_ms: int | None
    duration_ms: int | None
    created_at: str


class AssistantShape(TypedDict):
    slug: str
    name: str
    description: str
    provider: str
    model: str
    default: bool
    demo: bool


def conversation_shape(conversation: Conversation) -> ConversationShape:
    return {
        "id": str(conversation.pk),
        "title": conversation.title,
        "assistant": conversation.assistant.slug if conversation.assistant else None,
        "active_leaf_id": _id(conversation.active_leaf_id),
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
    }


def message_shape(message: Message) -> MessageShape:
    return {
        "id": str(message.pk),
        "conversation_id": str(message.conversation_id),
        "parent_id": _id(message.parent_id),
        "role": message.role,
        "text": message.text,
        "status": message.status,
        "finish_reason": message.finish_reason,
        "model": message.model,
        "assistant": message.assistant.slug if message.assistant else None,
        "run_id": _id(message.run_id),
        "client_message_id": _id(message.client_message_id),
        "input_tokens": message.input_tokens,
        "output_tokens": message.output_tokens,
        "ttft_ms": message.ttft_ms,
        "duration_ms": message.duration_ms,
        "created_at": message.created_at.isoformat(),
    }


def assistant_shape(assistant: Assistant, *, default: bool) -> AssistantShape:
    return {
        "slug": assistant.slug,
        "name": assistant.name,
        "description": assistant.description,
        "provider": assistant.provider,
        "model": assistant.model,
        "default": default,
        "demo": assistant.provider == "demo",
    }


def run_shape(run: RunInfo) -> dict[str, str]:
    return {**describe(run), "state": run.state, **run_urls(run.run_id)}


def run_urls(run_id: str) -> dict[str, str]:
    return {
        "events_url": reverse("chat:api:run-events", kwargs={"run_id": run_id}),
        "stop_url": reverse("chat:api:run-stop", kwargs={"run_id": run_id}),
    }


def _id(value: object) -> str | None:
    return str(value) if value else None
