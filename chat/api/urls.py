"""The URLs of the API (docs/protocol.md)."""

from uuid import UUID

from django.urls import URLPattern, URLResolver, path, register_converter

from chat.api import conversations, messages, replies, runs, search
from chat.api.openapi import views
from chat.protocol.untrusted_input import UUID_PATTERN


class IdConverter:
    """A UUID in any common form: Django's converter rejects upper case (Swift) and UUIDs without dashes (.NET)."""

    regex = UUID_PATTERN

    def to_python(self, value: str) -> UUID:
        return UUID(value)

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(IdConverter, "id")

app_name = "api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("runs", runs.runs, name="runs"),
    path("runs/stream", runs.run_stream_view, name="run-stream"),
    path("runs/wait", runs.run_wait, name="run-wait"),
    path("runs/<id:run_id>", runs.run, name="run"),
    path("runs/<id:run_id>/events", runs.run_events, name="run-events"),
    path("runs/<id:run_id>/stop", runs.run_stop, name="run-stop"),
    path("runs/<id:run_id>/keep", runs.run_keep, name="run-keep"),
    path("events", runs.all_events, name="events"),
    path("conversations", conversations.conversations, name="conversations"),
    path("conversations/<id:conversation_id>", conversations.conversation, name="conversation"),
    path("conversations/<id:conversation_id>/restore", conversations.conversation_restore, name="restore"),
    path("conversations/<id:conversation_id>/messages", messages.conversation_messages, name="messages"),
    path("messages/<id:message_id>/approvals", replies.message_approvals, name="approvals"),
    path("messages/<id:message_id>/answers", replies.message_answers, name="answers"),
    path("search", search.results, name="search"),
    path("assistants", conversations.assistants, name="assistants"),
    path("openapi.json", views.schema, name="openapi"),
    path("docs", views.page, name="docs"),
]
