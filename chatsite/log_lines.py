"""Log formatters that hide secrets in URLs: Django logs the path of failed requests."""

from __future__ import annotations

import copy
import logging
import re
from typing import Final

from chatsite import request_ids

# The key of a password reset is in the path, the setup token in the query. The URL may be percent-encoded.
_SECRET: Final = re.compile(
    r"(?P<before>(?:/|%2f)reset(?:/|%2f)key(?:/|%2f)|[?&]token=)(?!done/)[^\s\"'<>]+", re.IGNORECASE
)


class Lines(logging.Formatter):
    """Formats may use `%(of_request)s`: the id of the current request in brackets, or nothing."""

    def format(self, record: logging.LogRecord) -> str:
        """Includes the traceback, whose last line may quote a URL."""
        name = request_ids.current()
        record.of_request = f"[{name}] " if name else ""
        return _SECRET.sub(r"\g<before>...", super().format(record))


class LinesAlone(Lines):
    """One line per record, without tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        line = copy.copy(record)
        line.exc_info = line.exc_text = line.stack_info = None
        return " ".join(super().format(line).splitlines())
