"""The log in Redis, for several processes."""
