"""The JSON objects of the API."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, cast
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext

from chat.generation.model_watch import Problem
from chat.generation.replay import end_of
from chat.generation.toolbox import tools_of
from chat.models import Assistant, Message, Suggestion, UnansweredQuestion
from chat.models.part import parts_of
from chat.models.serializers import conversation_object, time_text
from chat.protocol import objects, parts
from chat.streams.base import RunInfo
from chat.tools.registry import Registry

__all__ = [
    "assistant_object",
    "branch_message_object",
    "conversation_object",
    "message_object",
    "problem_object",
    "run_object",
    "run_urls",
    "saved_run_object",
    "suggestion_object",
    "unanswered_object",
]


def message_object(message: Message) -> objects.Message:
    made: objects.Message = {
        "id": str(message.pk),
        "conversation_id": str(message.conversation_id),
        "parent_id": _id(message.parent_id),
        "role": message.role,
        "text": message.text,
        "parts": [_part_object(part) for part in _parts(message)],
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
        "created_at": time_text(message.created_at),
    }
    if message.context:
        made["context"] = message.context
    if message.pending:
        made["pending"] = message.pending
    return made


def _parts(message: Message) -> list[parts.Part]:
    """The parts; empty for a message that is only its text."""
    found = parts_of(message)
    return [] if len(found) == 1 and isinstance(found[0], parts.Text) and not found[0].agent else found


def _part_object(part: parts.Part) -> objects.MessagePart:
    made: objects.MessagePart
    match part:
        case parts.Text(text):
            made = {"kind": "text", "text": text}
        case parts.Reasoning(text, duration_ms):
            made = {"kind": "reasoning", "text": text, "duration_ms": duration_ms}
        case parts.ToolCall():
            made = {
                "kind": "tool_call",
                "call_id": part.call_id,
                "tool": part.tool,
                "title": part.title,
                "side_effects": part.side_effects,
                "arguments": dict(part.arguments),
                "state": part.state,
                "items": [dict(item) for item in part.items],
                "result": part.result,
                "message": part.message,
                "code": part.code,
                "duration_ms": part.duration_ms,
            }
            if part.approval is not None:
                made["approval"] = cast(objects.PartApproval, dict(part.approval))
            if part.question is not None:
                made["question"] = cast(objects.PartQuestion, dict(part.question))
        case parts.Member(_, name, status):
            made = {"kind": "member", "name": name, "status": status}
    if part.agent:
        made["agent"] = part.agent
    return made


def branch_message_object(message: Message, *, siblings: Iterable[UUID]) -> objects.Message:
    """A message with the ids of all messages at its place in the conversation."""
    return {**message_object(message), "siblings": [str(each) for each in siblings]}


def assistant_object(
    assistant: Assistant, *, default: bool, demos: Container[str], tools: Registry
) -> objects.Assistant:
    """`demos`: the providers whose answers are pre-written. `tools`: all of this process."""
    return {
        "slug": assistant.slug,
        "name": assistant.name,
        "description": assistant.description,
        "provider": assistant.provider,
        "model": assistant.model,
        "default": default,
        "demo": assistant.provider in demos,
        "tools": len(tools_of(assistant, tools)) > 0,
    }


def problem_object(problem: Problem) -> objects.ModelProblem:
    return {
        "provider": problem.provider,
        "silent": problem.is_silent,
        "code": problem.error.code,
        "message": problem.error.message,
    }


def suggestion_object(suggestion: Suggestion) -> objects.Suggestion:
    """In the user's language, if it is one of the default suggestions."""
    return {"title": gettext(suggestion.title), "text": gettext(suggestion.text)}


def run_object(run: RunInfo, unanswered: UnansweredQuestion | None = None) -> objects.Run:
    """`unanswered`: its question, while it waits to be retried or dismissed."""
    return {
        "run_id": run.run_id,
        "conversation_id": run.conversation_id,
        "client_message_id": run.client_message_id,
        "title": run.title,
        "cursor": str(run.cursor),
        "state": run.state,
        "unanswered": _wait_of(unanswered) if unanswered else None,
        **run_urls(run.run_id),
    }


def saved_run_object(answer: Message) -> objects.Run:
    """A run that is no longer in the log, from its answer as loaded by `replay.saved_run`. Queries the database."""
    run_id = str(answer.run_id)
    question = answer.parent
    return {
        "run_id": run_id,
        "conversation_id": str(answer.conversation_id),
        "client_message_id": str(answer.client_message_id or (question and question.client_message_id)),
        "title": answer.conversation.title,
        "cursor": str(end_of(answer)),
        "state": answer.status,
        "unanswered": None,
        **run_urls(run_id),
    }


def unanswered_object(question: UnansweredQuestion) -> objects.Run:
    """A failed run that is no longer in the log."""
    run_id = str(question.run_id)
    return {
        "run_id": run_id,
        "conversation_id": str(question.conversation_id),
        "client_message_id": str(question.client_message_id),
        "title": question.title,
        "cursor": str(end_of(question)),
        "state": "error",
        "unanswered": _wait_of(question),
        **run_urls(run_id),
    }


def _wait_of(question: Any) -> objects.Unanswered:
    """For a question loaded by `UnansweredQuestion.objects.of`."""
    return {"failed_at": time_text(question.failed_at), "first": question.is_first}


def run_urls(run_id: str) -> objects.RunUrls:
    return {
        "events_url": reverse("chat:api:run-events", kwargs={"run_id": run_id}),
        "stop_url": reverse("chat:api:run-stop", kwargs={"run_id": run_id}),
    }


def _id(value: object) -> str | None:
    return str(value) if value else None
