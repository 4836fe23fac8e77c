"""Modules as people write them, for CHAT_TOOLS."""
