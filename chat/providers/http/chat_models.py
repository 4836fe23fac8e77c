"""Finds the chat models in a server's list, by their names and by what the list says about them.

Servers list all of their models. An assistant for an embedding model could only fail, and one for a guard model would
answer every question with "safe".
"""

from __future__ import annotations

import re
from typing import Any, Final

# Matched as whole words: "flux" does not match "influx", nor "tts" "watts".
_WORDS: Final = (
    "aqa|asr|audio|babbage|bark|bge|classifier|clip|colbert|davinci|e5|flux|gte|image|imagen|kokoro|minilm|musicgen|"
    "ocr|parakeet|piper|realtime|reward|sdxl|siglip|sora|stable-diffusion|stt|tts|veo|wav2vec"
)
_ANYWHERE: Final = (
    "dall-e|embed|moderation|(?<!van)guard|rerank|safety|sentence-transformers|shieldgemma|transcri|whisper"
)
_OTHER_NAMES: Final = re.compile(rf"(?:{_ANYWHERE}|(?<![a-z0-9])(?:{_WORDS})(?![a-z]))", re.IGNORECASE)

# Fields for the kind of a model: Together `type`, GitHub Models `task`, LiteLLM `mode`, …
_KIND_FIELDS: Final = ("type", "task", "mode", "model_type", "kind")
_OTHER_KINDS: Final = frozenset(
    {
        *("embed", "embedding", "embeddings", "text-embedding", "feature-extraction", "sentence-similarity"),
        *("rerank", "reranker", "reranking", "text-ranking", "score", "reward", "classify", "classification"),
        *("text-classification", "moderation", "moderations", "guard", "safety", "ocr"),
        *("image", "image-generation", "text-to-image", "video", "video-generation", "text-to-video"),
        *("audio", "audio-speech", "audio-transcription", "speech", "text-to-speech", "speech-to-text", "tts", "stt"),
        *("transcribe", "transcription", "automatic-speech-recognition", "realtime"),
    }
)
# Mistral and Azure: a boolean for each capability.
_CHAT_ABILITIES: Final = ("completion_chat", "chat_completion", "chat")


def chats(name: str) -> bool:
    """Whether this may be a chat model, judging by its name."""
    return _OTHER_NAMES.search(name) is None


def may_chat(entry: dict[str, Any]) -> bool:
    """Whether this may be a chat model, judging by its entry in a list. Fields may have any type."""
    kinds = [kind for name in _KIND_FIELDS if isinstance(kind := entry.get(name), str)]
    return (
        not any(_kind(kind) in _OTHER_KINDS for kind in kinds)
        # Anthropic lists models that it no longer runs.
        and entry.get("lifecycle") != "retired"
        and _is_able(entry.get("capabilities"))
        and _writes_text(entry.get("architecture"))
        and not _is_encoder(entry.get("details"))
    )


def _is_able(abilities: Any) -> bool:
    if isinstance(abilities, dict):
        said = [able for name in _CHAT_ABILITIES if isinstance(able := abilities.get(name), bool)]
        return any(said) or not said
    words = [_kind(word) for word in abilities if isinstance(word, str)] if isinstance(abilities, list) else []
    return not words or any(word not in _OTHER_KINDS for word in words)


def _writes_text(architecture: Any) -> bool:
    """OpenRouter lists a model's output modalities."""
    written = architecture.get("output_modalities") if isinstance(architecture, dict) else None
    words = [word for word in written if isinstance(word, str)] if isinstance(written, list) else []
    return not words or "text" in words


def _is_encoder(details: Any) -> bool:
    """Ollama names a model's family: BERT models only create embeddings."""
    family = details.get("family") if isinstance(details, dict) else None
    return isinstance(family, str) and "bert" in family.lower()


def _kind(word: str) -> str:
    return word.strip().lower().replace("_", "-").replace(" ", "-")
