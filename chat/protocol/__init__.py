"""The wire format: events, errors, close codes, headers. Imports only the standard library and msgspec."""
