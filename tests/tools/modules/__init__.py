"""Modules like those that operators write for CHAT_TOOLS."""
