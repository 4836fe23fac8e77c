"""Notices: messages to all of a user's open tabs."""
