"""The current time."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta

from chat.tools.base import Context, ToolFailed
from chat.tools.definitions import tool


@tool(title="Current time", side_effects=False, timeout=5)
async def current_time(
    context: Context,
    time_zone: Annotated[
        str, Meta(max_length=64), "An IANA name, such as Europe/Berlin. Without it, that of the person, or UTC."
    ] = "",
) -> str:
    """The current date, weekday and time. Use it whenever an answer depends on today's date."""
    name = time_zone or context.time_zone or "UTC"
    moment = context.now().astimezone(_zone(name))
    return f"{moment:%A, %Y-%m-%d %H:%M:%S %Z} (UTC{moment:%z}), {name}"


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        # Also for a name that is a path or a directory.
        message = "This is no time zone. Use an IANA name, such as Europe/Berlin or America/New_York, or UTC."
        raise ToolFailed("invalid_arguments", message) from None
