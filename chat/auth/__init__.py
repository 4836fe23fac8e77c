"""Authentication: sessions, API tokens, sign-in checks and origins."""
