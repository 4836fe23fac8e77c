from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django import Settings

from chat.admin import provider_account as admin_page
from chat.models import Assistant, ModelListing, ProviderAccount, User
from tests.cast import make_staff, sign_in
from tests.ports import closed_port
from tests.providers.raw_server import RawServer, response

SignIn = Callable[[User], Client]
LIST = "/admin/chat/provideraccount/"
KEY = "sk-0123456789abcdef"
SECRET = "herons-4711"
FORM = {"name": "Ours", "slug": "ours", "kind": "openai", "base_url": "https://api.example.org/v1", "is_active": "on"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_key(settings: Settings) -> None:
    settings.CHAT_SECRETS_KEY = ["o" * 32]


@pytest.fixture
def account() -> ProviderAccount:
    return make(base_url=FORM["base_url"])


def make(**fields: object) -> ProviderAccount:
    made = ProviderAccount(**{"name": "Ours", "slug": "ours", "kind": "openai"} | fields)
    made.set_key(KEY)
    made.set_headers({"X-Team": SECRET})
    made.save()
    return made


def staff(*codenames: str) -> User:
    return make_staff("sam", Permission.objects.filter(codename__in=codenames))


def page(account: ProviderAccount, view: str = "change") -> str:
    return f"{LIST}{account.pk}/{view}/"


def test_an_administrator_creates_an_account(signed_in: SignIn, admin: User) -> None:
    sent = {**FORM, "new_key": KEY, "new_headers": f"X-Team: {SECRET}\n\nX-Other: a:b", "idle_timeout": "5"}

    assert signed_in(admin).post(f"{LIST}add/", sent).status_code == 302

    made = ProviderAccount.objects.get()
    assert (made.slug, made.kind, made.base_url, made.idle_timeout) == ("ours", "openai", FORM["base_url"], 5.0)
    assert (made.api_key, made.headers) == (KEY, {"X-Team": SECRET, "X-Other": "a:b"})
    assert not made.makes_assistants


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "openai"),
        ("slug", "demo"),
        ("slug", "a b"),
        ("kind", "unheard-of"),
        ("base_url", "ftp://example.org"),
        ("base_url", "http://bob:hunter2@example.org"),
        ("base_url", "https://example.org/v1?key=1"),
        ("base_url", "https://example.org:99999"),
        ("new_key", "a b"),
        ("new_key", "schlüssel"),
        ("new_headers", f"X-Team {SECRET}"),
        ("new_headers", f"X Team: {SECRET}"),
        ("new_headers", "Host: example.org"),
        ("new_headers", "X-Team: ü"),
        ("new_headers", "\n".join(f"X-{number}: a" for number in range(21))),
        ("idle_timeout", "0"),
        ("idle_timeout", "nan"),
    ],
)
def test_a_mistake_is_shown_and_nothing_is_stored(signed_in: SignIn, admin: User, field: str, value: str) -> None:
    sent = {**FORM, "new_key": KEY, field: value}

    shown = signed_in(admin).post(f"{LIST}add/", sent)

    assert list(shown.context["adminform"].form.errors) == [field]
    assert not ProviderAccount.objects.exists()
    assert KEY not in shown.content.decode()


def test_secrets_are_not_shown_again_after_a_form_error(signed_in: SignIn, admin: User) -> None:
    sent = {**FORM, "slug": "a b", "new_key": KEY, "new_headers": f"X-Team: {SECRET}"}
    shown = signed_in(admin).post(f"{LIST}add/", sent).content.decode()
    assert 'name="new_headers"' in shown
    assert KEY not in shown
    assert SECRET not in shown


def test_a_slug_is_unique(signed_in: SignIn, admin: User, account: ProviderAccount) -> None:
    shown = signed_in(admin).post(f"{LIST}add/", FORM)
    assert list(shown.context["adminform"].form.errors) == ["slug"]


def test_without_an_encryption_key_nothing_is_stored(signed_in: SignIn, admin: User, settings: Settings) -> None:
    settings.CHAT_SECRETS_KEY, settings.DATA_DIR = [], "/nowhere"
    shown = signed_in(admin).post(f"{LIST}add/", {**FORM, "new_key": KEY})
    assert "cannot be encrypted" in shown.content.decode()
    assert KEY not in shown.content.decode()
    assert not ProviderAccount.objects.exists()


def test_the_key_can_be_kept_replaced_and_removed(signed_in: SignIn, admin: User, account: ProviderAccount) -> None:
    client = signed_in(admin)

    def saved(**sent: str) -> tuple[str, dict[str, str]]:
        assert client.post(page(account), {**FORM, **sent}).status_code == 302
        found = ProviderAccount.objects.get()
        return found.api_key, found.headers

    assert saved(name="Renamed") == (KEY, {"X-Team": SECRET})
    assert saved(new_key="another") == ("another", {"X-Team": SECRET})
    assert saved(new_headers="X-New: b") == ("another", {"X-New": "b"})
    assert saved(forget="on", new_headers="X-New: c") == ("", {"X-New": "c"})
    assert saved(forget="on") == ("", {})


def test_a_new_base_url_requires_the_secrets_again(signed_in: SignIn, admin: User, account: ProviderAccount) -> None:
    client, moved = signed_in(admin), {**FORM, "base_url": "https://elsewhere.example.org/v1"}

    shown = client.post(page(account), moved)
    assert {*shown.context["adminform"].form.errors} == {"new_key", "new_headers"}
    assert {*client.post(page(account), {**moved, "new_key": "k"}).context["adminform"].form.errors} == {"new_headers"}
    account.refresh_from_db()
    assert (account.base_url, account.api_key) == (FORM["base_url"], KEY)

    assert client.post(page(account), {**moved, "new_key": "k", "new_headers": "X-New: b"}).status_code == 302
    account.refresh_from_db()
    assert (account.base_url, account.api_key, account.headers) == (moved["base_url"], "k", {"X-New": "b"})


def test_slug_and_kind_cannot_be_changed(signed_in: SignIn, admin: User, account: ProviderAccount) -> None:
    sent = {**FORM, "slug": "other", "kind": "ollama"}
    assert signed_in(admin).post(page(account), sent).status_code == 302
    account.refresh_from_db()
    assert (account.slug, account.kind) == ("ours", "openai")


def test_secrets_are_in_no_page_and_no_history(
    signed_in: SignIn, admin: User, account: ProviderAccount, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = signed_in(admin)
    client.post(page(account), {**FORM, "new_key": KEY + "2", "new_headers": f"X-Team: {SECRET}2"})
    client.post(page(account), {**FORM, "new_key": KEY + " bad", "new_headers": f"bad {SECRET}"})
    account.refresh_from_db()
    seen = [client.get(each).content.decode() for each in (LIST, page(account), page(account, "history"))]
    seen.append(client.get(page(account, "delete")).content.decode())
    seen += [f"{entry.change_message} {entry.object_repr}" for entry in LogEntry.objects.all()]
    seen.append(caplog.text)
    for text in seen:
        for secret in (KEY, SECRET, account.sealed_key, account.sealed_headers):
            assert secret not in text
    assert "Set on" in seen[1]
    assert "Set: X-Team." in seen[1]
    assert any("API key" in text for text in seen[4:])


def test_an_account_in_use_is_not_deleted(signed_in: SignIn, admin: User, account: ProviderAccount) -> None:
    for number in range(7):
        Assistant.objects.create(name=f"Tutor {number}", slug=f"t{number}", provider="ours", model="m")
    client = signed_in(admin)
    for method in (client.get, client.post):
        shown = method(page(account, "delete"), {"post": "yes"}, follow=True)
        assert "Ours cannot be deleted: " in shown.content.decode()
        assert "Give them another provider first." in shown.content.decode()
    client.post(LIST, {"action": "delete_selected", "_selected_action": account.pk, "post": "yes"})
    assert ProviderAccount.objects.exists()
    Assistant.objects.update(is_detected=True)
    assert client.post(page(account, "delete"), {"post": "yes"}).status_code == 302
    assert not ProviderAccount.objects.exists()


def test_an_account_is_kept_if_an_assistant_starts_using_it_meanwhile(
    signed_in: SignIn, admin: User, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(checked: ProviderAccount) -> str:
        why = why_not(checked)
        Assistant.objects.get_or_create(slug="t", defaults={"name": "Tutor", "provider": "ours", "model": "m"})
        return why

    why_not = admin_page._why_not
    monkeypatch.setattr(admin_page, "_why_not", check)
    shown = signed_in(admin).post(page(account, "delete"), {"post": "yes"}, follow=True)
    assert "Ours cannot be deleted: Tutor use it." in " ".join(str(each) for each in shown.context["messages"])
    assert ProviderAccount.objects.exists()
    assert not LogEntry.objects.exists()


def test_providers_of_the_environment_are_listed_without_keys(
    signed_in: SignIn, admin: User, settings: Settings
) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.OLLAMA_URL = KEY, "https://models.example.org/v1", ""
    ModelListing.objects.create(provider="openai", listed=[{"name": "a"}, {"name": "b"}])
    shown = signed_in(admin).get(LIST).content.decode()
    assert "https://models.example.org/v1" in shown
    assert "<code>OLLAMA_URL</code>" in shown
    assert KEY not in shown


def test_an_undecryptable_key_is_marked(
    signed_in: SignIn, admin: User, account: ProviderAccount, settings: Settings
) -> None:
    settings.CHAT_SECRETS_KEY = ["n" * 32]
    client = signed_in(admin)
    assert "cannot be decrypted" in client.get(LIST).content.decode()
    assert "cannot be decrypted" in client.post(page(account, "test"), follow=True).content.decode()


@pytest.mark.parametrize("view", ["", "add/"])
def test_the_page_is_for_staff(signed_in: SignIn, charlie: User, view: str) -> None:
    assert signed_in(charlie).post(f"{LIST}{view}", FORM, follow=True).status_code == 403
    assert Client().get(f"{LIST}{view}").status_code == 302
    assert not ProviderAccount.objects.exists()


def test_staff_with_view_permission_see_no_form(signed_in: SignIn, account: ProviderAccount) -> None:
    client = signed_in(staff("view_provideraccount"))
    shown = client.get(page(account)).content.decode()
    assert "api.example.org" in shown
    assert "new_key" not in shown
    assert "provider-test" not in shown
    assert client.post(page(account), FORM).status_code == 403
    assert client.post(page(account, "test")).status_code == 403
    assert client.post(page(account, "delete"), {"post": "yes"}).status_code == 403


class TestTesting:
    def said(self, client: Client, account: ProviderAccount) -> str:
        shown = client.post(page(account, "test"), follow=True)
        assert shown.status_code == 200
        (message,) = (str(each) for each in shown.context["messages"])
        assert KEY not in shown.content.decode()
        return message

    def test_a_working_account_is_reported(self, signed_in: SignIn, admin: User) -> None:
        listed = json.dumps({"data": [{"id": "a"}, {"id": "b"}]}).encode()
        with serving(response(listed)) as (url, server):
            account = make(base_url=url)
            assert self.said(signed_in(admin), account).startswith("It works: 2 models, after ")
        assert f"Bearer {KEY}".encode() in server.requests[0]
        assert SECRET.encode() in server.requests[0]

    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            (response(b"{}", status="401 No"), "rejected this site's API key"),
            (response(b"", status="302 Found", headers=["Location: https://example.org/"]), "redirects to another"),
            (response(b"<html>"), "list of models is a web page"),
            (response(b'{"data": []}'), "lists no chat models"),
            (response(b"{}", status="503 Loading"), "unavailable (status 503)"),
        ],
        ids=["key", "redirect", "page", "no models", "loading"],
    )
    def test_a_failing_account_is_reported(self, signed_in: SignIn, admin: User, answer: bytes, sentence: str) -> None:
        with serving(answer) as (url, _):
            assert sentence in self.said(signed_in(admin), make(base_url=url))

    @pytest.mark.parametrize(
        ("address", "sentence"),
        [
            ("http://no-such-host.invalid/v1", "host name was not found"),
            (f"http://127.0.0.1:{closed_port()}/v1", "could not be reached"),
        ],
        ids=["name", "address"],
    )
    def test_an_unreachable_account_is_reported(
        self, signed_in: SignIn, admin: User, address: str, sentence: str
    ) -> None:
        assert sentence in self.said(signed_in(admin), make(base_url=address))

    @pytest.mark.parametrize("status", ["400 No", "404 Not Found", "500 Error"])
    def test_the_servers_error_text_is_not_shown(self, signed_in: SignIn, admin: User, status: str) -> None:
        """It may be an internal server that was never meant for staff."""
        for body in (b'{"error": {"message": "password hunter2"}}', b"password hunter2"):
            with serving(response(body, status=status)) as (url, _):
                said = self.said(signed_in(admin), make(base_url=url, slug=f"s{len(body)}"))
            assert said.startswith("It does not work: ")
            assert said.endswith(".")
            assert "hunter2" not in said

    def test_testing_needs_the_change_permission(
        self, signed_in: SignIn, account: ProviderAccount, charlie: User
    ) -> None:
        address = page(account, "test")
        assert Client().post(address).status_code == 302
        assert signed_in(charlie).post(address, follow=True).status_code == 403
        sam = staff("change_assistant", "add_provideraccount", "view_provideraccount", "delete_provideraccount")
        assert signed_in(sam).post(address).status_code == 403

    def test_testing_needs_post_a_csrf_token_and_an_account(
        self, signed_in: SignIn, admin: User, account: ProviderAccount
    ) -> None:
        client = signed_in(admin)
        assert client.get(page(account, "test")).status_code == 405
        assert client.post(f"{LIST}{account.pk + 1}/test/").status_code == 404
        assert client.post(f"{LIST}nonsense/test/").status_code == 404
        strict = Client(enforce_csrf_checks=True)
        sign_in(admin, strict)
        assert strict.post(page(account, "test")).status_code == 403

    def test_testing_is_rate_limited(self, signed_in: SignIn, admin: User, settings: Settings) -> None:
        client = signed_in(admin)
        with serving(response(b'{"data": [{"id": "a"}]}')) as (url, server):
            account = make(base_url=url)
            said = [self.said(client, account) for _ in range(11)]
        assert [each for each in said[:10] if "It works: 1 model," not in each] == []
        assert "too often" in said[10]
        assert len(server.requests) == 10


@contextmanager
def serving(answer: bytes) -> Iterator[tuple[str, RawServer]]:
    """A server in a thread: the view that asks it blocks this one."""
    loop = asyncio.new_event_loop()
    server = RawServer(lambda _: [answer])
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        yield server.base_url, server
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
