"""What a provider offers, as far as it says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from chat.providers.base import ProviderError, ProviderUnavailable, TimedOut


class ListedModel(str):
    """The name of a model that a server lists, with what it says of the model.

    facts: of `context_window` (tokens), `can_use_tools`, `can_see_images` and `thinks`, those that are known. Equal to
    any other text with this name.
    """

    __slots__ = ("facts",)
    facts: Mapping[str, Any]

    def __new__(cls, name: str, facts: Mapping[str, Any] = MappingProxyType({})) -> ListedModel:
        model = super().__new__(cls, name)
        model.facts = facts
        return model


def facts_of(model: str) -> Mapping[str, Any]:
    return model.facts if isinstance(model, ListedModel) else {}


@dataclass(frozen=True, slots=True)
class Detected:
    """What a provider offers. `default_model` is one of `models`; both are empty if the server listed none.

    error: what went wrong, with a message for users, if the server could not be reached or returned nothing usable.
    problem: the same for the operator. Model names are never invented. is_guess: the server is not configured, only
    tried, and may well not exist. kind: of an account that an administrator made; any other provider is named like
    its kind.
    """

    provider_name: str
    models: tuple[str, ...]
    default_model: str
    problem: str = ""
    error: ProviderError | None = field(default=None, compare=False)
    is_guess: bool = field(default=False, compare=False)
    kind: str = field(default="", compare=False)

    @property
    def facts(self) -> list[Mapping[str, Any]]:
        """What the server says of each model."""
        return [facts_of(model) for model in self.models]

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
