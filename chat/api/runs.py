"""Runs over HTTP: start, follow, stop, keep, dismiss.

Each view: authorize → validate → one call of the engine → answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from chat import database
from chat.api.parameters import flag, takes, takes_any
from chat.api.responses import answered, body_of, failed, reply, route
from chat.api.serializers import message_object, run_object, run_urls, saved_run_shape, unanswered_object
from chat.api.streams import run_stream
from chat.api.streams.event_streams import Follows, later, stream, take_a_place
from chat.generation import replay
from chat.generation.engine import Engine, Sent, engine, is_at_end
from chat.generation.replay import Archived
from chat.generation.requests import FIELDS, SendRequest
from chat.models import Message, User
from chat.protocol import events
from chat.protocol.errors import ApiError, not_found
from chat.protocol.events import BadCursor, Cursor, Entry
from chat.quotas.quotas import quotas
from chat.streams.base import Batch, RunInfo

# The HTTP status of a run that failed while its caller waited for it.
FAILURE_STATUS = {
    "rate_limited": 429,
    "quota_exceeded": 429,
    "provider_unavailable": 503,
    "unavailable": 503,
    "interrupted": 503,
    "save_failed": 503,
    "timeout": 504,
}


async def start(request: HttpRequest, user: User) -> HttpResponse:
    _, sent = await _send(request, user)
    run = {"run_id": sent.run_id, "conversation_id": sent.conversation_id, **run_urls(sent.run_id)}
    if sent.duplicate:
        return reply(run)
    response = reply(run, status=201)
    response.headers["Location"] = reverse("chat:api:run", kwargs={"run_id": sent.run_id})
    return response


@takes_any
async def start_and_stream(request: HttpRequest, user: User) -> HttpResponse:
    after = _after(request)
    if after is not None:
        return await _go_on(request, user, after)
    await take_a_place(request, user)
    chat, sent = await _send(request, user)
    run = await chat.run_of(user.pk, sent)
    return stream(request, user, run_stream.one_run(chat, run, None), _follows(chat, sent.run_id))


async def _go_on(request: HttpRequest, user: User, after: Cursor) -> HttpResponse:
    """For a client that was cut off and repeats its whole request: its run, and never another."""
    sent = SendRequest.parse(_body(request), characters=settings.CHAT_MESSAGE_CHARACTERS)
    chat = await engine()
    run = await chat.find_sent(user.pk, sent, after)
    return await _followed(request, user, chat, run, after)


async def start_and_wait(request: HttpRequest, user: User) -> HttpResponse:
    await take_a_place(request, user)
    chat, sent = await _send(request, user)
    # Whoever names a run gets the same one again, and its failure.
    is_named = _body(request).get("client_message_id") is not None
    outcome = _outcome(chat, user, sent, repeatable=not is_named)
    return later(request, user, answered(outcome), _follows(chat, sent.run_id))


async def _outcome(chat: Engine, user: User, sent: Sent, *, repeatable: bool) -> HttpResponse:
    """The saved message, or the error, when the run has ended."""
    run = await chat.run_of(user.pk, sent)
    last = await chat.draining.unless_ended(_last(chat.follow(run, None, limit=settings.CHAT_ANSWER_BYTES)))
    if last.name == "error":
        error = cast(events.Failure, last.data)
        status = FAILURE_STATUS.get(error["code"], 502)
        said = (error["code"], error["message"], error["retryable"], error.get("retry_after"))
        return failed(status, *said, repeatable=repeatable)
    return await _saved(user, sent.run_id)


@takes("active", "unanswered")
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
    # What the log has let go of is older.
    return reply({"items": [*items, *(unanswered_object(each) for each in unanswered.values())]})


async def show(request: HttpRequest, user: User, run_id: Any) -> HttpResponse:
    chat = await engine()
    run = await chat.find(user.pk, str(run_id))
    if isinstance(run, Message):
        return reply(await database.read(saved_run_shape, run))
    if isinstance(run, RunInfo) and run.state != "error":
        return reply(run_object(run))
    waiting = next((each for each in await chat.unanswered(user.pk) if each.run_id == run_id), None)
    if isinstance(run, RunInfo):
        return reply(run_object(run, waiting))
    if waiting is None:
        raise not_found()
    return reply(unanswered_object(waiting))


@takes_any
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


@takes_any
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


async def stop(request: HttpRequest, user: User, run_id: Any) -> HttpResponse:
    stopped = await (await engine()).stop(user.pk, str(run_id))
    return reply({"run_id": str(run_id)}, status=202 if stopped else 200)


async def keep(request: HttpRequest, user: User, run_id: Any) -> HttpResponse:
    message = await (await engine()).keep(user.pk, str(run_id))
    return reply(await database.read(_shape, message.pk))


async def dismiss(request: HttpRequest, user: User, run_id: Any) -> HttpResponse:
    await (await engine()).dismiss(user.pk, str(run_id))
    return HttpResponse(status=204)


async def _send(request: HttpRequest, user: User) -> tuple[Engine, Sent]:
    send = SendRequest.parse(_body(request), characters=settings.CHAT_MESSAGE_CHARACTERS)
    quotas().sends.check(user.pk, per_minute=settings.CHAT_SENDS_PER_MINUTE)
    chat = await engine()
    # Who asks was looked up a moment ago.
    return chat, await chat.send(user.pk, send, find_user=lambda: user)


def _body(request: HttpRequest) -> dict[str, Any]:
    return body_of(request, FIELDS)


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
    return reply(await database.read(_shape, message.pk))


def _shape(message_id: Any) -> Any:
    return message_object(Message.objects.select_related("assistant").get(pk=message_id))


def _last_id(request: HttpRequest) -> str:
    """What a client says when it comes back goes before the address that it was opened with.

    An EventSource has a header for it; some that stand in for one have a parameter, which they add to the address.
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
