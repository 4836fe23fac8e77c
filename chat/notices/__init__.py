"""Notices: what all of a person's open tabs are told at once."""
