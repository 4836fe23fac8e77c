"""What a client reads: events, errors, close codes, headers. Imports the standard library alone."""
