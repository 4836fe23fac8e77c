"""A password hasher that counts: what a login costs is its hashes."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.hashers import MD5PasswordHasher


class CountingHasher(MD5PasswordHasher):
    """For PASSWORD_HASHERS. `lengths` are those of the passwords that were hashed."""

    lengths: ClassVar[list[int]] = []

    def encode(self, password: str, salt: str) -> str:
        self.lengths.append(len(password))
        return super().encode(password, salt)
