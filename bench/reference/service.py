"""The service of the streaming tutorials, to measure against: FastAPI, sse-starlette, and the openai package as it is.

One SSE event per token. It has no accounts, no database, no history, no resuming, no stop: each of these would cost it
something more.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI
from openai import AsyncOpenAI
from pydantic import BaseModel
from sse_starlette.sse import EventSourceResponse

app = FastAPI()
client = AsyncOpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key="none")
model = os.environ["OPENAI_MODEL"]


class Message(BaseModel):
    text: str


async def answer(text: str) -> AsyncIterator[dict[str, str]]:
    stream = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": text}], stream=True
    )
    async for chunk in stream:
        if chunk.choices and (piece := chunk.choices[0].delta.content):
            yield {"event": "token", "data": json.dumps({"text": piece})}
    yield {"event": "done", "data": "{}"}


@app.post("/chat")
async def chat(message: Message) -> EventSourceResponse:
    return EventSourceResponse(answer(message.text))


@app.get("/readyz")
async def ready() -> dict[str, str]:
    return {"status": "ok"}
