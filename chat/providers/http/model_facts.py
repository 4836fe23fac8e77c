"""What an entry in a server's list of models says of the model, in the dialects of several servers."""

from __future__ import annotations

from typing import Any, Final

# Tokens. vLLM, OpenRouter and Together, Groq, Mistral and LM Studio, LiteLLM, GitHub Models.
_WINDOWS: Final = (
    *("max_model_len", "context_length", "context_window", "max_context_length", "loaded_context_length"),
    *("max_input_tokens", "n_ctx"),
)
LARGEST_WINDOW: Final = 2**31 - 1


def facts(entry: dict[str, Any]) -> dict[str, Any]:
    """Of `context_window`, `can_use_tools`, `can_see_images` and `thinks`, those that the entry tells.

    Fields may have any type: what is not understood is not known.
    """
    found = {
        "context_window": _window(entry),
        "can_use_tools": _has(entry, {"tools", "tool_use", "function_calling", "function-calling", "tool-calls"}),
        "can_see_images": _has(entry, {"image", "vision", "image_input", "multimodal"}),
        "thinks": _has(entry, {"reasoning", "thinking", "include_reasoning"}),
    }
    return {name: value for name, value in found.items() if value is not None}


def window(value: Any) -> int | None:
    """A number of tokens, if it is one. JSON numbers arrive as floats here (listing.py)."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 1 <= value <= LARGEST_WINDOW else None


def _window(entry: dict[str, Any]) -> int | None:
    # OpenRouter: what the provider that is used serves may be less.
    for place in (entry.get("top_provider"), entry, entry.get("limits"), entry.get("meta")):
        if isinstance(place, dict):
            for name in _WINDOWS:
                if found := window(place.get(name)):
                    return found
    return None


def _has(entry: dict[str, Any], words: set[str]) -> bool | None:
    """Whether a list of abilities names one of these; None without such a list."""
    lists = [entry.get("supported_parameters"), _inputs(entry), entry.get("capabilities")]
    said: list[bool] = []
    for each in lists:
        if isinstance(each, dict):
            said += [value for name, value in each.items() if name in words and isinstance(value, bool)]
        elif isinstance(each, list) and (names := {word for word in each if isinstance(word, str)}):
            said.append(bool(names & words))
    return any(said) if said else None


def _inputs(entry: dict[str, Any]) -> Any:
    architecture = entry.get("architecture")
    return architecture.get("input_modalities") if isinstance(architecture, dict) else None
