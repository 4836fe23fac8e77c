"""HTTP to a model server: connections, deadlines, and events read as bytes."""
