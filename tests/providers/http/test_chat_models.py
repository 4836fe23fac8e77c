"""Which models of a server may be able to chat, judged by their names and by what a listing says about them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat.providers.http.chat_models import chats
from chat.providers.http.listing import names

FOR_CHAT = [
    *("gpt-5.4-mini", "o4-mini", "gpt-4o-search-preview", "claude-sonnet-4-5", "gemini-2.5-flash", "gemma3:27b"),
    *("llama3.2:latest", "meta-llama/Llama-3.3-70B-Instruct", "Qwen/Qwen3-8B", "qwen2.5-coder", "deepseek-r1:14b"),
    *("mistral-small-latest", "magistral-medium", "codestral-latest", "phi4", "command-r-plus", "llava:13b", "tiny"),
    *(
        "vicuna-13b",
        "granite3.3:8b",
        "kimi-k2",
        "glm-4.6",
        "grok-4",
        "imagine-7b",
        "influx-8b",
        "watts-13b",
        "vanguard-7b",
    ),
]
FOR_SOMETHING_ELSE = [
    *("text-embedding-3-large", "nomic-embed-text:latest", "mxbai-embed-large", "snowflake-arctic-embed2", "bge-m3"),
    *("embeddinggemma", "Qwen/Qwen3-Embedding-0.6B", "all-minilm:33m", "intfloat/e5-mistral-7b-instruct"),
    *("sentence-transformers/all-mpnet-base-v2", "Alibaba-NLP/gte-Qwen2-7B-instruct", "jina-embeddings-v3"),
    *("rerank-v3.5", "BAAI/bge-reranker-v2-m3", "colbert-ir", "Skywork-Reward-Llama-3.1-8B"),
    *("llama-guard3:8b", "meta-llama/LlamaGuard-7b", "Qwen/Qwen3Guard-Gen-8B", "shieldgemma:2b", "granite3-guardian"),
    *(
        "openai/gpt-oss-safeguard-20b",
        "meta-llama/llama-prompt-guard-2-86m",
        "nvidia/content-safety",
        "omni-moderation-latest",
    ),
    *(
        "whisper-large-v3-turbo",
        "gpt-4o-transcribe",
        "gpt-4o-mini-tts",
        "tts-1-hd",
        "gpt-realtime",
        "gpt-4o-audio-preview",
    ),
    *(
        "dall-e-3",
        "gpt-image-1",
        "gemini-2.5-flash-image",
        "imagen-4.0",
        "sora-2",
        "veo-3",
        "black-forest-labs/FLUX.1-dev",
    ),
    *("stable-diffusion-3.5", "babbage-002", "davinci-002", "mistral-ocr-latest", "kokoro", "aqa"),
]


@pytest.mark.parametrize("name", FOR_CHAT)
def test_other_names_count_as_chat_models(name: str) -> None:
    assert chats(name)


@pytest.mark.parametrize("name", FOR_SOMETHING_ELSE)
def test_names_of_other_purposes_are_not_chat_models(name: str) -> None:
    assert not chats(name)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "embedding"},
        {"type": "moderation"},
        {"type": "Text Embedding"},
        {"task": "embeddings"},
        {"mode": "image_generation"},
        {"capabilities": {"completion_chat": False, "function_calling": False}},
        {"capabilities": {"chat_completion": False, "embeddings": True}},
        {"capabilities": ["embedding"]},
        {"capabilities": ["embed"]},
        {"architecture": {"output_modalities": ["image"]}},
        {"details": {"family": "nomic-bert"}},
    ],
    ids=str,
)
def test_models_listed_with_another_type_are_left_out(fields: dict[str, Any]) -> None:
    assert names(json.dumps({"data": [{"id": "x", **fields}, {"id": "y"}]}).encode()) == ("y",)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "chat"},
        {"type": "llm", "object": "model"},
        {"type": "base", "capabilities": {"completion_chat": True}},
        {"task": "chat-completion"},
        {"task": "image-text-to-text"},
        {"capabilities": {"vision": False}},
        {"capabilities": ["completion", "embedding"]},
        {"capabilities": []},
        {"architecture": {"output_modalities": ["text", "image"]}},
        {"details": {"family": "llama"}},
        {
            "type": 7,
            "task": None,
            "mode": ["embedding"],
            "capabilities": "embedding",
            "details": [],
            "architecture": 1,
        },
        {
            "capabilities": {"completion_chat": "no"},
            "architecture": {"output_modalities": [1]},
            "details": {"family": {}},
        },
    ],
    ids=str,
)
def test_all_other_models_count_as_chat_models(fields: dict[str, Any]) -> None:
    assert names(json.dumps({"data": [{"id": "x", **fields}]}).encode()) == ("x",)
