"""HTTP to a model server: connections, timeouts, and server-sent events read as bytes."""
