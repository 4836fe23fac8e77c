"""Generates the passwords of PostgreSQL and Redis once, and writes them to files for each service and for the servers.

Runs before the services start (docker-compose.yml). POSTGRES_PASSWORD in .env, or the file that POSTGRES_PASSWORD_FILE
names, takes precedence; PostgreSQL reads it only when it initializes its data.
"""

import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

# Each in a volume shared only with its service, which reads it under a user id that we do not know.
FOR_POSTGRESQL = Path("/passwords/postgres")
FOR_REDIS = Path("/redis/redis.conf")
# libpq's format: host, port, database, user, password. libpq ignores a file that others can read.
FOR_THE_SERVERS = Path("/data/pgpass")
WHERE = "postgres:5432:*:chatsite:"
# The password_file of REDIS_URL.
REDIS_FOR_THE_SERVERS = Path("/data/redis_password")


def main() -> None:
    password = given() or kept() or secrets.token_urlsafe(32)
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    write(FOR_POSTGRESQL, password, 0o444)
    write(FOR_THE_SERVERS, f"{WHERE}{escaped}\n", 0o600)

    redis = text_of(REDIS_FOR_THE_SERVERS) or secrets.token_urlsafe(32)
    # In a file, not in an argument, which `ps` and `docker inspect` show.
    write(FOR_REDIS, f"requirepass {redis}\n", 0o444)
    write(REDIS_FOR_THE_SERVERS, redis, 0o600)


def given() -> str:
    """The configured password, or empty. Exits with a message if there are two, or if the file cannot be used."""
    password, path = os.environ.get("POSTGRES_PASSWORD", ""), os.environ.get("POSTGRES_PASSWORD_FILE", "")
    if not path:
        return password
    if password:
        sys.exit("POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are both set. Unset one of them.")
    hint = "Put the password in a file in CHAT_SECRETS that user 10001 can read: /run/secrets/name."
    try:
        text = Path(path).read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        sys.exit(f"POSTGRES_PASSWORD_FILE cannot be read ({path}: {reason}). {hint}")
    return text or sys.exit(f"POSTGRES_PASSWORD_FILE names an empty file ({path}). {hint}")


def kept() -> str:
    """PostgreSQL's password from an earlier start; empty at the first."""
    if password := text_of(FOR_POSTGRESQL):
        return password
    return text_of(FOR_THE_SERVERS).removeprefix(WHERE).rstrip("\n").replace("\\:", ":").replace("\\\\", "\\")


def text_of(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text()
    return ""


def write(path: Path, text: str, mode: int) -> None:
    """Write the file atomically."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    draft.chmod(mode)
    draft.replace(path)


if __name__ == "__main__":
    main()
