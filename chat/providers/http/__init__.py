"""HTTP to a model server of any vendor: connections, timeouts, event streams as bytes, errors, lists of models."""
