"""System checks: report wrong settings with a hint, before the server starts.

chat.E001  invalid environment variable                   chat.W001  any Host header is accepted
chat.E002  SQLite database not writable                   chat.W002  debug pages visible to other machines
chat.E003  hashed static files without a manifest         chat.W003  HTTPS without a public name
                                                          chat.W004  a model without a server
                                                          chat.W005  mail from a local sender address
                                                          chat.W006  messages longer than a frame
                                                          chat.W007  links in mail point to this machine
                                                          chat.W008  links in mail without HTTPS
chat.E004  module of tools not usable                     chat.W013  a tool of this site not usable
chat.E005  hosts of web pages not readable                chat.W014  networks of web pages without effect
chat.E010  several processes without a shared cache       chat.W010  HSTS setting without effect
                                                          chat.W011  frame limit of a user below that of a socket
                                                          chat.W012  contradictory limits
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from chat.providers.kinds import environments
from chat.tools.bootstrap import fetch_policy
from chat.tools.loading import load
from chatsite.databases import sqlite_path
from chatsite.disk import try_to_write

SHARED_CACHE = "chatsite.caches.SharedCache"
LOCAL_ADDRESSES = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


@register()
def check_settings(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    return [message for check in CHECKS for message in check()]


def check_environment() -> Iterator[CheckMessage]:
    """One error per invalid environment variable (chatsite/environment.py)."""
    for problem in settings.SETTING_PROBLEMS:
        yield Error(problem.message, hint=problem.hint, id="chat.E001")


def check_database(database: Mapping[str, Any] | None = None) -> Iterator[CheckMessage]:
    """`database`: an entry of DATABASES; by default, the site's."""
    database = database or settings.DATABASES["default"]
    path = sqlite_path(database)
    if path is None:
        return
    try:
        _try_to_write(path)
    except OSError as error:
        yield Error(
            f"The database {path} is not writable: {error.strerror}.",
            hint="Make its directory writable for the server's user, or set CHAT_DATA_DIR or DATABASE_URL.",
            id="chat.E002",
        )


def check_static_files() -> Iterator[CheckMessage]:
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if settings.STATIC_HASHED and not manifest.is_file():
        yield Error(
            f"CHAT_STATIC_HASHED is on, but {manifest} does not exist.",
            hint="Run manage.py collectstatic, or unset CHAT_STATIC_HASHED.",
            id="chat.E003",
        )


def check_hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS contains *: pages of any site can reach this one by a host name of theirs (DNS rebinding).",
            hint="List the host names of the site.",
            id="chat.W001",
        )
    if settings.DEBUG and settings.HOST not in LOCAL_ADDRESSES:
        yield Warning(
            f"DEBUG is on and HOST={settings.HOST} is open to other machines: error pages reveal internals.",
            hint="Unset DEBUG or HOST.",
            id="chat.W002",
        )
    if settings.HTTPS and LOCAL_ADDRESSES.issuperset(settings.ALLOWED_HOSTS):
        yield Warning(
            "CHAT_HTTPS is on, but ALLOWED_HOSTS has no public name: over plain HTTP nobody can stay signed in.",
            hint="Set ALLOWED_HOSTS to the site's name, or unset CHAT_HTTPS.",
            id="chat.W003",
        )
    if settings.SECURE_HSTS_PRELOAD and not (settings.HTTPS and settings.SECURE_HSTS_INCLUDE_SUBDOMAINS):
        yield Warning(
            "CHAT_HSTS_PRELOAD needs CHAT_HTTPS and CHAT_HSTS_SUBDOMAINS: browsers would not preload the site.",
            hint="Also set CHAT_HTTPS and CHAT_HSTS_SUBDOMAINS, or unset CHAT_HSTS_PRELOAD.",
            id="chat.W010",
        )
    elif settings.SECURE_HSTS_INCLUDE_SUBDOMAINS and not settings.HTTPS:
        yield Warning(
            "CHAT_HSTS_SUBDOMAINS has no effect without CHAT_HTTPS.",
            hint="Set CHAT_HTTPS, or unset CHAT_HSTS_SUBDOMAINS.",
            id="chat.W010",
        )


def check_url() -> Iterator[CheckMessage]:
    parts = urlsplit(settings.CHAT_URL)
    public = [name for name in settings.ALLOWED_HOSTS if name not in {*LOCAL_ADDRESSES, "*"}]
    if public and parts.hostname in {*LOCAL_ADDRESSES, settings.HOST}:
        yield Warning(
            f"Links in mail point to {settings.CHAT_URL}, but the site's public name is {public[0]}.",
            hint=f"Set CHAT_URL, for example to https://{public[0].lstrip('.')}.",
            id="chat.W007",
        )
    elif settings.HTTPS and parts.scheme != "https" and public:
        yield Warning(
            f"Links in mail point to {settings.CHAT_URL}, but CHAT_HTTPS is on.",
            hint="Set CHAT_URL to an https:// URL.",
            id="chat.W008",
        )


def check_model() -> Iterator[CheckMessage]:
    for environment in environments().values():
        if environment.is_set({name: getattr(settings, name) for name in environment.needs}):
            continue
        for name in environment.settings:
            if value := getattr(settings, name):
                yield Warning(
                    f"{name}={value} has no effect: no model server is configured.",
                    hint=f"Set {' or '.join(environment.needs)}.",
                    id="chat.W004",
                )


def check_mail() -> Iterator[CheckMessage]:
    if settings.EMAIL_URL and settings.DEFAULT_FROM_EMAIL.endswith("@localhost"):
        yield Warning(
            f"Mail is sent from {settings.DEFAULT_FROM_EMAIL}, which most mail servers reject.",
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
            f"CHAT_FRAMES_PER_SECOND={settings.CHAT_FRAMES_PER_SECOND} has no effect: the limit for all sockets of a "
            f"user is lower, CHAT_FRAMES_PER_SECOND_PER_USER={settings.CHAT_FRAMES_PER_SECOND_PER_USER}.",
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
                f"{lower} is more than {higher}: one user can use up the limit of all users.",
                hint=f"Raise {higher}, or lower {lower}.",
                id="chat.W012",
            )
    if settings.CHAT_LOG_BYTES_PER_USER < 2 * (settings.CHAT_ANSWER_BYTES + 4 * settings.CHAT_MESSAGE_CHARACTERS):
        yield Warning(
            "CHAT_LOG_BYTES_PER_USER is too small for a message of CHAT_MESSAGE_CHARACTERS and an answer of "
            "CHAT_ANSWER_BYTES: such an answer is cut off.",
            hint="Raise CHAT_LOG_BYTES_PER_USER, or lower the others.",
            id="chat.W012",
        )


def check_accounts() -> Iterator[CheckMessage]:
    if settings.WORKERS > 1 and settings.CACHES["default"]["BACKEND"] != SHARED_CACHE:
        yield Error(
            f"CHAT_WORKERS is {settings.WORKERS}, but the processes share no cache: each would count wrong passwords "
            "separately, and could not show answers of the others.",
            hint="Set REDIS_URL, or leave CHAT_WORKERS at 1.",
            id="chat.E010",
        )


def check_tools() -> Iterator[CheckMessage]:
    for problem in load(settings.CHAT_TOOLS).problems:
        if problem.is_module:
            yield Error(f"CHAT_TOOLS: {problem.message}", hint=problem.hint, id="chat.E004")
        else:
            yield Warning(problem.message, hint=problem.hint, id="chat.W013")
    try:
        policy = fetch_policy()
    except ValueError as error:
        yield Error(
            str(error),
            hint="Hosts: example.org, .example.org, example.org:8443 or *. Networks: 10.0.0.5 or 10.1.0.0/16.",
            id="chat.E005",
        )
        return
    if policy.networks and all(rule.is_any for rule in policy.rules):
        yield Warning(
            "CHAT_FETCH_NETWORKS has no effect: CHAT_FETCH_HOSTS names no host, and * stands for public ones.",
            hint="Add the names of the hosts in these networks to CHAT_FETCH_HOSTS.",
            id="chat.W014",
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
    check_tools,
)


def _try_to_write(path: Path) -> None:
    """Raises OSError. Leaves nothing behind."""
    try_to_write(path.parent)
    if path.exists():
        with path.open("ab"):
            pass
