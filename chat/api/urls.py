"""The addresses of the API (docs/protocol.md)."""

from django.urls import URLPattern, URLResolver, path

from chat.api import conversations, documentation, messages, runs, search

app_name = "api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("runs", runs.runs, name="runs"),
    path("runs/stream", runs.run_stream_view, name="run-stream"),
    path("runs/wait", runs.run_wait, name="run-wait"),
    path("runs/<uuid:run_id>", runs.run, name="run"),
    path("runs/<uuid:run_id>/events", runs.run_events, name="run-events"),
    path("runs/<uuid:run_id>/stop", runs.run_stop, name="run-stop"),
    path("runs/<uuid:run_id>/keep", runs.run_keep, name="run-keep"),
    path("events", runs.all_events, name="events"),
    path("conversations", conversations.conversations, name="conversations"),
    path("conversations/<uuid:conversation_id>", conversations.conversation, name="conversation"),
    path("conversations/<uuid:conversation_id>/restore", conversations.conversation_restore, name="restore"),
    path("conversations/<uuid:conversation_id>/messages", messages.conversation_messages, name="messages"),
    path("search", search.results, name="search"),
    path("assistants", conversations.assistants, name="assistants"),
    path("openapi.json", documentation.schema, name="openapi"),
    path("docs", documentation.page, name="docs"),
]
