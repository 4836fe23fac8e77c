"""Django's middleware on the event loop, and the browser policy headers of responses."""
