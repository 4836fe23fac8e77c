"""Accounts: sign-in, sign-up, the first run, and the page where users manage their own account."""
