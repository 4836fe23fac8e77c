from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.providers.detected import facts_of
from chat.providers.http import listing
from chat.providers.http.model_facts import facts

OPENROUTER = {
    "id": "acme/heron",
    "context_length": 200_000,
    "top_provider": {"context_length": 131_072},
    "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
    "supported_parameters": ["tools", "reasoning", "temperature"],
}
MISTRAL = {
    "id": "heron-small",
    "max_context_length": 32_768,
    "capabilities": {"completion_chat": True, "function_calling": True, "vision": False},
}


@pytest.mark.parametrize(
    ("entry", "known"),
    [
        (OPENROUTER, {"context_window": 131_072, "can_use_tools": True, "can_see_images": True, "thinks": True}),
        (MISTRAL, {"context_window": 32_768, "can_use_tools": True, "can_see_images": False}),
        ({"id": "vllm", "max_model_len": 8192}, {"context_window": 8192}),
        ({"id": "groq", "context_window": 8192}, {"context_window": 8192}),
        (
            {"id": "github", "limits": {"max_input_tokens": 128_000}, "capabilities": ["tool-calls", "streaming"]},
            {"context_window": 128_000, "can_use_tools": True, "can_see_images": False, "thinks": False},
        ),
        # The context it was trained with is not the context it serves.
        ({"id": "llama.cpp", "meta": {"n_ctx_train": 131_072}}, {}),
        ({"id": "openai", "object": "model", "created": 1}, {}),
    ],
)
def test_facts_are_read_from_listings(entry: dict[str, Any], known: dict[str, Any]) -> None:
    assert facts(entry) == known


@pytest.mark.parametrize("value", [0, -1, True, "8192", None, [], {}, float("nan"), float("inf"), 2**31])
def test_an_invalid_context_length_is_ignored(value: object) -> None:
    assert facts({"context_length": value}) == {}


ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.just("tools"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("vision"), inner),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [*OPENROUTER, *MISTRAL, "max_model_len", "limits", "meta", "capabilities", "supported_parameters", "architecture"]
)


@given(st.dictionaries(FIELDS, ANY, max_size=4))
def test_no_entry_breaks_it(entry: dict[str, Any]) -> None:
    for name, value in facts(entry).items():
        assert isinstance(value, int) if name == "context_window" else isinstance(value, bool)


def test_a_listing_has_names_and_facts() -> None:
    models = listing.names(json.dumps({"data": [OPENROUTER, {"id": "plain"}]}).encode())

    assert models == ("acme/heron", "plain")
    assert facts_of(models[0])["context_window"] == 131_072
    assert facts_of(models[1]) == {}
