"""Users manage their own account: name, e-mail address, sessions, API tokens, deletion."""
