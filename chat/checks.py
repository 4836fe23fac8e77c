"""System checks: a wrong setting is a sentence with a hint, before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def check_environment(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """One error per environment variable that cannot be used (chatsite/environment.py)."""
    return [
        Error(problem.message, hint=problem.hint, id=f"chat.E001.{problem.name}")
        for problem in settings.SETTING_PROBLEMS
    ]
