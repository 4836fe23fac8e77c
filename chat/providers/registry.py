"""The providers of a process, by name: each made when it is first asked for, all closed together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from chat.providers.base import Provider
from chat.providers.catalogue import OLLAMA_URL
from chat.providers.demo import TOKENS_PER_SECOND, DemoProvider
from chat.providers.openai import FIRST_TOKEN_SECONDS, IDLE_SECONDS, OpenAIProvider


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What the operator can say of the providers. Timeouts are in seconds; empty texts mean the usual."""

    openai_base_url: str = ""
    openai_api_key: str = field(default="", repr=False)
    openai_model: str = ""
    ollama_url: str = OLLAMA_URL
    demo_tokens_per_second: float = TOKENS_PER_SECOND
    first_token_timeout: float = FIRST_TOKEN_SECONDS
    idle_timeout: float = IDLE_SECONDS

    def environment(self) -> dict[str, str]:
        """As `catalogue.detect` wants it."""
        return {
            "OPENAI_API_KEY": self.openai_api_key,
            "OPENAI_BASE_URL": self.openai_base_url,
            "OPENAI_MODEL": self.openai_model,
        }


class Registry(Mapping[str, Provider]):
    """`registry["openai"]`: the same object each time. A name that no provider has is a KeyError."""

    def __init__(self, makers: Mapping[str, Callable[[], Provider]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, Provider] = {}

    def __getitem__(self, name: str) -> Provider:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    async def close(self) -> None:
        """Closes what was made, for the running event loop. The registry can be used again afterwards."""
        for provider in self._made.values():
            await provider.close()


def build(settings: ProviderSettings) -> Registry:
    """The providers "openai", "ollama" and "demo". Nothing is connected, or even made, before it is asked for."""
    return Registry(
        {
            "openai": lambda: OpenAIProvider(
                base_url=settings.openai_base_url,
                api_key=settings.openai_api_key,
                first_token_timeout=settings.first_token_timeout,
                idle_timeout=settings.idle_timeout,
            ),
            "ollama": lambda: OpenAIProvider(
                name="ollama",
                base_url=f"{settings.ollama_url.rstrip('/')}/v1",
                first_token_timeout=settings.first_token_timeout,
                idle_timeout=settings.idle_timeout,
            ),
            "demo": lambda: DemoProvider(tokens_per_second=settings.demo_tokens_per_second),
        }
    )
