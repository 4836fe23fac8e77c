"""The passwords of PostgreSQL and Redis, made once: for each as a file of its own, for the servers as two of theirs.

Runs before they are started (docker-compose.yml). POSTGRES_PASSWORD in .env goes first, or the file that
POSTGRES_PASSWORD_FILE names; PostgreSQL takes it when it makes its data, and not again.
"""

import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

# Each in a volume that only this and the one that it is for see. There it is read by a user whose number is the
# image's own affair.
FOR_POSTGRESQL = Path("/passwords/postgres")
FOR_REDIS = Path("/redis/redis.conf")
# libpq's: host, port, database, user, password. It takes none that others could read.
FOR_THE_SERVERS = Path("/data/pgpass")
WHERE = "postgres:5432:*:chatsite:"
# What REDIS_URL names.
REDIS_FOR_THE_SERVERS = Path("/data/redis_password")


def main() -> None:
    password = given() or kept() or secrets.token_urlsafe(32)
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    write(FOR_POSTGRESQL, password, 0o444)
    write(FOR_THE_SERVERS, f"{WHERE}{escaped}\n", 0o600)

    redis = text_of(REDIS_FOR_THE_SERVERS) or secrets.token_urlsafe(32)
    # As a file, and not as an argument, which `ps` and `docker inspect` show.
    write(FOR_REDIS, f"requirepass {redis}\n", 0o444)
    write(REDIS_FOR_THE_SERVERS, redis, 0o600)


def given() -> str:
    """Ends with a sentence if there are two, or if the file holds none."""
    password, path = os.environ.get("POSTGRES_PASSWORD", ""), os.environ.get("POSTGRES_PASSWORD_FILE", "")
    if not path:
        return password
    if password:
        sys.exit("POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are both set. Leave one of them out.")
    hint = "Put the password into a file of CHAT_SECRETS that user 10001 may read: /run/secrets/name."
    try:
        text = Path(path).read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        sys.exit(f"POSTGRES_PASSWORD_FILE cannot be read ({path}: {reason}). {hint}")
    return text or sys.exit(f"POSTGRES_PASSWORD_FILE names an empty file ({path}). {hint}")


def kept() -> str:
    """PostgreSQL's, of an earlier start; empty at the first."""
    if password := text_of(FOR_POSTGRESQL):
        return password
    return text_of(FOR_THE_SERVERS).removeprefix(WHERE).rstrip("\n").replace("\\:", ":").replace("\\\\", "\\")


def text_of(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text()
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
