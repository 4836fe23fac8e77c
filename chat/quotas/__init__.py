"""Limits per user and per address, so that nobody can use up the site's capacity."""
