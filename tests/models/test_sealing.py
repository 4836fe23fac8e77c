from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pytest_django import Settings

from chat.models.sealing import NoKey, drop_old_keys, renew_key, reseal, seal, unseal

OLD, NEW = "o" * 32, "n" * 32


@pytest.fixture(autouse=True)
def key_file(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    settings.CHAT_SECRETS_KEY = []
    return tmp_path / "secrets_key"


def test_a_secret_can_be_decrypted_and_is_not_visible() -> None:
    assert unseal(seal("sk-0123456789")) == "sk-0123456789"
    assert "sk-01" not in seal("sk-0123456789")
    assert seal("sk-0123456789") != seal("sk-0123456789")


def test_an_empty_value_stays_empty_and_needs_no_key(key_file: Path) -> None:
    assert (seal(""), unseal("")) == ("", "")
    assert not key_file.exists()


def test_the_key_file_is_created_on_demand_and_private(key_file: Path) -> None:
    seal("x")

    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert len(key_file.read_text()) >= 48


def test_the_setting_takes_precedence_over_the_file(key_file: Path, settings: Settings) -> None:
    settings.CHAT_SECRETS_KEY = [OLD]
    assert unseal(seal("x")) == "x"
    assert not key_file.exists()


def test_the_first_key_encrypts_and_all_decrypt(settings: Settings) -> None:
    settings.CHAT_SECRETS_KEY = [OLD]
    sealed = seal("x")
    settings.CHAT_SECRETS_KEY = [NEW, OLD]
    assert unseal(sealed) == "x"
    sealed = reseal(sealed)
    settings.CHAT_SECRETS_KEY = [NEW]
    assert unseal(sealed) == "x"


def test_without_its_key_a_secret_is_lost_and_the_error_does_not_quote_it(settings: Settings) -> None:
    settings.CHAT_SECRETS_KEY = [OLD]
    sealed = seal("sk-0123456789")
    settings.CHAT_SECRETS_KEY = [NEW]
    for text in (sealed, "nonsense", "ü"):
        with pytest.raises(NoKey) as caught:
            unseal(text)
        assert text not in str(caught.value)


def test_an_empty_key_file_is_reported_and_not_replaced(key_file: Path) -> None:
    key_file.touch()
    with pytest.raises(NoKey, match="is empty"):
        seal("x")
    assert key_file.read_text() == ""


def test_an_unreadable_key_file_is_reported(key_file: Path) -> None:
    key_file.mkdir()
    with pytest.raises(NoKey, match="cannot be used"):
        seal("x")


def test_after_a_rotation_the_previous_key_still_decrypts(key_file: Path) -> None:
    before = seal("x")
    first = key_file.read_text()

    assert renew_key()

    new, old = key_file.read_text().split(",")
    assert (old, new == old) == (first, False)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert unseal(before) == "x"
    key_file.write_text(new)
    with pytest.raises(NoKey):
        unseal(before)


def test_a_key_of_the_operator_is_not_replaced(settings: Settings, key_file: Path) -> None:
    settings.CHAT_SECRETS_KEY = [OLD]
    assert not renew_key()
    assert not key_file.exists()


def test_a_binary_key_file_is_reported(key_file: Path) -> None:
    key_file.write_bytes(b"\xff\xfe\x00abc")
    with pytest.raises(NoKey, match="not valid UTF-8"):
        seal("x")


def test_a_setting_with_invalid_utf_8_is_reported(settings: Settings) -> None:
    settings.CHAT_SECRETS_KEY = [OLD + "\udcff"]
    with pytest.raises(NoKey, match="not valid UTF-8"):
        seal("x")


def test_all_old_keys_but_the_previous_one_are_dropped(key_file: Path) -> None:
    seal("x")
    for _ in range(3):
        renew_key()
    new, before, *_ = key_file.read_text().split(",")
    drop_old_keys()
    assert key_file.read_text() == f"{new},{before}"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
