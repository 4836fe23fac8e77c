"""Two usable tools, and functions that are not."""

from chat.tools.definitions import tool
from tests.tools.modules.trees import count_trees

__all__ = ["count_trees", "find_bird"]


@tool(side_effects=False)
async def find_bird(name: str) -> str:
    """Find a bird."""
    return name


again = find_bird


@tool(side_effects=False)
def no_coroutine() -> None:
    """Not async."""


@tool()
async def without_docstring() -> None: ...


async def helper() -> None:
    """No tool."""
