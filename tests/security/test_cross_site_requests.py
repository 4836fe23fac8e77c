"""S2, CSRF: requests that another site makes a browser send have the cookie but no token. They change nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import aiohttp
import pytest

from tests.faults.processes import Site, Upstream
from tests.members import Member
from tests.security.routes import routes

MESSAGE: Final = {"text": "/hello from another site"}
CSRF: Final = "c" * 32
UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"
VALUES: Final = {
    **dict.fromkeys(("run_id", "conversation_id", "message_id"), UNKNOWN),
    **{"uidb36": "1", "key": "set-password", "object_id": "1", "id": "1", "content_type_id": "1"},
    **{"app_label": "chat", "url": "nothing/", "sign_in_id": "1", "token_id": "1"},
}
# What a form can send, and `fetch` in the mode "no-cors": no preflight request is needed.
FORMS: Final[dict[str, dict[str, Any]]] = {
    "urlencoded": {"data": MESSAGE},
    "multipart": {"data": None},
    "text/plain": {"data": json.dumps(MESSAGE), "headers": {"Content-Type": "text/plain"}},
    "a token of the attacker's": {"data": {**MESSAGE, "csrfmiddlewaretoken": "a" * 64}},
}
ORIGINS: Final = ("http://evil.example", "null", None)
ALL: Final = routes()


def form(name: str) -> dict[str, Any]:
    """A request's body and headers. A multipart form is created for each call: it can be sent only once."""
    if name == "multipart":
        return {"data": aiohttp.FormData({**MESSAGE, "file": "x"}, default_to_multipart=True)}
    return {**FORMS[name]}


async def status(http: aiohttp.ClientSession, method: str, url: str, **options: Any) -> int:
    async with http.request(method, url, allow_redirects=False, **options) as response:
        return response.status


def rows(site: Site) -> str:
    """A hash of the whole database."""
    digest = hashlib.sha256()
    for (table,) in site.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"):
        # The time at which a session was last seen may change with every request.
        columns = "id, owner_id, session_key" if table == "chat_signin" else "*"
        digest.update(repr(site.rows(f"SELECT {columns} FROM {table} ORDER BY 1")).encode())
    return digest.hexdigest()


@pytest.mark.parametrize("name", FORMS)
async def test_no_url_accepts_a_form_from_another_site(
    name: str, site: Site, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    """Sent by an administrator's browser, which has the most to lose."""
    admin = site.cast["admin"]
    before = rows(site)
    for route in ALL:
        url = f"{site.url}{route.path(VALUES)}"
        for origin in ORIGINS:
            sent = form(name)
            headers = {**admin.cookie, **sent.pop("headers", {}), **({"Origin": origin} if origin else {})}
            assert await status(http, "POST", url, headers=headers, **sent) == 403, f"{route.pattern} from {origin}"
    assert rows(site) == before
    assert upstream.exchanges(MESSAGE["text"]) == []


async def test_no_url_accepts_other_methods_from_another_site(
    site: Site, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    """A browser's preflight request for these is refused. Without a preflight, so are the requests themselves."""
    before = rows(site)
    headers = {**site.cast["admin"].cookie, "Origin": "http://evil.example"}
    for route in ALL:
        for method in ("PUT", "PATCH", "DELETE"):
            url = f"{site.url}{route.path(VALUES)}"
            assert await status(http, method, url, json=MESSAGE, headers=headers) == 403, route.pattern
    assert rows(site) == before
    assert upstream.exchanges(MESSAGE["text"]) == []


async def test_no_url_allows_cross_origin_requests(site: Site, http: aiohttp.ClientSession) -> None:
    asking = {
        "Origin": "http://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    for route in ALL:
        for method in ("OPTIONS", "GET"):
            url = f"{site.url}{route.path(VALUES)}"
            head = await opened(http, method, url, {**site.cast["admin"].cookie, **asking})
            assert not [name for name in head if name.lower().startswith("access-control-")], route.pattern


async def test_opening_any_url_changes_nothing(site: Site, http: aiohttp.ClientSession, upstream: Upstream) -> None:
    """A link or image on another site is a GET with the cookie. It writes nothing, calls no model, ends no session."""
    admin = site.cast["admin"]
    before = rows(site)
    for route in ALL:
        await opened(http, "GET", f"{site.url}{route.path(VALUES)}?text=hello&_method=DELETE", admin.cookie)
    assert rows(site) == before
    assert await status(http, "GET", f"{site.url}/api/conversations", headers=admin.cookie) == 200
    assert upstream.journal()["exchanges"] == []


async def opened(http: aiohttp.ClientSession, method: str, url: str, headers: dict[str, str]) -> dict[str, str]:
    """The response's headers. Does not wait for a stream."""
    async with http.request(method, url, allow_redirects=False, headers=headers) as response:
        assert response.status < 500, url
        return dict(response.headers)


async def test_login_csrf_is_refused(site: Site, http: aiohttp.ClientSession) -> None:
    """Login CSRF: the victim has no session yet, so the form is sent without any cookie."""
    data = {"login": "charlie", "password": "charlie's", "username": "charlie"}
    for path in ("/accounts/login/", "/accounts/signup/", "/admin/login/", "/accounts/password/reset/", "/setup/"):
        for origin in ORIGINS:
            headers = {"Origin": origin} if origin else {}
            assert await status(http, "POST", f"{site.url}{path}", data=data, headers=headers) == 403


@pytest.mark.parametrize("cookie_too", [False, True])
async def test_a_wrong_token_in_the_header_does_not_fall_back_to_the_cookie(
    cookie_too: bool, site: Site, http: aiohttp.ClientSession
) -> None:
    admin = site.cast["admin"]
    headers = {"Authorization": "Bearer chat_wrong", **(admin.cookie if cookie_too else {})}
    assert await status(http, "POST", f"{site.url}/api/runs", json=MESSAGE, headers=headers) == 401
    # A header with another scheme does not disable the check.
    headers["Authorization"] = "Basic eDp5"
    assert await status(http, "POST", f"{site.url}/api/runs", json=MESSAGE, headers=headers) == 403
    # Nor does a bearer header outside the API, where it signs nobody in.
    headers["Authorization"] = f"Bearer {admin.token}"
    assert await status(http, "POST", f"{site.url}/theme", data={"theme": "dark"}, headers=headers) == 403


async def test_control_our_own_page_with_its_token_is_served(
    site: Site, upstream: Upstream, http: aiohttp.ClientSession, alice: Member
) -> None:
    """With the token and our origin, the same requests succeed: only the token was missing."""
    headers = {
        "Cookie": f"{alice.cookie['Cookie']}; csrftoken={CSRF}",
        "X-CSRFToken": CSRF,
        "Origin": site.url,
    }
    assert await status(http, "POST", f"{site.url}/api/runs/wait", json=MESSAGE, headers=headers) == 200
    assert len(upstream.exchanges(MESSAGE["text"])) == 1
    assert await status(http, "POST", f"{site.url}/theme", data={"theme": "dark"}, headers=headers) == 204
    login = {"login": "nobody", "password": "wrong"}
    assert await status(http, "POST", f"{site.url}/accounts/login/", data=login, headers={
        **headers, "Cookie": f"csrftoken={CSRF}"}) == 200  # fmt: skip
    # From another site, the token alone is not enough.
    assert await status(http, "POST", f"{site.url}/theme", data={"theme": "dark"}, headers={
        **headers, "Origin": "http://evil.example"}) == 403  # fmt: skip
