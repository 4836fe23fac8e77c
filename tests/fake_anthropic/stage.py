"""One request and its response, as a script sees them, in Anthropic's events."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_openai.stage import Stage

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def event(kind: str, **fields: Any) -> bytes:
    """One event, as the API sends it."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps({"type": kind, **fields}).encode())


def error(kind: str, message: str) -> bytes:
    return event("error", error={"type": kind, "message": message}, request_id="req_fake")


class MessageStage(Stage):
    """What a script can do. The message and its blocks begin and end automatically."""

    _index = -1
    _kind = ""
    _has_begun = False

    async def say(self, text: str) -> None:
        await self._piece({"type": "text_delta", "text": text}, text)

    async def think(self, text: str, *, field: str = "") -> None:
        await self._piece({"type": "thinking_delta", "thinking": text}, text)

    async def chunk(self, delta: dict[str, Any], *, finish_reason: str | None = None) -> None:
        kind = str(delta["type"]).removesuffix("_delta")
        if kind != self._kind:
            await self.start({"type": kind, kind: "", **({"signature": ""} if kind == "thinking" else {})})
        await self.delta(delta)

    async def begin(self, **usage: int) -> None:
        """Sends the beginning of the message, unless it was sent already."""
        if self._has_begun:
            return
        self._has_begun = True
        message = {
            "id": f"msg_{self.exchange.number}",
            "type": "message",
            "role": "assistant",
            "model": self.exchange.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": self._words(), "output_tokens": 1} | usage,
        }
        await self.raw(event("message_start", message=message) + event("ping"))

    async def start(self, block: dict[str, Any]) -> None:
        """Starts a block, after ending the one before."""
        await self.begin()
        await self.stop()
        self._kind = block["type"]
        self._index += 1
        await self.raw(event("content_block_start", index=self._index, content_block=block))

    async def delta(self, delta: dict[str, Any]) -> None:
        await self.raw(event("content_block_delta", index=self._index, delta=delta))

    async def stop(self) -> None:
        """Ends the block; reasoning gets its signature."""
        if self._kind == "thinking":
            await self.delta({"type": "signature_delta", "signature": f"signed-{self._index}"})
        if self._kind:
            self._kind = ""
            await self.raw(event("content_block_stop", index=self._index))

    async def call(self, name: str, *pieces: str, id: str = "toolu_1") -> None:
        """Calls a tool; its arguments come in these pieces."""
        await self.start({"type": "tool_use", "id": id, "name": name, "input": {}})
        for piece in ("", *pieces):
            await self.delta({"type": "input_json_delta", "partial_json": piece})

    async def finish(self, reason: str | None = "end_turn", *, usage: bool = True, done: bool = True) -> None:
        await self.begin()
        await self.stop()
        if reason is not None:
            counts = {"output_tokens": len(self.exchange.sent)}
            reason = {"stop": "end_turn", "length": "max_tokens"}.get(reason, reason)
            await self.raw(event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=counts))
        if done:
            await self.raw(event("message_stop"))

    async def refuse(self, status: int, message: str, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        kind = more.get("kind") or _KINDS.get(status, "api_error")
        body = json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"})
        await self.reply(body.encode(), status=status, content_type="application/json", headers=headers)

    def _words(self) -> int:
        return sum(len(json.dumps(message["content"]).split()) for message in self.exchange.body["messages"])
