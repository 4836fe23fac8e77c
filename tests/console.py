"""The console of the site's log, as a test reads it."""

from __future__ import annotations

import copy
import io
import logging
import logging.config

from django.conf import settings


def console() -> tuple[logging.Handler, io.StringIO]:
    """A handler with the formatter of the settings, and what it prints.

    The formatter is made from a copy: `configure_formatter` takes the class out of the dictionary that it is given.
    """
    printed = io.StringIO()
    handler = logging.StreamHandler(printed)
    log = copy.deepcopy(settings.LOGGING)
    wanted = log["formatters"][log["handlers"]["console"]["formatter"]]
    handler.setFormatter(logging.config.DictConfigurator(log).configure_formatter(wanted))  # type: ignore[attr-defined]
    return handler, printed
