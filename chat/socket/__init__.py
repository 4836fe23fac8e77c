"""The WebSocket endpoint, next to the API."""
