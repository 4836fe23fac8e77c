"""The current time."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

from msgspec import Meta

from chat.tools.base import Context, ToolFailed
from chat.tools.definitions import tool
from chat.tools.time_zones import NAME, zone_of


@tool(title="Current time", side_effects=False, timeout=5)
async def current_time(
    context: Context,
    time_zone: Annotated[
        str, Meta(max_length=NAME), "An IANA name, such as Europe/Berlin. Without it, that of the person, or UTC."
    ] = "",
) -> str:
    """The current date, weekday and time. Use it whenever an answer depends on today's date."""
    name = time_zone or context.time_zone or "UTC"
    zone = zone_of(name)
    if zone is None and time_zone:
        message = "This is no time zone. Use an IANA name, such as Europe/Berlin or America/New_York, or UTC."
        raise ToolFailed("invalid_arguments", message)
    if zone is None:
        name, zone = "UTC", UTC
    moment = context.now().astimezone(zone)
    return f"{moment:%A, %Y-%m-%d %H:%M:%S %Z} (UTC{moment:%z}), {name}"
