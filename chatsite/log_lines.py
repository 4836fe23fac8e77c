"""Lines of the log, without the addresses that let somebody in: Django logs the path of what failed."""

from __future__ import annotations

import copy
import logging
import re
from typing import Final

from chatsite import request_ids

# The key of a password reset is part of a path, the token of the first link a parameter. An address may be encoded.
_SECRET: Final = re.compile(
    r"(?P<before>(?:/|%2f)reset(?:/|%2f)key(?:/|%2f)|[?&]token=)(?!done/)[^\s\"'<>]+", re.IGNORECASE
)


class Lines(logging.Formatter):
    """A format may have `%(of_request)s`: the name of the request that the line is about, in brackets, if it is."""

    def format(self, record: logging.LogRecord) -> str:
        """The traceback included, whose last line may quote an address."""
        name = request_ids.current()
        record.of_request = f"[{name}] " if name else ""
        return _SECRET.sub(r"\g<before>...", super().format(record))


class LinesAlone(Lines):
    """One line for each record, whatever exception comes with it."""

    def format(self, record: logging.LogRecord) -> str:
        line = copy.copy(record)
        line.exc_info = line.exc_text = line.stack_info = None
        return " ".join(super().format(line).splitlines())
