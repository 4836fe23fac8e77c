"""The fixtures of the API's tests: the site with a scripted model."""

from __future__ import annotations

from tests.api.conftest import chat, owner

__all__ = ["chat", "owner"]
