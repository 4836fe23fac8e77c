"""People see where they are signed in, and can sign out there, permanently and at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from chat import database
from chat.auth import sessions, sign_in_watch
from chat.auth.credentials import purge_sessions, user_of_session
from chat.models import SignIn, User
from chat.models.sign_in import SEEN_EVERY
from chat.protocol import close_codes
from tests.api.rig import Browser
from tests.cast import PASSWORD, issue_token, sign_in
from tests.chat_rig import Rig, rig
from tests.security.world import signed_in as browser_of
from tests.socket.rig import Socket

SignInAs = Callable[[User], Client]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LATER = timedelta(minutes=1) + SEEN_EVERY


def log_in(user: User, **headers: str) -> Client:
    client = Client(headers=headers)
    client.post("/accounts/login/", {"login": user.username, "password": PASSWORD, "remember": "on"})
    assert client.session["_auth_user_id"] == str(user.pk)
    return client


def key_of(client: Client) -> str:
    return str(client.session.session_key)


def row_of(client: Client) -> SignIn:
    found: SignIn = SignIn.objects.get(session_key=key_of(client))
    return found


def page(client: Client) -> str:
    return client.get("/accounts/").content.decode()


def test_the_list_shows_browser_address_and_time(alice: User) -> None:
    log_in(alice, user_agent=FIREFOX)
    SignIn.objects.update(last_seen_at=timezone.now() - timedelta(hours=3, minutes=1), address="192.0.2.7")

    shown = page(log_in(alice))

    assert "Firefox on Linux" in shown
    assert "192.0.2.7" in shown
    assert "Last seen 3\xa0hours" in shown
    assert shown.count("This browser") == 1


def test_users_do_not_see_sessions_of_others(alice: User, charlie: User) -> None:
    log_in(alice, user_agent=FIREFOX)

    assert "Firefox" not in page(log_in(charlie))


def test_no_session_key_is_shown(alice: User) -> None:
    client = log_in(alice)

    assert key_of(client) not in page(client)


def test_user_agents_are_escaped_and_truncated(alice: User) -> None:
    log_in(alice, user_agent="<img src=x onerror=alert(1)>" + "x" * 1_000)

    shown = page(log_in(alice))

    assert "<img src=x" not in shown
    assert "&lt;img src=x" in shown
    assert "x" * 100 not in shown


def test_a_session_can_be_ended(alice: User) -> None:
    elsewhere, client = log_in(alice), log_in(alice)

    shown = client.post(f"/accounts/sessions/{row_of(elsewhere).pk}/end/", follow=True).content.decode()

    assert "Session ended." in shown
    assert elsewhere.get("/accounts/").status_code == 302
    assert user_of_session(key_of(client)) == alice
    assert [each.session_key for each in SignIn.objects.all()] == [key_of(client)]


def test_all_other_sessions_can_be_ended(alice: User, charlie: User) -> None:
    others, client, his = [log_in(alice) for _ in range(3)], log_in(alice), log_in(charlie)

    shown = client.post("/accounts/sessions/others/end/", follow=True).content.decode()

    assert "3 other sessions ended." in shown
    assert [other.get("/accounts/").status_code for other in others] == [302] * 3
    assert client.get("/accounts/").status_code == his.get("/accounts/").status_code == 200


def test_ending_the_current_session_logs_out(alice: User) -> None:
    client = log_in(alice)

    answer = client.post(f"/accounts/sessions/{row_of(client).pk}/end/")

    assert answer["Location"] == "/accounts/login/"
    assert not SignIn.objects.exists()
    assert not Session.objects.exists()


@pytest.mark.parametrize("unknown", [True, False])
def test_users_cannot_end_sessions_of_others(alice: User, charlie: User, unknown: bool) -> None:
    hers, his = log_in(alice), log_in(charlie)

    answer = his.post(f"/accounts/sessions/{999_999 if unknown else row_of(hers).pk}/end/")

    assert answer.status_code == 404
    assert hers.get("/accounts/").status_code == 200


def test_a_logged_out_session_is_no_longer_listed(alice: User) -> None:
    elsewhere, client = log_in(alice, user_agent=FIREFOX), log_in(alice)

    elsewhere.post("/accounts/logout/")

    assert "Firefox" not in page(client)
    purge_sessions()
    assert [each.session_key for each in SignIn.objects.all()] == [key_of(client)]


def test_sessions_of_an_old_password_are_no_longer_listed(alice: User) -> None:
    log_in(alice, user_agent=FIREFOX)
    client = log_in(alice)
    new = "another long and good password"

    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})

    assert "Firefox" not in page(client)


def test_a_long_list_is_truncated_but_ended_completely(alice: User) -> None:
    for _ in range(60):
        sign_in(alice, Client())
    client = log_in(alice)

    assert page(client).count("account__item") == 50
    client.post("/accounts/sessions/others/end/")
    assert SignIn.objects.count() == 1


# --- How sessions are recorded


@pytest.fixture
async def chat(transactional_db: None) -> Any:
    async with rig() as made:
        yield made


async def noted(condition: Callable[[], Any]) -> Any:
    """Wait until this becomes true in the background."""
    async with asyncio.timeout(30):
        while not (found := await database.read(condition)):
            await asyncio.sleep(0.01)
    return found


async def test_an_existing_session_is_recorded_on_its_next_request(chat: Rig) -> None:
    browser = await browser_of(chat.alice)
    await database.write(SignIn.objects.all().delete)
    sessions.noted = sessions.Noted()

    assert (await browser.get("/api/conversations", **{"user-agent": FIREFOX})).status == 200

    row = await noted(SignIn.objects.first)
    assert (row.owner_id, row.session_key, row.user_agent) == (chat.alice.pk, browser.session, FIREFOX)


async def test_a_recently_seen_session_is_not_written_again(chat: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = await browser_of(chat.alice)
    sessions.noted = sessions.Noted()
    later: list[str] = []
    monkeypatch.setattr(database, "write_later", lambda name, function: later.append(name))

    for _ in range(5):
        await browser.get("/api/conversations")

    assert len(later) == 1
    assert browser.session not in later[0]


def test_a_row_is_updated_only_once_in_a_while(alice: User) -> None:
    key = key_of(log_in(alice))
    before = SignIn.objects.get()

    SignIn.note(alice, key, address="192.0.2.1", user_agent="x")
    assert SignIn.objects.get().last_seen_at == before.last_seen_at

    SignIn.objects.update(last_seen_at=timezone.now() - LATER)
    SignIn.note(alice, key, address="192.0.2.1", user_agent="x")
    after = SignIn.objects.get()
    assert (after.address, after.user_agent) == ("192.0.2.1", "x")
    assert timezone.now() - after.last_seen_at < SEEN_EVERY
    assert after.created_at == before.created_at


async def test_a_token_records_no_session(chat: Rig) -> None:
    secret = await database.write(issue_token, chat.charlie)
    hers = await browser_of(chat.alice)
    await database.write(SignIn.objects.all().delete)
    sessions.noted = sessions.Noted()

    await Browser(token=secret, session=hers.session).get("/api/conversations")
    await hers.get("/api/conversations")

    assert (await noted(SignIn.objects.first)).owner_id == chat.alice.pk
    assert await database.read(SignIn.objects.count) == 1


async def test_an_open_connection_counts_as_activity(chat: Rig) -> None:
    browser = await browser_of(chat.alice)
    await database.write(lambda: SignIn.objects.update(last_seen_at=timezone.now() - LATER))
    sessions.noted = sessions.Noted()
    scope = {"headers": [(b"cookie", f"sessionid={browser.session}".encode())], "client": ["192.0.2.9", 1]}

    await sign_in_watch.SignInLookups().user_id(scope, age=0)

    row = await noted(SignIn.objects.filter(address="192.0.2.9").first)
    assert timezone.now() - row.last_seen_at < SEEN_EVERY


@pytest.mark.parametrize(("told", "kept"), [("", None), (None, None), ("fe80::1%eth0", "fe80::1"), ("unix:", None)])
def test_an_invalid_address_is_not_stored(told: str | None, kept: str | None) -> None:
    assert sessions._address(told) == kept


def test_a_limited_number_is_remembered() -> None:
    lately = sessions.Noted()
    for number in range(sessions.KEPT + 10):
        assert lately.take(str(number))

    assert len(lately._until) == sessions.KEPT
    assert not lately.take(str(sessions.KEPT))


# --- What ending a session closes


async def test_ending_a_session_closes_its_socket_and_streams(chat: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once in the process that ends it, not at its next check."""
    monkeypatch.setattr(sign_in_watch, "EVERY_SECONDS", 600)
    lost, here = await browser_of(chat.alice), await browser_of(chat.alice)
    sockets = [Socket(session=browser.session) for browser in (lost, here)]
    for socket in sockets:
        assert await socket.connect()
        await socket.receive("hello")
    stream = await lost.open("GET", "/api/events")
    assert stream.status == 200
    began = time.monotonic()

    answer = await here.post(
        "/accounts/sessions/others/end/", b"x=1", **{"content_type": "application/x-www-form-urlencoded"}
    )

    assert answer.status == 302, answer.body
    assert (await sockets[0].receive("close"))["code"] == close_codes.NOT_SIGNED_IN
    await stream.rest()
    assert time.monotonic() - began < 60
    assert sockets[1].closed is None
    assert (await lost.get("/api/conversations")).status == 401
    assert (await here.get("/api/conversations")).status == 200
    for socket in sockets:
        await socket.disconnect()


async def test_logging_out_closes_sockets_of_other_tabs_immediately(
    chat: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_watch, "EVERY_SECONDS", 600)
    browser, elsewhere = await browser_of(chat.alice), await browser_of(chat.alice)
    sockets = [Socket(session=each.session) for each in (browser, elsewhere)]
    for socket in sockets:
        assert await socket.connect()
        await socket.receive("hello")

    answer = await browser.post("/accounts/logout/", b"x=1", content_type="application/x-www-form-urlencoded")

    assert answer.status == 302
    assert (await sockets[0].receive("close"))["code"] == close_codes.NOT_SIGNED_IN
    assert await sockets[1].is_silent()
    for socket in sockets:
        await socket.disconnect()
