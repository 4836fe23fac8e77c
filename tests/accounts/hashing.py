"""A password hasher that counts its calls: hashing is the expensive part of a login."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.hashers import MD5PasswordHasher


class CountingHasher(MD5PasswordHasher):
    """For PASSWORD_HASHERS. `lengths` holds the length of each password that was hashed."""

    lengths: ClassVar[list[int]] = []

    def encode(self, password: str, salt: str) -> str:
        self.lengths.append(len(password))
        return super().encode(password, salt)
