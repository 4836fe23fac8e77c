"""The scores that MDN's Observatory would give five pages behind the deployed nginx, with HTTPS."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.deploy.nginx import Nginx, nginx
from tests.deploy.observatory import RULES, Visit, score
from tests.fake_openai.certificate import self_signed
from tests.faults.processes import Site, Upstream
from tests.members import prepare

ENOUGH: Final = 130
# Each page: the user who opens it, and a text that it must show.
PAGES: Final = {
    "/accounts/login/": ("", 'name="login"'),
    "/accounts/signup/": ("", 'name="password1"'),
    "/": ("alice", "<chat-app"),
    "/api/docs": ("", "/api/runs"),
    "/admin/": ("admin", "app-chat"),
}
GOOD: Final = Visit(
    url="https://chat.example.org/",
    headers=(
        ("Content-Type", "text/html; charset=utf-8"),
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; form-action 'self'; frame-ancestors 'none'",
        ),
        ("Referrer-Policy", "same-origin"),
        ("Strict-Transport-Security", "max-age=31536000"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ),
    body='<script src="/x.js"></script>',
    cookies=("__Host-sessionid=1; Secure; HttpOnly; SameSite=Lax", "csrftoken=1; Secure; SameSite=Lax"),
    route=("http://chat.example.org/", "https://chat.example.org/"),
)
POLICY: Final = "Content-Security-Policy"
HEADERS: Final = [
    *(
        POLICY,
        "Referrer-Policy",
        "Strict-Transport-Security",
        "Cross-Origin-Resource-Policy",
        "X-Content-Type-Options",
    ),
]


def with_header(visit: Visit, name: str, value: str = "") -> Visit:
    """Replace the header; without a value, remove it."""
    kept = tuple(each for each in visit.headers if each[0].lower() != name.lower())
    return replace(visit, headers=(*kept, (name, value)) if value else kept)


def test_the_best_that_a_page_can_have_here() -> None:
    assert score(GOOD) == 135
    assert score(replace(GOOD, body='<script src="/x.js" integrity="sha384-x"></script>')) == 140
    assert score(Visit("http://chat.example.org/", (), route=("http://chat.example.org/",))) == 10


@pytest.mark.parametrize(
    ("rule", "worse", "modifier"),
    [
        ("content_security_policy", with_header(GOOD, POLICY), -25),
        ("content_security_policy", with_header(GOOD, POLICY, "default-src 'self'; frame-ancestors 'none'"), 5),
        ("content_security_policy", with_header(GOOD, POLICY, "frame-ancestors 'none'"), -20),
        ("content_security_policy", with_header(GOOD, POLICY, "default-src 'none'; script-src 'unsafe-inline'"), -20),
        ("content_security_policy", with_header(GOOD, POLICY, "default-src 'none'; script-src data:"), -20),
        ("content_security_policy", with_header(GOOD, POLICY, "default-src 'none'; connect-src http://x"), -20),
        ("content_security_policy", with_header(GOOD, POLICY, "default-src 'none'; object-src https:"), -20),
        ("content_security_policy", with_header(GOOD, POLICY, "default-src 'none'; script-src 'unsafe-eval'"), -10),
        ("content_security_policy", with_header(GOOD, POLICY, "default-src 'none'; img-src http:"), -10),
        ("content_security_policy", with_header(GOOD, POLICY, "default-src 'none'; style-src 'unsafe-inline'"), 0),
        ("cookies", replace(GOOD, cookies=()), 0),
        ("cookies", replace(GOOD, cookies=("a=1; Secure",)), 0),
        ("cookies", replace(GOOD, cookies=("a=1; SameSite=Lax",)), -5),
        ("cookies", with_header(replace(GOOD, cookies=("a=1; SameSite=Lax",)), "Strict-Transport-Security"), -20),
        ("cookies", replace(GOOD, cookies=("sessionid=1; HttpOnly; SameSite=Lax",)), -10),
        ("cookies", replace(GOOD, cookies=("sessionid=1; Secure; SameSite=Lax",)), -30),
        ("cookies", replace(GOOD, cookies=("csrftoken=1; Secure",)), -20),
        ("cookies", replace(GOOD, cookies=("a=1; SameSite=None",)), -20),
        (
            "cross_origin_resource_sharing",
            replace(
                GOOD,
                cors={"Access-Control-Allow-Origin": GOOD.origin, "Access-Control-Allow-Credentials": "true"},
            ),
            -50,
        ),
        ("redirection", replace(GOOD, route=("http://chat.example.org/",)), -20),
        ("redirection", replace(GOOD, route=("http://chat.example.org/", "http://chat.example.org/x")), -20),
        ("redirection", replace(GOOD, route=(*GOOD.route[:1], "http://chat.example.org/x", GOOD.url)), -10),
        ("redirection", replace(GOOD, route=("http://chat.example.org/", "https://evil.example/")), -5),
        ("referrer_policy", with_header(GOOD, "Referrer-Policy"), 0),
        ("referrer_policy", with_header(GOOD, "Referrer-Policy", "unsafe-url"), -5),
        ("referrer_policy", with_header(GOOD, "Referrer-Policy", "x"), -5),
        ("strict_transport_security", with_header(GOOD, "Strict-Transport-Security"), -20),
        ("strict_transport_security", with_header(GOOD, "Strict-Transport-Security", "includeSubDomains"), -20),
        ("strict_transport_security", with_header(GOOD, "Strict-Transport-Security", "max-age=3600"), -10),
        ("subresource_integrity", replace(GOOD, body='<script src="https://cdn.example/x.js"></script>'), -5),
        ("subresource_integrity", replace(GOOD, body='<script src="http://cdn.example/x.js" integrity=x>'), -20),
        ("subresource_integrity", replace(GOOD, body='<script src="//cdn.example/x.js"></script>'), -50),
        ("x_content_type_options", with_header(GOOD, "X-Content-Type-Options"), -5),
        ("x_content_type_options", with_header(GOOD, "X-Content-Type-Options", "x"), -5),
        ("x_frame_options", with_header(GOOD, POLICY, "default-src 'none'"), -20),
        ("x_frame_options", with_header(with_header(GOOD, POLICY), "X-Frame-Options", "deny"), 0),
        ("cross_origin_resource_policy", with_header(GOOD, "Cross-Origin-Resource-Policy"), 0),
        ("cross_origin_resource_policy", with_header(GOOD, "Cross-Origin-Resource-Policy", "cross-origin"), 0),
        ("cross_origin_resource_policy", with_header(GOOD, "Cross-Origin-Resource-Policy", "x"), -5),
    ],
)
def test_violations_cost_the_same_points_as_in_the_observatory(rule: str, worse: Visit, modifier: int) -> None:
    assert RULES[rule](worse) == modifier
    # The score is lower, or the rule gives the same points for another reason.
    assert score(worse) < score(GOOD) or RULES[rule](GOOD) == modifier


def test_bonus_points_need_a_good_base_score() -> None:
    """A page that loses too many points gets no bonus."""
    assert score(with_header(GOOD, "X-Content-Type-Options")) == 130
    assert score(with_header(GOOD, "Strict-Transport-Security")) == 80


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def secure(
    tmp_path_factory: pytest.TempPathFactory, deployed: dict[str, str], upstream: Upstream, certificate: Path
) -> Iterator[tuple[Nginx, Site]]:
    data_dir = tmp_path_factory.mktemp("data")
    settings = {**deployed, "CHAT_HTTPS": "1", "CHAT_SIGNUP": "1", "OPENAI_BASE_URL": upstream.base_url}
    site = Site(data_dir, prepare(data_dir), **settings)
    try:
        site.start()
        with nginx(site.host, certificate=certificate) as proxy:
            yield proxy, site
    finally:
        site.stop()


@pytest.fixture
async def browser(certificate: Path) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(certificate)))
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
    ) as http:
        yield http


async def visit(browser: aiohttp.ClientSession, proxy: Nginx, path: str, headers: dict[str, str]) -> Visit:
    """Like a scan: over plain HTTP, over HTTPS, and for a page of another origin."""
    plain = f"http://127.0.0.1:{proxy.plain_port}{path}"
    async with browser.get(plain, allow_redirects=False) as response:
        secure = response.headers["Location"]
    foreign = {**headers, "Origin": Visit.origin}
    async with browser.get(secure, headers=foreign, allow_redirects=False) as response:
        cors = dict(response.headers)
    async with browser.get(secure, headers=headers, allow_redirects=False) as response:
        assert response.status == 200
        return Visit(
            url=str(response.url),
            headers=tuple(response.headers.items()),
            body=await response.text(),
            cookies=tuple(response.headers.getall("Set-Cookie", [])),
            route=(plain, secure),
            cors=cors,
        )


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_has_at_least_130_points(
    secure: tuple[Nginx, Site], browser: aiohttp.ClientSession, path: str
) -> None:
    proxy, site = secure
    name, words = PAGES[path]
    seen = await visit(browser, proxy, path, as_(site, name))

    assert seen.url == proxy.url + path
    assert words in seen.body
    assert score(seen) >= ENOUGH, {name: rule(seen) for name, rule in RULES.items()}
    # Each of these headers contributes to the score.
    for header in HEADERS:
        assert score(with_header(seen, header)) < score(seen), header


def as_(site: Site, name: str) -> dict[str, str]:
    return {"Cookie": f"__Host-sessionid={site.cast[name].session}"} if name else {}
