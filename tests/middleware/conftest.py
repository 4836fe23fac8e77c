"""The site with a scripted model, as the tests of the API have it."""

from __future__ import annotations

from tests.api.conftest import chat, owner

__all__ = ["chat", "owner"]
