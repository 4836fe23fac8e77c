from __future__ import annotations

from chat.quotas.credentials import KNOWN, Credentials

ALICE = 1


def test_a_credential_is_known_until_it_is_forgotten() -> None:
    credentials = Credentials()
    assert credentials.find("session alice") is None
    credentials.learn("session alice", ALICE)
    assert (credentials.find("session alice"), credentials.find("token alice")) == (ALICE, None)
    credentials.forget("session alice")
    assert credentials.find("session alice") is None


def test_an_empty_credential_is_not_stored() -> None:
    credentials = Credentials()
    credentials.learn("", ALICE)
    assert credentials.find("") is None


def test_it_remembers_the_most_recent_valid_credentials() -> None:
    credentials = Credentials()
    credentials.learn("session alice", ALICE)
    credentials.learn("session bob", 2)
    credentials.learn("session alice", ALICE)
    for number in range(KNOWN - 1):
        credentials.learn(f"session {number}", number)
    assert (credentials.find("session alice"), credentials.find("session bob")) == (ALICE, None)
    assert len(credentials._known) == KNOWN


def test_credentials_can_contain_undecodable_bytes() -> None:
    credentials = Credentials()
    credentials.learn("session \udcff", ALICE)
    assert credentials.find("session \udcff") == ALICE
