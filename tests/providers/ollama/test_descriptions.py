from __future__ import annotations

import json
from typing import Any

import pytest

from chat.providers.detected import facts_of
from chat.providers.kinds import Account, kinds
from chat.providers.ollama.descriptions import described
from chat.providers.openai.descriptions import described as described_by_llama_cpp
from tests.providers.raw_server import RawServer, response

LLAMA = {
    "capabilities": ["completion", "tools", "vision", "thinking"],
    "parameters": 'stop    "<|eot|>"\nnum_ctx    8192\n',
    "model_info": {"llama.context_length": 131_072},
}
PLAIN = {"capabilities": ["completion"], "model_info": {"llama.context_length": 131_072}}


def root_of(server: RawServer) -> str:
    return server.base_url.removesuffix("/v1")


async def test_each_model_is_described_once() -> None:
    def play(request: bytes) -> list[bytes]:
        return [response(json.dumps(LLAMA if b'"llama"' in request else PLAIN).encode())]

    async with RawServer(play) as server:
        models = await described(root_of(server), ("llama", "plain"), headers={"Authorization": "Bearer k"})
        assert await described(root_of(server), ("plain", "llama")) == ("plain", "llama")
        assert len(server.requests) == 2
        assert b"POST /api/show" in server.requests[0]
        assert b"Authorization: Bearer k" in server.requests[0]

    assert facts_of(models[0]) == {
        "context_window": 8192, "can_use_tools": True, "can_see_images": True, "thinks": True,
    }  # fmt: skip
    # Without num_ctx, Ollama does not say how large its context window is.
    assert facts_of(models[1]) == {"can_use_tools": False, "can_see_images": False, "thinks": False}


async def test_a_removed_model_that_returns_is_described_again() -> None:
    played = [PLAIN, LLAMA]
    async with RawServer(lambda _: [response(json.dumps(played.pop(0)).encode())]) as server:
        await described(root_of(server), ("bird",))
        assert await described(root_of(server), ()) == ()
        [model] = await described(root_of(server), ("bird",))

    assert facts_of(model)["can_use_tools"] is True


@pytest.mark.parametrize(
    "answer",
    [response(b"{}", status="404 No"), response(b"[]"), response(b"<html>"), b"", response(b"[" * 99_999)],
    ids=["404", "list", "page", "nothing", "deep"],
)
async def test_a_server_without_descriptions_is_asked_once(answer: bytes) -> None:
    async with RawServer(lambda _: [answer]) as server:
        models = await described(root_of(server), ("a", "b"))
        # aiohttp retries when a kept-alive connection is closed without a response.
        assert len(server.requests) <= 2
        assert await described_by_llama_cpp(server.base_url, ("a",)) == ("a",)
    assert [(model, facts_of(model)) for model in models] == [("a", {}), ("b", {})]


async def test_an_endless_description_is_aborted() -> None:
    def play(_: bytes) -> Any:
        yield b"HTTP/1.1 200 OK\r\n\r\n["
        while True:
            yield b'"a",' * 16384

    async with RawServer(play) as server:
        assert await described(root_of(server), ("a",)) == ("a",)
        assert server.sent < 64 * 2**20


async def test_llama_cpp_describes_its_model() -> None:
    props = {
        "default_generation_settings": {"n_ctx": 4096},
        "modalities": {"vision": True},
        "chat_template_caps": {"supports_tools": False},
    }
    async with RawServer(lambda _: [response(json.dumps(props).encode())]) as server:
        (model,) = await described_by_llama_cpp(server.base_url, ("only",))
        assert await described_by_llama_cpp(server.base_url, ("one", "two")) == ("one", "two")
        assert len(server.requests) == 1
    assert facts_of(model) == {"context_window": 4096, "can_see_images": True, "can_use_tools": False}


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_an_account_can_use_either_of_its_addresses(path: str) -> None:
    listed = json.dumps({"data": [{"id": "llama"}]}).encode()
    async with RawServer(lambda _: [response(listed)]) as server:
        provider = kinds()["ollama"].build(Account("ours", base_url=root_of(server) + path), lambda _: None)
        assert await provider.models() == ("llama",)
        assert b"GET /v1/models" in server.requests[0]
        await provider.close()
