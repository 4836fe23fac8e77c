"""The site's console log, for a test to read."""

from __future__ import annotations

import copy
import io
import logging
import logging.config

from django.conf import settings


def console() -> tuple[logging.Handler, io.StringIO]:
    """A handler with the formatter from the settings, and its output.

    The formatter is built from a copy, because `configure_formatter` removes the class from the dictionary it gets.
    """
    printed = io.StringIO()
    handler = logging.StreamHandler(printed)
    log = copy.deepcopy(settings.LOGGING)
    wanted = log["formatters"][log["handlers"]["console"]["formatter"]]
    handler.setFormatter(logging.config.DictConfigurator(log).configure_formatter(wanted))  # type: ignore[attr-defined]
    return handler, printed
