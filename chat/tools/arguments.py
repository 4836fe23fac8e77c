"""The arguments of a call: JSON text as the model wrote it."""

from __future__ import annotations

from typing import Final

from chat.protocol.untrusted_input import BadJson, is_deep, loads, storable
from chat.tools.base import ARGUMENT_BYTES, Arguments, Tool, ToolFailed

# What models send to a tool without parameters.
_NOTHING: Final = frozenset({"", "null"})


def read_arguments(tool: Tool, text: str) -> Arguments:
    """Parse and check. Raises ToolFailed invalid_arguments or too_large, with a sentence that the model can act on."""
    if len(text) > ARGUMENT_BYTES or len(text.encode("utf-8", "replace")) > ARGUMENT_BYTES:
        message = f"The arguments are larger than {ARGUMENT_BYTES // 1024} KiB. Call the tool with less at a time."
        raise ToolFailed("too_large", message)
    try:
        given = {} if text.strip() in _NOTHING else loads(text)
    except BadJson as error:
        message = f"The arguments are not a JSON object. {error} Call the tool again with valid JSON."
        raise ToolFailed("invalid_arguments", message) from None
    if is_deep(given):
        raise ToolFailed("invalid_arguments", "The arguments are nested too deeply.")
    return tool.read(storable(given))
