"""For load balancers and monitoring."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from chat import database
from chat import metrics as metric_texts
from chat.generation.bootstrap import engine
from chat.pages.networks import is_within
from chatsite import descriptors
from chatsite.databases import sqlite_path
from chatsite.disk import try_to_write
from chatsite.metrics_access import has_token, names_an_address, names_the_site

logger = logging.getLogger(__name__)

PART_SECONDS: Final = 2.0
FRESH_SECONDS: Final = 1.0


@require_safe
async def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: the process responds."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
async def readyz(request: HttpRequest) -> HttpResponse:
    """Readiness: 503 while draining, or if the database or the log does not answer or accept writes within 2 seconds.

    Also 503 if the disk of a SQLite database is full, or if no file descriptors are left for new connections.
    """
    probes = _probes.setdefault(asyncio.get_running_loop(), {name: Probe(name, ask) for name, ask in PARTS.items()})
    is_draining, *answers = await asyncio.gather(_is_draining(), *(probe.answers() for probe in probes.values()))
    parts = dict(zip(probes, answers, strict=True))
    code = "draining" if is_draining else "ready" if all(parts.values()) else "unavailable"
    parts = {name: answer for name, answer in parts.items() if name not in ONLY_WHERE_IT_FAILS or not answer}
    ready = code == "ready"
    response = JsonResponse({"ready": ready, "code": code, **parts}, status=200 if ready else 503)
    # The probes log what is wrong; Django would log an error per request.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text format, for clients with the token or from an allowed address. 404 for others."""
    has_right = has_token(request.headers.get("Authorization", ""), settings.CHAT_METRICS_TOKEN)
    if not (has_right or _may_read_metrics(request)):
        raise Http404
    return HttpResponse(await asyncio.to_thread(metric_texts.text), content_type=CONTENT_TYPE_LATEST)


def _may_read_metrics(request: HttpRequest) -> bool:
    """Whether the address is allowed, and the Host header is the site's or an IP address (chatsite/trusted_scope.py).

    Behind a proxy that is not configured, the address is the proxy's and says nothing about the client.
    """
    if getattr(request, "scope", {}).get("chat.unknown_proxy"):
        return False
    host = request.get_host()
    if not (names_an_address(host) or names_the_site(host, settings.ALLOWED_HOSTS)):
        return False
    return is_within(request.META.get("REMOTE_ADDR") or "", settings.METRICS_NETWORKS)


class Probe:
    """Checks whether a component answers: at most once per FRESH_SECONDS, and never concurrently.

    So health checks are cheap, and a database that hangs blocks one thread, however often they run.
    """

    def __init__(self, name: str, ask: Callable[[], Awaitable[bool]]) -> None:
        self._name = name
        self._ask = ask
        self._asking: asyncio.Task[bool] | None = None
        self._asked_at = 0.0
        self._answered = True

    async def answers(self) -> bool:
        now = asyncio.get_running_loop().time()
        if self._asking is None or (self._asking.done() and now - self._asked_at >= FRESH_SECONDS):
            # In a fresh context: the request that started the check may end before the check does.
            self._asking = asyncio.get_running_loop().create_task(self._answers(), context=contextvars.Context())
            self._asked_at = now
        await asyncio.wait([self._asking], timeout=self._asked_at + PART_SECONDS - now)
        return self._asking.done() and self._asking.result()

    async def _answers(self) -> bool:
        try:
            answers, reason = await self._ask(), ""
        except Exception as error:  # noqa: BLE001  (whatever it is, the component is unusable)
            answers, reason = False, f": {error}"
        if answers != self._answered:
            # Log only changes, however long an outage lasts.
            self._answered = answers
            logger.warning("%s%s", WORDS[answers].format(self._name), reason)
        return answers


WORDS: Final = {False: "health: not ready, {} check failed", True: "health: ready again, {} check passed"}


async def _database_answers() -> bool:
    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM chat_conversation LIMIT 1")

    await database.read(ask)
    return True


async def _disk_has_room() -> bool:
    path = sqlite_path(settings.DATABASES["default"])
    if path is not None:
        await asyncio.to_thread(try_to_write, path.parent)
    return True


async def _descriptors_have_room() -> bool:
    if not descriptors.have_room():
        raise OSError(f"nearly all {descriptors.limit()} file descriptors are in use")
    return True


async def _log_answers() -> bool:
    return await (await engine()).log.is_ready()


async def _is_draining() -> bool:
    try:
        async with asyncio.timeout(PART_SECONDS):
            return (await engine()).draining.has_begun
    except (DatabaseError, TimeoutError):
        # The engine is still starting, from the data in the database.
        return False


PARTS: Final = {
    "database": _database_answers,
    "log": _log_answers,
    "disk": _disk_has_room,
    "connections": _descriptors_have_room,
}
ONLY_WHERE_IT_FAILS: Final = frozenset({"disk", "connections"})
_probes: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Probe]] = WeakKeyDictionary()
