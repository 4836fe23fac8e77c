"""Daphne with what it lacks: an `await send` that waits for a slow reader, and an orderly end."""
