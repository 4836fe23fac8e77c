"""The password of the database, made once: for PostgreSQL as a file of its own, for the servers as a pgpass file.

Runs before both are started (docker-compose.yml). POSTGRES_PASSWORD in .env goes first; PostgreSQL takes it when it
makes its data, and not again.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

# In a volume that only this and PostgreSQL see. There it is read by a user whose number is the image's own affair.
FOR_POSTGRESQL = Path("/passwords/postgres")
# libpq's: host, port, database, user, password. It takes none that others could read.
FOR_THE_SERVERS = Path("/data/pgpass")
WHERE = "postgres:5432:*:chatsite:"


def main() -> None:
    password = os.environ.get("POSTGRES_PASSWORD") or kept() or secrets.token_urlsafe(32)
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    write(FOR_POSTGRESQL, password, 0o444)
    write(FOR_THE_SERVERS, f"{WHERE}{escaped}\n", 0o600)


def kept() -> str:
    """Of an earlier start; empty at the first."""
    with suppress(FileNotFoundError):
        return FOR_POSTGRESQL.read_text()
    with suppress(FileNotFoundError):
        return FOR_THE_SERVERS.read_text().removeprefix(WHERE).rstrip("\n").replace("\\:", ":").replace("\\\\", "\\")
    return ""


def write(path: Path, text: str, mode: int) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    draft.chmod(mode)
    draft.replace(path)


if __name__ == "__main__":
    main()
