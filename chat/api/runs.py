"""Runs over HTTP: start, follow, stop, keep, dismiss.

Each view: authorize → validate → one call to the engine → respond.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from chat import database
from chat.api.calls import EVENT_STREAM, RUNS, Gives, call, gives, gives_nothing, header, link, query
from chat.api.errors import error_response
from chat.api.parameters import flag
from chat.api.responses import answered, body_of, reply, route
from chat.api.serializers import message_object, run_object, run_urls, saved_run_object, unanswered_object
from chat.api.streams import run_stream
from chat.api.streams.event_streams import HEADERS, Follows, later, stream, take_a_place
from chat.generation import replay
from chat.generation.bootstrap import engine
from chat.generation.engine import Engine, Sent, is_at_end
from chat.generation.replay import Archived
from chat.generation.requests import SendRequest
from chat.models import Message, User
from chat.protocol import event_data, objects
from chat.protocol.cursors import BadCursor, Cursor
from chat.protocol.errors import RUN_FAILURES, ApiError, not_found
from chat.protocol.events import Entry
from chat.protocol.fields import RunCursorOrEmpty, RunCursors
from chat.protocol.objects import Run, RunList, Send, StartedRun, StoppedRun
from chat.quotas.quotas import quotas
from chat.streams.base import Batch, RunInfo

_SENT: Final = (
    "empty_text",
    "text_too_long",
    "not_found",
    "conflict",
    "busy",
    "no_model",
    "rate_limited",
    "too_many_runs",
    "draining",
)
_REPEATED: Final = "Repeated with the same `client_message_id` and text, it is the same run."
_LAST_EVENT_ID: Final = "The same as `after`, and takes precedence: some clients add it when they reconnect."
_HEADER: Final = (
    "Sent by an EventSource when it reconnects. Unless it is empty, it takes precedence over the parameters."
)
_AT_THE_END: Final = gives_nothing("The cursor is at the end: nothing will come, do not reconnect.")
_CURSORS: Final = [
    query("after", RunCursorOrEmpty, "The `id` of the last event that has been applied."),
    query("lastEventId", RunCursorOrEmpty, _LAST_EVENT_ID),
    header("Last-Event-ID", RunCursorOrEmpty, _HEADER),
]
_CURSORS_OF_ALL: Final = [
    query("after", RunCursors, "The `id` of the last event that has been applied: `<run id>:<cursor>,…`."),
    query("lastEventId", RunCursors, _LAST_EVENT_ID),
    header("Last-Event-ID", RunCursors, _HEADER),
]
_FLAG: Final = {"type": "boolean", "default": False}
LINKS: Final = {
    "events": link("followRun", "Its events.", run_id="run_id"),
    "stop": link("stopRun", "End it now.", run_id="run_id"),
    "keep": link("keepRun", "If it fails: save what had arrived.", run_id="run_id"),
    "messages": link("listMessages", "Once it is saved.", conversation_id="conversation_id"),
}
LOCATION: Final = {"Location": {"description": "Of the run.", "schema": {"type": "string", "format": "uri-reference"}}}


def _stream_of(item: str, description: str) -> Gives:
    """Server-Sent Events, each described by the schema with this name."""
    headers = {
        name: {"schema": {"type": "string", "const": value}}
        for name, value in HEADERS.items()
        # OpenAPI takes the media type from `content`.
        if name != "Content-Type"
    }
    # Generators and validators take the schema of an event stream to be that of one event.
    return Gives(description, item, EVENT_STREAM, headers)


@call(
    "startRun",
    "Send a message",
    tag=RUNS,
    description="Or have a saved one answered again. Starts a run, which writes the answer. It continues and is saved "
    "whether or not anybody follows it.",
    takes=Send,
    gives={
        201: gives(StartedRun, "The run has started.", links=LINKS, headers=LOCATION),
        200: gives(StartedRun, _REPEATED, links=LINKS),
    },
    refuses=_SENT,
)
async def start(request: HttpRequest, user: User) -> HttpResponse:
    _, sent = await _send(request, user)
    return started(sent)


@call(
    "startRunAndStream",
    "Send a message and stream the answer",
    tag=RUNS,
    description="A whole turn in one call: the events of the run, from `start` to `done` or `error`. "
    + _REPEATED
    + " Repeated with a cursor, it goes on with the run of that message, and never starts one.",
    takes=Send,
    parameters=_CURSORS,
    takes_any=True,
    gives={
        200: _stream_of("RunStreamItem", "The events. A failure after this status is an `error` event."),
        204: _AT_THE_END,
    },
    refuses=(*_SENT, "bad_cursor"),
)
async def start_and_stream(request: HttpRequest, user: User) -> HttpResponse:
    after = _after(request)
    if after is not None:
        return await _go_on(request, user, after)
    await take_a_place(request, user)
    chat, sent = await _send(request, user)
    run = await chat.run_of(user.pk, sent)
    return stream(request, user, run_stream.one_run(chat, run, None), _follows(chat, sent.run_id))


async def _go_on(request: HttpRequest, user: User, after: Cursor) -> HttpResponse:
    """For a client that was cut off and repeats its whole request: resumes its run, and never starts another."""
    sent = SendRequest.parse(_body(request), characters=settings.CHAT_MESSAGE_CHARACTERS)
    chat = await engine()
    run = await chat.find_sent(user.pk, sent, after)
    return await _followed(request, user, chat, run, after)


@call(
    "startRunAndWait",
    "Send a message and wait for the answer",
    tag=RUNS,
    description="Responds when the run has ended. "
    + _REPEATED
    + " After four seconds the status is 200 in any case, and spaces precede the body: check it for `error`.",
    takes=Send,
    gives={200: gives(objects.Message, "The saved answer; after four seconds, perhaps an `Error` instead.")},
    refuses=(*_SENT, *RUN_FAILURES),
)
async def start_and_wait(request: HttpRequest, user: User) -> HttpResponse:
    await take_a_place(request, user)
    chat, sent = await _send(request, user)
    # A repeated `client_message_id` returns the same run, including its failure.
    is_named = _body(request).get("client_message_id") is not None
    outcome = _outcome(chat, user, sent, repeatable=not is_named)
    return later(request, user, answered(outcome), _follows(chat, sent.run_id))


async def _outcome(chat: Engine, user: User, sent: Sent, *, repeatable: bool) -> HttpResponse:
    """Wait for the end of the run. Returns the saved message, or the error."""
    run = await chat.run_of(user.pk, sent)
    last = await chat.draining.unless_ended(_last(chat.follow(run, None, limit=settings.CHAT_ANSWER_BYTES)))
    if last.name == "error":
        error = cast(event_data.Failure, last.data)
        return error_response(
            error["code"],
            error["message"],
            retryable=error["retryable"],
            retry_after=error.get("retry_after"),
            repeatable=repeatable,
        )
    return await _saved(user, sent.run_id)


@call(
    "listRuns",
    "Your runs",
    tag=RUNS,
    description="Those that are live, those that ended in the last minutes and can still be followed, and those that "
    "failed and whose questions are unanswered, however long ago.",
    parameters=[
        query("active", _FLAG, "`true`: only those that are live."),
        query("unanswered", _FLAG, "`true`: only those whose questions are unanswered."),
    ],
    gives={200: gives(RunList, "The runs.")},
)
async def list_runs(request: HttpRequest, user: User) -> HttpResponse:
    is_active, is_unanswered = flag(request, "active"), flag(request, "unanswered")
    chat = await engine()
    if is_unanswered:
        return reply({"items": [unanswered_object(each) for each in await chat.unanswered(user.pk)]})
    runs = list(reversed(await chat.log.runs_of(user.pk)))
    if is_active:
        return reply({"items": [run_object(run) for run in runs if run.is_live]})
    unanswered = {str(each.run_id): each for each in await chat.unanswered(user.pk)}
    items = [run_object(run, unanswered.pop(run.run_id, None)) for run in runs]
    # Runs that are no longer in the log are older.
    return reply({"items": [*items, *(unanswered_object(each) for each in unanswered.values())]})


@call(
    "getRun",
    "One run",
    tag=RUNS,
    description="As the list of runs has it, and for as long as its events can be read.",
    gives={200: gives(Run, "The run.")},
    refuses=("not_found",),
)
async def show(request: HttpRequest, user: User, run_id: Any) -> HttpResponse:
    chat = await engine()
    run = await chat.find(user.pk, str(run_id))
    if isinstance(run, Message):
        return reply(await database.read(saved_run_object, run))
    if isinstance(run, RunInfo) and run.state != "error":
        return reply(run_object(run))
    waiting = next((each for each in await chat.unanswered(user.pk) if each.run_id == run_id), None)
    if isinstance(run, RunInfo):
        return reply(run_object(run, waiting))
    if waiting is None:
        raise not_found()
    return reply(unanswered_object(waiting))


@call(
    "followRun",
    "The events of a run",
    tag=RUNS,
    description="From the beginning, or after a cursor, to `done` or `error`. A well-formed cursor of another log is "
    "answered with `reset` and the whole log.",
    parameters=_CURSORS,
    takes_any=True,
    gives={200: _stream_of("RunStreamItem", "The events."), 204: _AT_THE_END},
    refuses=("bad_cursor", "not_found"),
)
async def follow(request: HttpRequest, user: User, run_id: Any) -> HttpResponse:
    after = _after(request)
    chat = await engine()
    run = await chat.find(user.pk, str(run_id))
    return await _followed(request, user, chat, run, after)


async def _followed(
    request: HttpRequest, user: User, chat: Engine, run: RunInfo | Archived, after: Cursor | None
) -> HttpResponse:
    if after is not None and is_at_end(run, after):
        return HttpResponse(status=204)
    await take_a_place(request, user)
    return stream(request, user, run_stream.one_run(chat, run, after), _follows(chat, str(run.run_id)))


@call(
    "followAllRuns",
    "The events of all your live runs",
    tag=RUNS,
    description="On one connection, which does not end. A run that starts later joins automatically. The stream also "
    "carries notices: a run began, a conversation was renamed.",
    parameters=_CURSORS_OF_ALL,
    takes_any=True,
    gives={200: _stream_of("UserStreamItem", "The events.")},
    refuses=("bad_cursor",),
)
async def follow_all(request: HttpRequest, user: User) -> HttpResponse:
    try:
        cursors = run_stream.Cursors.parse(_last_id(request))
    except BadCursor as error:
        raise ApiError("bad_cursor", str(error)) from error
    await take_a_place(request, user)
    chat = await engine()
    all_runs = run_stream.Multiplex(chat, user.pk, cursors)
    return stream(request, user, all_runs.stream(), Follows(lambda: all_runs.run_ids, chat.labels))


def _follows(chat: Engine, run_id: str) -> Follows:
    return Follows(lambda: [run_id], chat.labels)


@call(
    "stopRun",
    "Stop a run",
    tag=RUNS,
    description="What had arrived is saved. Its `done` event says when.",
    gives={
        202: gives(StoppedRun, "It will stop."),
        200: gives(StoppedRun, "It was stopped before, or had ended: nothing has changed."),
    },
    refuses=("not_found",),
)
async def stop(request: HttpRequest, user: User, run_id: Any) -> HttpResponse:
    stopped = await (await engine()).stop(user.pk, str(run_id))
    return reply({"run_id": str(run_id)}, status=202 if stopped else 200)


@call(
    "keepRun",
    "Save what had arrived of a failed run",
    tag=RUNS,
    description="Repeating the call, or calling it for a saved run, returns the same answer.",
    gives={200: gives(objects.Message, "The saved answer.")},
    refuses=("not_found", "conflict"),
)
async def keep(request: HttpRequest, user: User, run_id: Any) -> HttpResponse:
    message = await (await engine()).keep(user.pk, str(run_id))
    return reply(await database.read(_saved_object, message.pk))


@call(
    "dismissRun",
    "Forget a failed run and its question",
    tag=RUNS,
    gives={204: gives_nothing("It is forgotten.")},
    refuses=("not_found", "conflict"),
)
async def dismiss(request: HttpRequest, user: User, run_id: Any) -> HttpResponse:
    await (await engine()).dismiss(user.pk, str(run_id))
    return HttpResponse(status=204)


def started(sent: Sent) -> HttpResponse:
    """201 for a new run, 200 for one that existed before this request."""
    run = {"run_id": sent.run_id, "conversation_id": sent.conversation_id, **run_urls(sent.run_id)}
    if sent.duplicate:
        return reply(run)
    response = reply(run, status=201)
    response.headers["Location"] = reverse("chat:api:run", kwargs={"run_id": sent.run_id})
    return response


async def _send(request: HttpRequest, user: User) -> tuple[Engine, Sent]:
    send = SendRequest.parse(_body(request), characters=settings.CHAT_MESSAGE_CHARACTERS)
    return await send_for(user, send)


async def send_for(user: User, send: SendRequest) -> tuple[Engine, Sent]:
    quotas().sends.check(user.pk, per_minute=settings.CHAT_SENDS_PER_MINUTE)
    chat = await engine()
    # The user was loaded a moment ago.
    return chat, await chat.send(user.pk, send, find_user=lambda: user)


def _body(request: HttpRequest) -> dict[str, Any]:
    return body_of(request, Send)


async def _last(following: AsyncGenerator[Batch, None]) -> Entry:
    """The terminal event."""
    async with aclosing(following) as batches:
        last = None
        async for batch in batches:
            last = batch.entries[-1]
    if last is None:
        raise ValueError("A log holds at least the start event.")
    return last


async def _saved(user: User, run_id: str) -> HttpResponse:
    message = await database.read(replay.saved_run, user.pk, run_id)
    if message is None:
        raise ApiError("not_found", "The conversation has been deleted.")
    return reply(await database.read(_saved_object, message.pk))


def _saved_object(message_id: Any) -> Any:
    return message_object(Message.objects.select_related("assistant").get(pk=message_id))


def _last_id(request: HttpRequest) -> str:
    """The cursor of a reconnecting client takes precedence over the one in its original URL.

    EventSource sends it in a header; some polyfills add a parameter to the URL instead.
    """
    said = request.headers.get("Last-Event-ID", "") or request.GET.get("lastEventId", "")
    return said or request.GET.get("after", "")


def _after(request: HttpRequest) -> Cursor | None:
    text = _last_id(request)
    try:
        return Cursor.parse(text) if text else None
    except BadCursor as error:
        raise ApiError("bad_cursor", str(error)) from error


runs = route(GET=list_runs, POST=start)
run_stream_view = route(POST=start_and_stream)
run_wait = route(POST=start_and_wait)
run = route(GET=show, DELETE=dismiss)
run_events = route(GET=follow)
run_stop = route(POST=stop)
run_keep = route(POST=keep)
all_events = route(GET=follow_all)
