"""The image's health check: exits with 0 if the server is ready. Imports little, as it runs every few seconds."""

import os
import socket
import sys

SECONDS = 4


def main() -> int:
    # The server refuses host names that are not the site's. ".example.org" matches all names below it, "*" any.
    names = os.environ.get("ALLOWED_HOSTS", "").replace(",", " ").split() or ["localhost"]
    host = "localhost" if names[0] == "*" else names[0].lstrip(".")
    with socket.create_connection(("127.0.0.1", int(os.environ.get("PORT") or 8000)), timeout=SECONDS) as connection:
        connection.sendall(f"GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        status = connection.recv(64).split()[1]
    return 0 if status == b"200" else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, IndexError) as error:
        sys.exit(f"no answer: {error}")
