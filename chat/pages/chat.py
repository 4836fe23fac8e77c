"""The chat page, at `/` for a new conversation and at `/c/<id>` for one that exists."""

from __future__ import annotations

import math
from typing import Any, Final, TypedDict
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chat import database
from chat.api.serializers import (
    assistant_object,
    problem_object,
    suggestion_object,
)
from chat.auth import first_run
from chat.generation.bootstrap import engine, engine_if_ready
from chat.generation.engine import Engine
from chat.models import Assistant, Suggestion, User
from chat.pages.errors import too_many_requests
from chat.pages.images import allow_image_frames
from chat.pages.import_map import allow_import_map
from chat.pages.preloaded import first_answers
from chat.protocol import objects
from chat.protocol.errors import ApiError
from chat.providers.kinds import stand_ins
from chat.quotas.arrivals import arrived
from chat.streams.base import LogUnavailable
from chat.tools import bootstrap

# How long the page waits to learn whether an unavailable model server is back.
MODELS_SECONDS: Final = 0.25
# While it is not known whether there are others.
DEMOS: Final = frozenset(each.provider_name for each in stand_ins())


class UserConfig(TypedDict):
    id: int
    username: str


class LimitsConfig(TypedDict):
    message_characters: int


class PageConfig(TypedDict):
    """What the page's scripts know at startup."""

    user: UserConfig
    conversation_id: str | None
    assistants: list[objects.Assistant]
    model_problems: list[objects.ModelProblem]
    suggestions: list[objects.Suggestion]
    limits: LimitsConfig
    signup: bool
    is_staff: bool


@never_cache
@require_safe
async def new_chat(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    if not isinstance(user, User):
        return await sync_to_async(entrance)(request)
    return await page(request, user, None)


@never_cache
@require_safe
async def conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    user = await request.auser()
    if not isinstance(user, User):
        return await sync_to_async(entrance)(request)
    status = 200 if await is_of(user, conversation_id) else 404
    return await page(request, user, conversation_id, status=status)


async def is_of(user: User, conversation_id: UUID) -> bool:
    """Whether the conversation is the user's and not deleted.

    Until its first answer is complete, only its run knows of it. If the log is unavailable, this returns True: the
    page opens, and its scripts show what the API tells them.
    """
    saved = await user.conversations.filter(pk=conversation_id).afirst()
    if saved is not None:
        return saved.deleted_at is None
    if await user.unanswered.filter(conversation_id=conversation_id).aexists():
        return True
    try:
        runs = await (await engine()).log.runs_of(user.pk)
    except LogUnavailable:
        return True
    return any(run.conversation_id == str(conversation_id) for run in runs)


def entrance(request: HttpRequest) -> HttpResponse:
    if first_run.is_open():
        return redirect("chat:setup")
    return redirect_to_login(request.get_full_path())


async def page(request: HttpRequest, user: User, conversation_id: UUID | None, *, status: int = 200) -> HttpResponse:
    """The chat, even with status 404: the browser may hold a message to a conversation that was never saved."""
    await arrived(request, user)
    chat = await chat_if_ready()
    # For a link to a message, the page first reads what surrounds that message.
    wanted = None if "message" in request.GET else conversation_id
    try:
        answers = await database.read_in_turn(database.pages, user.pk, lambda: first_answers(user, wanted))
    except ApiError as error:
        response = await sync_to_async(too_many_requests)(request)
        response.headers["Retry-After"] = str(math.ceil(error.retry_after or 1))
        return response
    return await sync_to_async(rendered)(request, user, conversation_id, answers, chat, status=status)


async def chat_if_ready() -> Engine | None:
    """The engine, after a look at its model servers; None while this process is still starting."""
    chat = engine_if_ready()
    if chat is not None:
        await chat.models.ask(seconds=MODELS_SECONDS)
    return chat


def rendered(
    request: HttpRequest,
    user: User,
    conversation_id: UUID | None,
    answers: dict[str, Any],
    chat: Engine | None,
    *,
    status: int,
) -> HttpResponse:
    known = config(user, conversation_id, chat)
    context = {
        "config": known,
        "suggestions": known["suggestions"],
        "answers": answers,
        "model_problem": model_problem(known),
    }
    response = render(request, "chat/chat.html", context, status=status)
    allow_import_map(response)
    allow_image_frames(request, response)
    return response


def model_problem(known: PageConfig) -> str:
    """The notice about the model servers, as in static/js/app/model_problem.js: "silent", "refused" or empty."""
    chosen = known["assistants"][0]["provider"] if known["assistants"] else None
    own = [problem for problem in known["model_problems"] if chosen in (None, problem["provider"])]
    if any(problem["silent"] for problem in own):
        return "silent"
    return "refused" if own and chosen is None else ""


def config(user: User, conversation_id: UUID | None, chat: Engine | None = None) -> PageConfig:
    assistants = Assistant.objects.usable_by(user)
    if chat is not None:
        # Those of an account that is switched off are refused.
        assistants = assistants.filter(provider__in=list(chat.providers))
    demos = chat.providers.demos if chat else DEMOS
    tools = chat.tools if chat else bootstrap.registry()
    problems = chat.models.problems if chat else ()
    return {
        "user": {"id": user.pk, "username": user.username},
        "conversation_id": str(conversation_id) if conversation_id else None,
        "assistants": [
            assistant_object(assistant, default=index == 0, demos=demos, tools=tools)
            for index, assistant in enumerate(assistants)
        ],
        "model_problems": [problem_object(problem) for problem in problems],
        "suggestions": [suggestion_object(suggestion) for suggestion in Suggestion.objects.shown()],
        "limits": {"message_characters": settings.CHAT_MESSAGE_CHARACTERS},
        "signup": settings.CHAT_SIGNUP,
        "is_staff": user.is_staff,
    }
