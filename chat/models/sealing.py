"""Encrypts secrets for the database, so that a copy of it, a backup or an export reveals none.

Fernet (AES-128-CBC and HMAC-SHA256) with a key of its own: `CHAT_SECRETS_KEY`, or else the file `secrets_key` in the
data directory, which is made when it is first needed. Both may have several keys, separated by commas: the first
encrypts, all decrypt. They are read for each secret, so that processes need no restart after a rotation.
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from chatsite.private_files import SECRETS_KEY, make_key, write_private


class NoKey(Exception):
    """The secret cannot be read: none of the keys encrypted it, or there is no readable key. Names no secret."""


def seal(text: str) -> str:
    """The encrypted text; empty for an empty one. Raises NoKey."""
    return _keys().encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """The text that was sealed. Raises NoKey."""
    if not sealed:
        return ""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise NoKey("It was encrypted with another key.") from None


def reseal(sealed: str) -> str:
    """The same secret, encrypted with the first key. Raises NoKey."""
    return seal(unseal(sealed))


@contextmanager
def rotation() -> Iterator[None]:
    """Held while a key is renewed and used: only one process at a time. Raises NoKey."""
    if settings.CHAT_SECRETS_KEY:
        yield
        return
    try:
        directory = os.open(settings.DATA_DIR, os.O_RDONLY)
    except OSError as error:
        raise _unusable(_path(), error) from None
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def renew_key() -> bool:
    """Put a new key before those in the data directory. False if CHAT_SECRETS_KEY is set, and nothing is done.

    All previous keys stay in the file. Raises NoKey. Call it within `rotation`.
    """
    if settings.CHAT_SECRETS_KEY:
        return False
    _write([secrets.token_urlsafe(48), *_in_file()])
    return True


def drop_old_keys() -> None:
    """Keep the new key and the one before it. Only after everything was encrypted with the new one. Raises NoKey.

    The one before stays until the next rotation: a process may be just saving what it sealed with it.
    """
    if not settings.CHAT_SECRETS_KEY:
        _write(_in_file()[:2])


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in settings.CHAT_SECRETS_KEY or _in_file()])


def _derived(key: str) -> bytes:
    """Any text as a Fernet key: 32 bytes, in base64."""
    try:
        encoded = key.encode()
    except UnicodeError:
        raise NoKey("The key to encrypt with is not valid UTF-8.") from None
    return base64.urlsafe_b64encode(HKDF(SHA256(), 32, salt=None, info=b"chatsite secrets").derive(encoded))


def _in_file() -> list[str]:
    path = _path()
    try:
        if not path.exists():
            make_key(path)
        keys = path.read_text(encoding="utf-8").replace(",", " ").split()
    except OSError as error:
        raise _unusable(path, error) from None
    except UnicodeError:
        raise NoKey(f"{path} is not valid UTF-8.") from None
    if not keys:
        raise NoKey(f"{path} is empty.")
    return keys


def _write(keys: list[str]) -> None:
    """All or nothing."""
    path = _path()
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        write_private(draft, ",".join(keys))
        draft.replace(path)
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, error: OSError) -> NoKey:
    return NoKey(f"{path} cannot be used: {error.strerror}.")


def _path() -> Path:
    return Path(settings.DATA_DIR) / SECRETS_KEY
