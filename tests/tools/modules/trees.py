from chat.tools.definitions import tool


@tool(side_effects=False)
async def count_trees() -> int:
    """Count the trees."""
    return 3


@tool(side_effects=False, name="find_bird")
async def another() -> None:
    """The name of a tool in another module."""
