"""The stream log in Redis, shared by several processes."""
