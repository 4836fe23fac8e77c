"""Runs: start, follow, stop, keep, dismiss."""

from __future__ import annotations

from typing import Final

from chat.api.openapi.errors import FAILURE_STATUS
from chat.api.openapi.operations import answer, empty, event_stream, header, link, operation, path_id, query
from chat.api.openapi.values import ADDRESS, CHOICE, CURSOR_OR_NOTHING, CURSORS, Schema

TAG: Final = "Runs"
_ID: Final = path_id("run_id", "A run's id.")
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
_HEADER: Final = "What an EventSource sends when it reconnects. Unless it is empty, it goes before the parameters."
_LAST_EVENT_ID: Final = "The same as `after`, and goes before it: some clients add it when they reconnect."
_AT_THE_END: Final = empty("The cursor is at the end: nothing will come, do not reconnect.")
_CURSOR_PARAMETERS: Final[list[Schema]] = [
    query("after", CURSOR_OR_NOTHING, "The `id` of the last event that has been applied."),
    query("lastEventId", CURSOR_OR_NOTHING, _LAST_EVENT_ID),
    header("Last-Event-ID", CURSOR_OR_NOTHING, _HEADER),
]

_LINKS: Final[dict[str, Schema]] = {
    "events": link("followRun", "Its events.", run_id="run_id"),
    "stop": link("stopRun", "End it now.", run_id="run_id"),
    "keep": link("keepRun", "If it fails: save what had arrived.", run_id="run_id"),
    "messages": link("listMessages", "Once it is saved.", conversation_id="conversation_id"),
}


_LOCATION: Final[dict[str, Schema]] = {"Location": {"description": "Of the run.", "schema": ADDRESS}}


def paths() -> dict[str, Schema]:
    """Addresses below the API's own, with the methods of each."""
    return {
        "runs": {"get": LIST, "post": START},
        "runs/stream": {"post": START_AND_STREAM},
        "runs/wait": {"post": START_AND_WAIT},
        "runs/{run_id}": {"parameters": [_ID], "get": SHOW, "delete": DISMISS},
        "runs/{run_id}/events": {"parameters": [_ID], "get": FOLLOW},
        "runs/{run_id}/stop": {"parameters": [_ID], "post": STOP},
        "runs/{run_id}/keep": {"parameters": [_ID], "post": KEEP},
        "events": {"get": FOLLOW_ALL},
    }


LIST: Final = operation(
    "listRuns",
    "Your runs",
    tag=TAG,
    description="Those that are live, those that ended in the last minutes and can still be followed, and those that "
    "failed and whose questions are unanswered, however long ago.",
    parameters=[
        query("active", CHOICE, "`true`: only those that are live."),
        query("unanswered", CHOICE, "`true`: only those whose questions are unanswered."),
    ],
    answers={"200": answer("RunList", "The runs.")},
)

START: Final = operation(
    "startRun",
    "Send a message",
    tag=TAG,
    description="Or have a saved one answered once more. Starts a run, which writes the answer. It goes on and is "
    "saved whether or not anybody follows it.",
    writes=True,
    body="Send",
    answers={
        "201": answer("StartedRun", "The run has started.", links=_LINKS, headers=_LOCATION),
        "200": answer("StartedRun", _REPEATED, links=_LINKS),
    },
    refused=_SENT,
)

START_AND_STREAM: Final = operation(
    "startRunAndStream",
    "Send a message and stream the answer",
    tag=TAG,
    description="A whole turn in one call: the events of the run, from `start` to `done` or `error`. "
    + _REPEATED
    + " Repeated with a cursor, it goes on with the run of that message, and never starts one.",
    writes=True,
    body="Send",
    parameters=_CURSOR_PARAMETERS,
    answers={
        "200": event_stream("RunStreamItem", "The events. A failure after this status is an `error` event."),
        "204": _AT_THE_END,
    },
    refused=(*_SENT, "bad_cursor"),
)

START_AND_WAIT: Final = operation(
    "startRunAndWait",
    "Send a message and wait for the answer",
    tag=TAG,
    description="Answers when the run has ended. "
    + _REPEATED
    + " What is known after four seconds has the status 200 whatever it is, and spaces before it: then look for "
    "`error` in the body.",
    writes=True,
    body="Send",
    answers={"200": answer("Message", "The saved answer; after four seconds, perhaps an `Error` in its place.")},
    refused=(*_SENT, *FAILURE_STATUS),
)

SHOW: Final = operation(
    "getRun",
    "One run",
    tag=TAG,
    description="As the list of runs has it, and for as long as its events can be read.",
    answers={"200": answer("Run", "The run.")},
    refused=("not_found",),
)

FOLLOW: Final = operation(
    "followRun",
    "The events of a run",
    tag=TAG,
    description="From the beginning, or after a cursor, to `done` or `error`. A well-formed cursor that is not of "
    "this log is answered with `reset` and the whole log.",
    parameters=_CURSOR_PARAMETERS,
    answers={"200": event_stream("RunStreamItem", "The events."), "204": _AT_THE_END},
    refused=("bad_cursor", "not_found"),
)

STOP: Final = operation(
    "stopRun",
    "Stop a run",
    tag=TAG,
    description="What had arrived is saved. Its `done` event says when.",
    writes=True,
    answers={
        "202": answer("StoppedRun", "It will stop."),
        "200": answer("StoppedRun", "It had been stopped before, or had ended: nothing is changed."),
    },
    refused=("not_found",),
)

KEEP: Final = operation(
    "keepRun",
    "Save what had arrived of a run that failed",
    tag=TAG,
    description="Repeated, or after a run that is saved, the same answer again.",
    writes=True,
    answers={"200": answer("Message", "The saved answer.")},
    refused=("not_found", "conflict"),
)

DISMISS: Final = operation(
    "dismissRun",
    "Forget a run that failed, and its question",
    tag=TAG,
    writes=True,
    answers={"204": empty("It is forgotten.")},
    refused=("not_found", "conflict"),
)

FOLLOW_ALL: Final = operation(
    "followAllRuns",
    "The events of all your live runs",
    tag=TAG,
    description="On one connection, which does not end. A run that starts later joins by itself. The stream also "
    "brings notices: a run began, a conversation was renamed.",
    parameters=[
        query("after", CURSORS, "The `id` of the last event that has been applied: `<run id>:<cursor>,…`."),
        query("lastEventId", CURSORS, _LAST_EVENT_ID),
        header("Last-Event-ID", CURSORS, _HEADER),
    ],
    answers={"200": event_stream("UserStreamItem", "The events.")},
    refused=("bad_cursor",),
)
