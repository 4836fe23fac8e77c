"""A tool that sends something, as an operator could write it: the site of these tests loads it."""

from __future__ import annotations

from chat.tools.definitions import tool


@tool(title="Send a note", side_effects=True)
async def send_note(to: str, text: str) -> str:
    """Send a note.

    Args:
        to: A name.
        text: What the note says.
    """
    return f"Sent to {to}: {len(text)} characters."
