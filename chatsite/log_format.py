from __future__ import annotations

import copy
import logging


class WithoutTraceback(logging.Formatter):
    """One line for each record, whatever exception comes with it."""

    def format(self, record: logging.LogRecord) -> str:
        line = copy.copy(record)
        line.exc_info = line.exc_text = line.stack_info = None
        return " ".join(super().format(line).splitlines())
