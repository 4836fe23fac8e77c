"""Following a run as Server-Sent Events, or waiting for its end."""
