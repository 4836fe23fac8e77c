"""The routes. Connections, the journal and releases are those of the OpenAI fake."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.fake_anthropic.stage import MessageStage
from tests.fake_openai.scripts import play
from tests.fake_openai.server import FakeOpenAI

Script = Callable[[MessageStage], Awaitable[None]]
# Returns why a request with this body is refused; empty if it is not.
Rule = Callable[[dict[str, Any]], str]


class FakeAnthropic(FakeOpenAI):
    """Serves on 127.0.0.1 inside its `async with` block.

    script: played instead of the one that the message or the model names. rule: refuses requests with status 400.
    page_size: of the list of models.
    """

    script: Script = staticmethod(play)  # type: ignore[assignment]
    rule: Rule = staticmethod(lambda body: "")
    page_size = 2

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        match (request.method, request.path):
            case ("POST", "/v1/messages"):
                return await self._answer(request)
            case ("GET", "/v1/models"):
                return self._models(request.query.get("after_id", ""))
        error = {"type": "not_found_error", "message": "Not found"}
        return web.json_response({"type": "error", "error": error}, status=404)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.read())
        connection = self._server.connection_of(request)
        exchange = self.journal.begin(connection.number, body, {k.lower(): v for k, v in request.headers.items()})
        stage = MessageStage(self, request, exchange)
        complete = False
        try:
            if complaint := self.rule(body):
                await stage.refuse(400, complaint)
            else:
                await self.script(stage)
            complete = True
        finally:
            self.journal.end(exchange, complete=complete)
        return stage.response

    def _models(self, after: str) -> web.Response:
        first = self.models.index(after) + 1 if after else 0
        page = self.models[first : first + self.page_size]
        data = [{"type": "model", "id": name, "display_name": name.title(), "lifecycle": "active"} for name in page]
        ends = {"first_id": page[0], "last_id": page[-1]} if page else {"first_id": None, "last_id": None}
        return web.json_response({"data": data, "has_more": first + len(page) < len(self.models), **ends})
