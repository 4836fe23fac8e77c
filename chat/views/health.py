"""For load balancers and monitoring."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chat import database
from chat.generation.engine import engine

logger = logging.getLogger(__name__)

DATABASE_SECONDS: Final = 2.0


@require_safe
async def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: the process answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
async def readyz(request: HttpRequest) -> HttpResponse:
    """Ready for traffic: 503 while the database or the log is away."""
    parts = {"database": await _database_answers(), "log": await _log_answers()}
    ready = all(parts.values())
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format. Numbers only."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


async def _database_answers() -> bool:
    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM chat_conversation LIMIT 1")

    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            await database.read(ask)
    except (DatabaseError, TimeoutError):
        logger.warning("The database does not answer.", exc_info=True)
        return False
    return True


async def _log_answers() -> bool:
    try:
        chat = await engine()
        return not chat.closing.is_set() and await chat.log.is_ready()
    except DatabaseError:
        return False
