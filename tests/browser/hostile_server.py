"""A hostile server: its API responses contain a payload in every text field."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from playwright.async_api import BrowserContext, Route

SPACE: Final = UUID("5f0c2f0e-6a55-4c0e-9d5b-0c7d6f1c6f1a")
WHEN: Final = "2026-01-02T03:04:05+00:00"
# Changes the page's initial data before its scripts read it. What is removed, they request from the API.
TELL: Final = """
document.addEventListener("readystatechange", () => {
  const config = document.querySelector("#chat-config")?.firstChild;
  if (!config || document.readyState !== "interactive") return;
  config.data = JSON.stringify({ ...JSON.parse(config.data), ...TOLD });
  document.querySelector("#chat-answers").firstChild.data = "{}";
});
"""


def id_of(*names: object) -> str:
    return str(uuid5(SPACE, " ".join(map(str, names))))


class HostileServer:
    """One conversation per payload. Its title, its messages and the names of its assistants are the payload."""

    def __init__(self, payloads: Sequence[str]) -> None:
        self.payloads = list(payloads)
        self.conversations = {id_of(payload): payload for payload in payloads}

    async def start(self, context: BrowserContext) -> None:
        await context.add_init_script(TELL.replace("TOLD", json.dumps({"assistants": self.assistants()})))
        await context.route("**/api/search*", self._search)
        await context.route(re.compile(r"/api/conversations(\?.*)?$"), self._list)
        await context.route("**/api/conversations/*", self._conversation)
        await context.route("**/api/conversations/*/messages*", self._messages)
        await context.route("**/api/conversations/*/restore", self._refuse)

    def shape(self, conversation_id: str) -> dict[str, Any]:
        title = self.conversations[conversation_id]
        pinned = self.payloads.index(title) % 2 == 0
        flags = {"pinned": pinned, "archived": False, "unread": False}
        times = {"created_at": WHEN, "updated_at": WHEN}
        leaf = id_of("answer", title)
        return {"id": conversation_id, "title": title, "assistant": None, "active_leaf_id": leaf, **flags, **times}

    def assistants(self) -> list[dict[str, Any]]:
        """The slug is harmless, because the real server validates it: it becomes an id in the page."""
        return [
            {"slug": f"hostile-{number}", "default": number == 0, "demo": False}
            | dict.fromkeys(("name", "description", "provider", "model"), payload)
            for number, payload in enumerate(self.payloads)
        ]

    def messages(self, conversation_id: str) -> list[dict[str, Any]]:
        """A question and two answers to it. The second is shown."""
        text = self.conversations[conversation_id]
        question, answer, other = id_of("question", text), id_of("answer", text), id_of("other answer", text)
        known = {"conversation_id": conversation_id, "text": text, "status": text, "finish_reason": text}
        said = {"model": text, "assistant": text, "run_id": None, "client_message_id": None, "created_at": WHEN}
        asked = {"id": question, "parent_id": None, "role": "user", "siblings": [question]}
        answered = {"id": answer, "parent_id": question, "role": "assistant", "siblings": [other, answer]}
        return [{**known, **said, **answered}, {**known, **said, **asked}]

    def hits(self) -> list[dict[str, Any]]:
        """Each payload in three segments. The middle one is the search match."""
        found = []
        for conversation_id, text in self.conversations.items():
            cuts = (0, len(text) // 3, 2 * len(text) // 3, len(text))
            segments = [{"text": text[cuts[at] : cuts[at + 1]], "match": at == 1} for at in range(3)]
            hit = {"conversation": self.shape(conversation_id), "message_id": id_of("question", text), "role": "user"}
            found.append({**hit, "created_at": WHEN, "title": segments, "snippet": segments})
        return found

    async def _search(self, route: Route) -> None:
        await route.fulfill(json={"items": self.hits(), "next": None})

    async def _list(self, route: Route) -> None:
        wanted = "pinned=1" in route.request.url
        items = [self.shape(each) for each in self.conversations]
        await route.fulfill(json={"items": [item for item in items if item["pinned"] or not wanted], "next": None})

    async def _conversation(self, route: Route) -> None:
        """Reads and deletions succeed. Other requests are refused with the payload as the error."""
        conversation_id = self._id(route)
        if route.request.method == "DELETE":
            await route.fulfill(status=204)
        elif route.request.method == "GET" or "unread" in (route.request.post_data or ""):
            await route.fulfill(json=self.shape(conversation_id))
        else:
            await self._refuse(route)

    async def _messages(self, route: Route) -> None:
        messages = self.messages(self._id(route))
        page = {"items": messages, "next": None, "previous": None, "leaf_id": messages[0]["id"]}
        await route.fulfill(json=page)

    async def _refuse(self, route: Route) -> None:
        message = self.conversations[self._id(route)]
        error = {"code": message, "message": message, "retryable": False}
        await route.fulfill(status=400, json={"error": error})

    def _id(self, route: Route) -> str:
        return urlsplit(route.request.url).path.split("/")[3]
