"""Without a mail server, no reset link is written anywhere, and users are told whom to ask."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from chat.models import User

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"/password/reset/key/|reset_key")
NO_MAIL, CONSOLE = "chat.mail.NoMailServer", "django.core.mail.backends.console.EmailBackend"


def reset(email: str = "alice@example.org") -> Any:
    return Client().post("/accounts/password/reset/", {"email": email}, follow=True)


def backend(**variables: str) -> str:
    """The EMAIL_BACKEND that the settings choose with these environment variables."""
    told = subprocess.run(
        [sys.executable, "-c", "from chatsite import settings; print(settings.EMAIL_BACKEND)"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "SECRET_KEY": "x" * 40, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_without_a_mail_server_no_link_is_written(
    alice: User, settings: Settings, capfd: pytest.CaptureFixture[str], caplog: Any, email: str
) -> None:
    settings.EMAIL_BACKEND = NO_MAIL

    shown = reset(email).content.decode()

    out, err = capfd.readouterr()
    assert not LINK.search(out + err + caplog.text + shown)
    assert mail.outbox == []
    assert "Set EMAIL_URL" in caplog.text
    assert email not in out + err + caplog.text


def test_control_a_mail_on_the_console_holds_a_link(
    alice: User, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = CONSOLE

    reset()

    assert LINK.search(capfd.readouterr().out)


def test_without_a_mail_server_the_page_names_a_contact(alice: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND = NO_MAIL

    pages = [reset("alice@example.org"), reset("nobody@example.org"), Client().get("/accounts/password/reset/")]

    assert {page.status_code for page in pages} == {200}
    shown = {re.sub(r'(?<=name="csrfmiddlewaretoken" value=")\w+', "", page.content.decode()) for page in pages}
    assert len(shown) == 1
    assert "ask whoever runs this site" in shown.pop()
    assert 'name="email"' not in pages[0].content.decode()


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ("help@example.org", '<a href="mailto:help@example.org">help@example.org</a>'),
        ("https://example.org/help", '<a href="https://example.org/help">https://example.org/help</a>'),
        ("Ada in room 4", "For a new password, ask <bdi>Ada in room 4</bdi>."),
        ("javascript:alert(1)", "ask <bdi>javascript:alert(1)</bdi>."),
        ("<b>Ada</b>", "ask <bdi>&lt;b&gt;Ada&lt;/b&gt;</bdi>."),
    ],
)
def test_the_operator_can_set_the_contact(alice: User, settings: Settings, contact: str, shown: str) -> None:
    settings.EMAIL_BACKEND = NO_MAIL
    settings.CHAT_CONTACT = contact

    assert shown in Client().get("/accounts/password/reset/").content.decode()


def test_only_submitted_reset_requests_are_logged(alice: User, settings: Settings, caplog: Any) -> None:
    settings.EMAIL_BACKEND = NO_MAIL
    address = "/accounts/password/reset/"

    for read in (Client().get, Client().head, Client().options):
        read(address)
    assert caplog.messages == []

    Client().post(address, {"email": "alice@example.org"})
    (told,) = caplog.messages
    assert told.startswith("mail: password reset requested")


def test_undelivered_mail_is_logged_without_its_text(settings: Settings, caplog: Any, capfd: Any) -> None:
    settings.EMAIL_BACKEND = NO_MAIL

    assert mail.send_mail("Subject", "the text", None, ["alice@example.org"]) == 0

    assert "no mail server is configured. Set EMAIL_URL" in caplog.text
    assert "the text" not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("variables", "chosen"),
    [
        ({}, NO_MAIL),
        ({"CHAT_CONSOLE_MAIL": "1"}, CONSOLE),
        ({"CHAT_CONSOLE_MAIL": "0"}, NO_MAIL),
    ],
)
def test_mail_is_printed_only_if_requested(tmp_path: Path, variables: dict[str, str], chosen: str) -> None:
    assert backend(CHAT_DATA_DIR=str(tmp_path), **variables) == chosen


def test_only_bin_dev_prints_mail() -> None:
    script = (ROOT / "bin" / "dev").read_text("utf-8")

    assert "CHAT_CONSOLE_MAIL=${CHAT_CONSOLE_MAIL:-1}" in script
    for other in ("Dockerfile", "docker-compose.yml"):
        assert "CHAT_CONSOLE_MAIL" not in (ROOT / other).read_text("utf-8")
