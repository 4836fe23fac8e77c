"""The server: routes, connections, one stage per request."""

from __future__ import annotations

import asyncio
import json
import time
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from tests.fake_openai.journal import Connection, Journal
from tests.fake_openai.responses import ResponsesStage
from tests.fake_openai.scripts import MODELS, play
from tests.fake_openai.stage import Stage
from tests.ports import closed_port

__all__ = ["FakeOpenAI", "closed_port"]


class FakeOpenAI:
    """Serves on 127.0.0.1 inside its `async with` block. With an `ssl_context`, over TLS."""

    def __init__(self, *, port: int = 0, models: tuple[str, ...] = MODELS, ssl_context: Any = None) -> None:
        self.journal = Journal()
        self.models = models
        self.port = port
        self._ssl_context = ssl_context
        self._attempts: dict[str, int] = {}
        self.releases = 0
        self._released = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._ssl_context else 'http'}://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    async def __aenter__(self) -> Self:
        self._server = _Server(self._handle, self.journal)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._ssl_context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._runner is not None
        self.release()
        await self._runner.cleanup()

    def release(self) -> None:
        """Releases each answer that is being played: it continues, or skips its next wait (script `hold`)."""
        self.releases += 1
        released, self._released = self._released, asyncio.Event()
        released.set()

    def attempt(self, key: str) -> int:
        """Counts the requests with this key: 1 for the first."""
        self._attempts[key] = self._attempts.get(key, 0) + 1
        return self._attempts[key]

    async def released(self, number: int) -> None:
        """Returns when there have been this many releases."""
        while self.releases < number:
            await self._released.wait()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        match (request.method, request.path):
            case ("POST", "/v1/chat/completions"):
                return await self._complete(request, Stage)
            case ("POST", "/v1/responses"):
                return await self._complete(request, ResponsesStage)
            case ("GET", "/v1/models"):
                return web.json_response({"object": "list", "data": [_model(name) for name in self.models]})
            case ("GET", "/api/tags"):
                return web.json_response({"models": [{"name": name, "model": name} for name in self.models]})
            case ("GET", "/journal"):
                return web.json_response(self.journal.as_json(request.query.get("prompt")))
            case ("DELETE", "/journal"):
                self.journal.exchanges.clear()
                self._attempts.clear()
                return web.Response(status=204)
            case ("POST", "/release"):
                self.release()
                return web.Response(status=204)
        return web.json_response({"error": {"message": "Not found", "code": None}}, status=404)

    async def _complete(self, request: web.BaseRequest, kind: type[Stage]) -> web.StreamResponse:
        body = json.loads(await request.read())
        connection = self._server.connection_of(request)
        exchange = self.journal.begin(connection.number, body, {k.lower(): v for k, v in request.headers.items()})
        stage = kind(self, request, exchange)
        complete = False
        try:
            await play(stage)
            complete = True
        finally:
            self.journal.end(exchange, complete=complete)
        return stage.response


class _Server(web.Server):
    """Records in the journal when a TCP connection opens and closes."""

    def __init__(self, handler: Any, journal: Journal) -> None:
        super().__init__(handler, handler_cancellation=True, access_log=None)
        self._journal = journal
        self._open: dict[RequestHandler[Any], Connection] = {}

    def connection_of(self, request: web.BaseRequest) -> Connection:
        return self._open[request.protocol]

    def connection_made(self, handler: RequestHandler[Any], transport: asyncio.Transport) -> None:
        self._open[handler] = self._journal.connect()
        super().connection_made(handler, transport)

    def connection_lost(self, handler: RequestHandler[Any], exc: BaseException | None = None) -> None:
        self._journal.disconnect(self._open.pop(handler))
        super().connection_lost(handler, exc)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": int(time.time()), "owned_by": "fake"}
