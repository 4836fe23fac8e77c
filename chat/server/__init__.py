"""Daphne with backpressure (`await send` waits for a slow client) and a graceful shutdown."""
