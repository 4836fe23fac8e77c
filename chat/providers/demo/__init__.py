"""A provider that needs no model: its answers are pre-written."""
