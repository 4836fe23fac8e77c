"""System checks: a wrong setting is a sentence with a hint, before anything starts.

chat.E001  an environment variable cannot be used         chat.W001  any Host header is accepted
chat.E002  the SQLite database cannot be written          chat.W002  debug pages for other machines
chat.E003  hashed static files without a manifest         chat.W003  HTTPS without a public name
                                                          chat.W004  a model without a server
                                                          chat.W005  mail from a sender that nobody knows
                                                          chat.W006  messages longer than a frame
                                                          chat.W007  links in mail lead to this machine
                                                          chat.W008  links in mail without HTTPS
chat.E010  several processes without a shared cache       chat.W010  a promise of HTTPS that is not made
                                                          chat.W011  a user has fewer frames than a socket
                                                          chat.W012  limits that contradict each other
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from chatsite.databases import sqlite_path
from chatsite.disk import try_to_write

SHARED_CACHE = "chatsite.caches.SharedCache"
LOCAL_ADDRESSES = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


@register()
def check_settings(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    return [message for check in CHECKS for message in check()]


def check_environment() -> Iterator[CheckMessage]:
    """One error per environment variable that cannot be used (chatsite/environment.py)."""
    for problem in settings.SETTING_PROBLEMS:
        yield Error(problem.message, hint=problem.hint, id="chat.E001")


def check_database(database: Mapping[str, Any] | None = None) -> Iterator[CheckMessage]:
    """`database`: as in DATABASES; left out, the site's."""
    database = database or settings.DATABASES["default"]
    path = sqlite_path(database)
    if path is None:
        return
    try:
        _try_to_write(path)
    except OSError as error:
        yield Error(
            f"The database {path} cannot be written: {error.strerror}.",
            hint="Give its directory to the user that runs the server, or set CHAT_DATA_DIR or DATABASE_URL.",
            id="chat.E002",
        )


def check_static_files() -> Iterator[CheckMessage]:
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if settings.STATIC_HASHED and not manifest.is_file():
        yield Error(
            f"CHAT_STATIC_HASHED is on, but {manifest} does not exist.",
            hint="Run manage.py collectstatic, or leave CHAT_STATIC_HASHED out.",
            id="chat.E003",
        )


def check_hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS holds *: a page of any other site can reach this one by a name of its own (DNS rebinding).",
            hint="List the names that people open the site by.",
            id="chat.W001",
        )
    if settings.DEBUG and settings.HOST not in LOCAL_ADDRESSES:
        yield Warning(
            f"DEBUG is on and HOST={settings.HOST} is open to other machines: errors show the site's insides.",
            hint="Leave DEBUG out, or leave HOST out.",
            id="chat.W002",
        )
    if settings.HTTPS and LOCAL_ADDRESSES.issuperset(settings.ALLOWED_HOSTS):
        yield Warning(
            "CHAT_HTTPS is on, but ALLOWED_HOSTS has no public name: over plain HTTP nobody can stay logged in.",
            hint="Set ALLOWED_HOSTS to the site's name, or leave CHAT_HTTPS out.",
            id="chat.W003",
        )
    if settings.SECURE_HSTS_PRELOAD and not (settings.HTTPS and settings.SECURE_HSTS_INCLUDE_SUBDOMAINS):
        yield Warning(
            "CHAT_HSTS_PRELOAD is on without CHAT_HTTPS and CHAT_HSTS_SUBDOMAINS: no browser's list takes the site.",
            hint="Set CHAT_HTTPS and CHAT_HSTS_SUBDOMAINS too, or leave CHAT_HSTS_PRELOAD out.",
            id="chat.W010",
        )
    elif settings.SECURE_HSTS_INCLUDE_SUBDOMAINS and not settings.HTTPS:
        yield Warning(
            "CHAT_HSTS_SUBDOMAINS has no effect: the site does not say that it has HTTPS.",
            hint="Set CHAT_HTTPS, or leave CHAT_HSTS_SUBDOMAINS out.",
            id="chat.W010",
        )


def check_url() -> Iterator[CheckMessage]:
    parts = urlsplit(settings.CHAT_URL)
    public = [name for name in settings.ALLOWED_HOSTS if name not in {*LOCAL_ADDRESSES, "*"}]
    if public and parts.hostname in {*LOCAL_ADDRESSES, settings.HOST}:
        yield Warning(
            f"Links in mail lead to {settings.CHAT_URL}, but people open the site by {public[0]}.",
            hint=f"Set CHAT_URL, for example to https://{public[0].lstrip('.')}.",
            id="chat.W007",
        )
    elif settings.HTTPS and parts.scheme != "https" and public:
        yield Warning(
            f"Links in mail lead to {settings.CHAT_URL}, but CHAT_HTTPS is on.",
            hint="Set CHAT_URL to an address that begins with https://.",
            id="chat.W008",
        )


def check_model() -> Iterator[CheckMessage]:
    if settings.OPENAI_MODEL and not (settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL):
        yield Warning(
            f"OPENAI_MODEL={settings.OPENAI_MODEL} has no effect: there is no server to ask.",
            hint="Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own.",
            id="chat.W004",
        )


def check_mail() -> Iterator[CheckMessage]:
    if settings.EMAIL_URL and settings.DEFAULT_FROM_EMAIL.endswith("@localhost"):
        yield Warning(
            f"Mail is sent from {settings.DEFAULT_FROM_EMAIL}, which most mail servers refuse.",
            hint="Set DEFAULT_FROM_EMAIL to an address of your domain.",
            id="chat.W005",
        )


def check_limits() -> Iterator[CheckMessage]:
    if settings.CHAT_MESSAGE_CHARACTERS >= settings.CHAT_FRAME_BYTES:
        yield Warning(
            f"A message of CHAT_MESSAGE_CHARACTERS={settings.CHAT_MESSAGE_CHARACTERS} does not fit into a frame of "
            f"CHAT_FRAME_BYTES={settings.CHAT_FRAME_BYTES}.",
            hint="Raise CHAT_FRAME_BYTES to four times CHAT_MESSAGE_CHARACTERS, or lower the latter.",
            id="chat.W006",
        )
    if settings.CHAT_FRAMES_PER_SECOND_PER_USER < settings.CHAT_FRAMES_PER_SECOND:
        yield Warning(
            f"CHAT_FRAMES_PER_SECOND={settings.CHAT_FRAMES_PER_SECOND} has no effect: a user has only "
            f"CHAT_FRAMES_PER_SECOND_PER_USER={settings.CHAT_FRAMES_PER_SECOND_PER_USER} for all sockets.",
            hint="Raise CHAT_FRAMES_PER_SECOND_PER_USER to twice CHAT_FRAMES_PER_SECOND, or lower the latter.",
            id="chat.W011",
        )
    for lower, higher in (
        ("CHAT_LOG_BYTES_PER_USER", "CHAT_LOG_BYTES"),
        ("CHAT_SENDS_PER_MINUTE", "CHAT_RUNS_PER_MINUTE"),
        ("CHAT_LIVE_RUNS_PER_USER", "CHAT_LIVE_RUNS"),
    ):
        if getattr(settings, lower) > getattr(settings, higher):
            yield Warning(
                f"{lower} is more than {higher}: one user alone can use up what is there for all.",
                hint=f"Raise {higher}, or lower {lower}.",
                id="chat.W012",
            )
    if settings.CHAT_LOG_BYTES_PER_USER < 2 * (settings.CHAT_ANSWER_BYTES + 4 * settings.CHAT_MESSAGE_CHARACTERS):
        yield Warning(
            "CHAT_LOG_BYTES_PER_USER has no room for a message of CHAT_MESSAGE_CHARACTERS and an answer of "
            "CHAT_ANSWER_BYTES: such an answer is cut off.",
            hint="Raise CHAT_LOG_BYTES_PER_USER, or lower the others.",
            id="chat.W012",
        )


def check_accounts() -> Iterator[CheckMessage]:
    if settings.WORKERS > 1 and settings.CACHES["default"]["BACKEND"] != SHARED_CACHE:
        yield Error(
            f"CHAT_WORKERS is {settings.WORKERS}, but the processes share no cache: each would let as many passwords "
            "be guessed again, and none could show what another one writes.",
            hint="Set REDIS_URL, or leave CHAT_WORKERS at 1.",
            id="chat.E010",
        )


CHECKS: tuple[Callable[[], Iterator[CheckMessage]], ...] = (
    check_environment,
    check_database,
    check_static_files,
    check_hosts,
    check_url,
    check_model,
    check_mail,
    check_limits,
    check_accounts,
)


def _try_to_write(path: Path) -> None:
    """Raises OSError. Leaves nothing behind."""
    try_to_write(path.parent)
    if path.exists():
        with path.open("ab"):
            pass
