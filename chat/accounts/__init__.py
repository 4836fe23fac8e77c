"""Accounts: signing in and up, the first run, and the page where a person keeps their own account."""
