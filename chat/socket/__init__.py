"""The WebSocket: a door of its own beside the API."""
