from __future__ import annotations

import hashlib
import hmac

import pytest
from django.core.signing import Signer
from pytest_django import Settings

from chat.generation.pseudonym import pseudonym_of
from chat.generation.title_generation import _request as title_request
from tests.chat_rig import rig
from tests.models.test_turn import turn


def test_the_pseudonym_is_stable_and_unique_per_user() -> None:
    assert pseudonym_of(1) == pseudonym_of(1)
    assert len({pseudonym_of(number) for number in range(1000)}) == 1000
    assert all(character in "0123456789abcdef" for character in pseudonym_of(1))
    assert len(pseudonym_of(1)) == 32


def test_the_pseudonym_depends_on_the_secret_key(settings: Settings) -> None:
    before = pseudonym_of(7)
    settings.SECRET_KEY = "another key, of another site, that is long enough"
    assert pseudonym_of(7) != before


def test_the_pseudonym_is_specific_to_its_purpose(settings: Settings) -> None:
    key = settings.SECRET_KEY.encode()
    for other in (
        hashlib.sha256(b"7").hexdigest(),
        hmac.new(key, b"7", hashlib.sha256).hexdigest(),
        Signer().signature("7"),
    ):
        assert not other.startswith(pseudonym_of(7)[:8])


@pytest.mark.django_db(transaction=True)
async def test_providers_get_only_the_pseudonym_of_the_user() -> None:
    async with rig() as chat:
        sent = await chat.turn("Hello", "Hi!")
        await chat.turn("Again", "Hi!", conversation_id=sent.conversation_id)
        first, second = chat.provider.requests

        assert first.user == second.user == pseudonym_of(chat.alice.pk)
        assert first.user != pseudonym_of(chat.charlie.pk)
        assert "alice" not in repr(first) + first.user
        assert title_request(turn(chat.alice)).user == first.user
