"""What a provider offers, as far as it says so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from chat.providers.base import ProviderError, ProviderUnavailable, TimedOut


@dataclass(frozen=True, slots=True)
class Detected:
    """What a provider offers. `default_model` is one of `models`; both are empty if the server listed none.

    error: what went wrong, with a message for users, if the server could not be reached or returned nothing usable.
    problem: the same for the operator. Model names are never invented. is_guess: the server is not configured, only
    tried, and may well not exist.
    """

    provider_name: str
    models: tuple[str, ...]
    default_model: str
    problem: str = ""
    error: ProviderError | None = field(default=None, compare=False)
    is_guess: bool = field(default=False, compare=False)

    @property
    def is_silent(self) -> bool:
        """Whether the server is unreachable, but may be back any moment."""
        return self.error is not None and is_silence(self.error)

    @property
    def as_guess(self) -> Detected:
        return replace(self, is_guess=True)


def is_silence(error: ProviderError) -> bool:
    return isinstance(error, ProviderUnavailable | TimedOut) and error.retryable


def without_models(provider: str, problem: str) -> Detected:
    return Detected(provider, (), "", problem, ProviderError("The model server offers no chat model."))
