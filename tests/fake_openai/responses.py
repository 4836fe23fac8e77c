"""The same scripts in the Responses API: the output of a script becomes the events of a response."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_openai.stage import Stage

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_ENCRYPTED = "gAAAA-encrypted-"


class ResponsesStage(Stage):
    """A stage whose deltas open and close items, as the API does. Ids of items change with every event."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._number = 0
        self._output: list[dict[str, Any]] = []
        # The open item and, if it is a tool call, its index.
        self._item: dict[str, Any] | None = None
        self._index: int | None = None
        self._has_begun = False

    @property
    def messages(self) -> list[dict[str, Any]]:
        return messages_of(self.exchange.body["input"])

    async def finish(self, reason: str | None = "stop", *, usage: bool = True, done: bool = True) -> None:
        await self._begin()
        await self._close_item()
        if reason is None:
            return
        response: dict[str, Any] = {"object": "response", "output": self._output, "incomplete_details": None}
        if usage:
            response["usage"] = self.response_usage()
        if why := _INCOMPLETE.get(reason):
            response |= {"status": "incomplete", "incomplete_details": {"reason": why}}
            await self.event("response.incomplete", response=response)
        else:
            await self.event("response.completed", response={**response, "status": "completed"})

    def response_usage(self) -> dict[str, Any]:
        usage = self.usage()
        return {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 1},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        }

    async def chunk(self, delta: dict[str, Any], *, finish_reason: str | None = None) -> None:
        await self._begin()
        if text := delta.get("content"):
            await self._open_item({"type": "message", "role": "assistant", "phase": "commentary", "content": []})
            await self._text("response.output_text.delta", text, {"type": "output_text", "annotations": []}, "text")
        if refusal := delta.get("refusal"):
            await self._open_item({"type": "message", "role": "assistant", "content": []})
            await self._text("response.refusal.delta", refusal, {"type": "refusal"}, "refusal")
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            await self._open_item({"type": "reasoning", "summary": []})
            await self._thought(thought)
        for call in delta.get("tool_calls") or ():
            await self._call(call)

    async def event(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        data = json.dumps(event, separators=(",", ":"))
        await self.raw(f"event: {kind}\ndata: {data}\n\n".encode())

    async def _begin(self) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        echo = {
            "object": "response",
            "status": "in_progress",
            "output": [],
            "tools": self.exchange.body.get("tools", []),
        }
        await self.event("response.created", response=echo)
        await self.event("response.in_progress", response=echo)

    async def _open_item(self, item: dict[str, Any], index: int | None = None) -> None:
        if self._item is not None and self._item["type"] == item["type"] and self._index == index:
            return
        await self._close_item()
        self._item, self._index = item, index
        await self._item_event("response.output_item.added", item={**item, "id": self._id()})

    async def _close_item(self) -> None:
        if self._item is None:
            return
        item = {**self._item, "id": self._id()}
        if item["type"] == "function_call":
            await self._item_event("response.function_call_arguments.done", arguments=item["arguments"])
        if item["type"] == "reasoning":
            item["encrypted_content"] = f"{_ENCRYPTED}{len(self._output)}"
        item["status"] = "completed"
        await self._item_event("response.output_item.done", item=item)
        self._output.append(item)
        self._item = None

    async def _text(self, kind: str, text: str, part: dict[str, Any], name: str) -> None:
        assert self._item is not None
        if not self._item["content"]:
            self._item["content"].append({**part, name: ""})
        self._item["content"][0][name] += text
        await self._item_event(kind, content_index=0, delta=text, logprobs=[], obfuscation="x" * 8)

    async def _thought(self, text: str) -> None:
        assert self._item is not None
        if not self._item["summary"]:
            self._item["summary"].append({"type": "summary_text", "text": ""})
        self._item["summary"][0]["text"] += text
        await self._item_event("response.reasoning_summary_text.delta", summary_index=0, delta=text)

    async def _call(self, call: dict[str, Any]) -> None:
        function, index = call.get("function", {}), call.get("index", 0)
        begun = {
            "type": "function_call",
            "call_id": call.get("id", ""),
            "name": function.get("name", ""),
            "arguments": "",
        }
        await self._open_item(begun, index)
        assert self._item is not None
        if arguments := function.get("arguments"):
            self._item["arguments"] += arguments
            await self._item_event("response.function_call_arguments.delta", delta=arguments)

    async def _item_event(self, kind: str, **fields: Any) -> None:
        await self.event(kind, output_index=len(self._output), item_id=self._id(), **fields)

    def _id(self) -> str:
        return f"id_{self._number}"


def messages_of(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Converts items to messages. Raises AssertionError for one that the API would reject if nothing is stored."""
    messages: list[dict[str, Any]] = []
    for item in items:
        assert "id" not in item, "an item of another response"
        match item.get("type", "message"):
            case "function_call_output":
                messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]})
            case "function_call":
                call = {"id": item["call_id"], "function": {"name": item["name"], "arguments": item["arguments"]}}
                if not messages or messages[-1]["role"] != "assistant":
                    messages.append({"role": "assistant", "content": None})
                messages[-1].setdefault("tool_calls", []).append(call)
            case "message":
                messages.append({"role": item["role"], "content": _text_of(item["content"])})
            case "reasoning":
                assert item["encrypted_content"].startswith(_ENCRYPTED), "reasoning of another model"
                assert "summary" in item, "reasoning without a summary"
            case other:
                raise AssertionError(f"an item of the type {other}")
    return messages


def _text_of(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
