"""Encrypts secrets for the database, so that a copy of it, a backup or an export reveals none.

Fernet (AES-128-CBC and HMAC-SHA256) with a key of its own: `CHAT_SECRETS_KEY`, or else the file `secrets_key` in the
data directory, which is made when it is first needed. Both may have several keys, separated by commas: the first
encrypts, all decrypt. They are read for each secret, so that processes need no restart after a rotation.
"""

from __future__ import annotations

import base64
import os
import secrets
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


def renew_key() -> bool:
    """Put a new key before the one in the data directory. False if CHAT_SECRETS_KEY is set, and nothing is done.

    The previous key stays in the file, for processes that are just sealing something with it, until the next renewal.
    """
    if settings.CHAT_SECRETS_KEY:
        return False
    path = _path()
    previous = _in_file()[0]
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    write_private(draft, f"{secrets.token_urlsafe(48)},{previous}")
    draft.replace(path)
    return True


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in settings.CHAT_SECRETS_KEY or _in_file()])


def _derived(key: str) -> bytes:
    """Any text as a Fernet key: 32 bytes, in base64."""
    return base64.urlsafe_b64encode(HKDF(SHA256(), 32, salt=None, info=b"chatsite secrets").derive(key.encode()))


def _in_file() -> list[str]:
    path = _path()
    try:
        if not path.exists():
            make_key(path)
        keys = path.read_text().replace(",", " ").split()
    except OSError as error:
        raise NoKey(f"{path} cannot be used: {error.strerror}.") from None
    if not keys:
        raise NoKey(f"{path} is empty.")
    return keys


def _path() -> Path:
    return Path(settings.DATA_DIR) / SECRETS_KEY
