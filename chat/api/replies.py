"""Replies to a message that waits for a person, over HTTP: decisions on its calls, and answers to its questions."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from chat.api.calls import RUNS, call, gives
from chat.api.responses import body_of, route
from chat.api.runs import LINKS, LOCATION, send_for, started
from chat.generation.replies import answers_of, decisions_of
from chat.generation.requests import SendRequest
from chat.models import User
from chat.protocol.objects import AnswerQuestion, Approve, StartedRun

_GOES_ON: Final = (
    "Of a message whose status is `waiting`. Starts the run that goes on; its answer begins with all of that message. "
)
_REFUSES: Final = (
    "not_found",
    "conflict",
    "answered",
    "busy",
    "no_model",
    "rate_limited",
    "too_many_runs",
    "draining",
)
_GIVES: Final = {
    201: gives(StartedRun, "The run that goes on has started.", links=LINKS, headers=LOCATION),
    200: gives(StartedRun, "Repeated with the same `client_message_id`, it is the same run.", links=LINKS),
}


@call(
    "decideOnCalls",
    "Allow or deny calls that wait for permission",
    tag=RUNS,
    description=_GOES_ON + "The first decision counts.",
    takes=Approve,
    gives=_GIVES,
    refuses=(*_REFUSES, "expired"),
)
async def approve(request: HttpRequest, user: User, message_id: Any) -> HttpResponse:
    body = body_of(request, Approve)
    _, sent = await send_for(user, SendRequest.reply(str(message_id), decisions_of(body), body))
    return started(sent)


@call(
    "answerQuestion",
    "Answer a question of the model",
    tag=RUNS,
    description=_GOES_ON + "The first answer counts.",
    takes=AnswerQuestion,
    gives=_GIVES,
    refuses=(*_REFUSES, "empty_text", "text_too_long"),
)
async def answer(request: HttpRequest, user: User, message_id: Any) -> HttpResponse:
    body = body_of(request, AnswerQuestion)
    replies = answers_of(body, characters=settings.CHAT_MESSAGE_CHARACTERS)
    _, sent = await send_for(user, SendRequest.reply(str(message_id), replies, body))
    return started(sent)


message_approvals = route(POST=approve)
message_answers = route(POST=answer)
