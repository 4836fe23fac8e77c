"""Django's middleware on the event loop, and what each response says to the browser."""
