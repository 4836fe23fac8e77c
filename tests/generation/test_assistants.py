from __future__ import annotations

import pytest

from chat.generation.assistants import show_detected
from chat.models import Assistant, User
from chat.providers.catalogue import Detected

pytestmark = pytest.mark.django_db

DEMO = Detected("demo", ("demo",), "demo")
OLLAMA = Detected("ollama", ("llama3.2:3b", "qwen3:8b"), "qwen3:8b")


def usable(user: User) -> list[str]:
    return [assistant.slug for assistant in Assistant.objects.usable_by(user)]


def test_each_model_that_is_found_is_an_assistant_and_the_default_comes_first(alice: User) -> None:
    show_detected(OLLAMA)
    assert usable(alice) == ["qwen3-8b", "llama3-2-3b"]


def test_models_that_are_gone_are_hidden_and_come_back(alice: User) -> None:
    show_detected(DEMO)
    show_detected(OLLAMA)
    assert usable(alice) == ["qwen3-8b", "llama3-2-3b"]
    show_detected(DEMO)
    assert usable(alice) == ["demo"]
    show_detected(OLLAMA)
    assert usable(alice) == ["qwen3-8b", "llama3-2-3b"]
    assert Assistant.objects.count() == 3


def test_what_an_administrator_has_hidden_stays_hidden(alice: User) -> None:
    show_detected(OLLAMA)
    Assistant.objects.filter(slug="qwen3-8b").update(is_active=False)
    show_detected(OLLAMA)
    assert usable(alice) == ["llama3-2-3b"]


def test_an_administrators_default_stays(alice: User) -> None:
    show_detected(OLLAMA)
    chosen = Assistant.objects.get(slug="llama3-2-3b")
    chosen.is_default = True
    chosen.save()
    show_detected(OLLAMA)
    assert usable(alice) == ["llama3-2-3b", "qwen3-8b"]


def test_an_administrators_own_assistant_stands_for_its_model(alice: User) -> None:
    Assistant.objects.create(name="Mine", slug="mine", provider="demo", model="demo")
    show_detected(DEMO)
    assert usable(alice) == ["mine"]


def test_two_models_with_like_names_are_two_assistants(alice: User) -> None:
    show_detected(Detected("openai", ("a.b", "a-b", "a:b"), "a.b"))
    assert sorted(usable(alice)) == ["a-b", "a-b-2", "a-b-3"]
