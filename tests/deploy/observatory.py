"""The score that MDN's HTTP Observatory would give a page, by its published rules, as of 2026.

Based on github.com/mdn/mdn-http-observatory: `src/analyzer/tests/*.js` (what each test checks), `src/grader/charts.js`
(the points of each result), `src/scanner/index.js` (the sum). Cases that cannot occur here are left out: the list of
preloaded names (+5), policies in `<meta>`, and certificates that no browser accepts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Final
from urllib.parse import urlsplit

BASE: Final = 100
# Bonus points count only if the score without them is at least this.
ENOUGH_FOR_BONUS: Final = 90
SIX_MONTHS: Final = 15_552_000

BROAD: Final = frozenset(["ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"])
INLINE: Final = frozenset(["'unsafe-inline'", "data:"])
PRIVATE_REFERRERS: Final = frozenset(
    ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"]
)
REFERRERS: Final = PRIVATE_REFERRERS | {
    *("origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade"),
}


@dataclass(frozen=True)
class Visit:
    """`headers`: of the page at `url`. `cookies`: all `Set-Cookie` on the way there. `route`: the addresses visited,
    starting with plain HTTP. `cors`: the headers of a response to a page of `origin`.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""
    cookies: tuple[str, ...] = ()
    route: tuple[str, ...] = ()
    origin: str = "https://http-observatory.security.mozilla.org"
    cors: dict[str, str] = field(default_factory=dict)

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each.lower() == name.lower()]

    def first(self, name: str) -> str:
        return (self.all(name) or [""])[0].strip().lower()


def score(visit: Visit) -> int:
    modifiers = [rule(visit) for rule in RULES.values()]
    without_bonus = BASE + sum(each for each in modifiers if each < 0)
    return max(0, BASE + sum(modifiers) if without_bonus >= ENOUGH_FOR_BONUS else without_bonus)


def content_security_policy(visit: Visit) -> int:
    policy = policy_of(visit)
    if not policy:
        return -25
    default = policy.get("default-src", {"*"})
    script, style, objects = (policy.get(name, default) for name in ("script-src", "style-src", "object-src"))
    passive = set().union(*(policy.get(name, policy.get("default-src", set())) for name in PASSIVE))
    active = set().union(*(sources for name, sources in policy.items() if name not in PASSIVE), script)
    if script & (BROAD | INLINE) or objects & BROAD:
        return -20
    if any(each.startswith(("http:", "ftp:")) for each in active):
        return -20
    if "'unsafe-eval'" in script | style:
        return -10
    if any(each.startswith(("http:", "ftp:")) for each in passive):
        return -10
    if style & (BROAD | INLINE):
        return 0
    return 10 if policy.get("default-src") == {"'none'"} else 5


def cookies(visit: Visit) -> int:
    worst = 0
    restricted = True
    is_protected = strict_transport_security(visit) >= 0
    for text in visit.cookies:
        for name, morsel in SimpleCookie(text).items():
            is_session = any(each in name.lower() for each in ("login", "sess"))
            same_site = morsel["samesite"].lower()
            restricted = restricted and bool(same_site)
            if same_site not in {"", "lax", "strict", "none"} or (same_site == "none" and not morsel["secure"]):
                worst = min(worst, -20)
            if not morsel["secure"]:
                worst = min(worst, -5 if is_protected else -20)
                if is_session:
                    worst = min(worst, -10 if is_protected else -40)
            if "csrf" in name.lower() and not same_site:
                worst = min(worst, -20)
            if is_session and not morsel["httponly"]:
                worst = min(worst, -30)
    return worst or (5 if visit.cookies and restricted else 0)


def cross_origin_resource_sharing(visit: Visit) -> int:
    headers = {name.lower(): value.strip().lower() for name, value in visit.cors.items()}
    is_mirror = headers.get("access-control-allow-origin") == visit.origin
    return -50 if is_mirror and headers.get("access-control-allow-credentials") == "true" else 0


def redirection(visit: Visit) -> int:
    """Also 0 if nothing listens for plain HTTP."""
    route = [urlsplit(each) for each in visit.route]
    if not route:
        return 0
    if len(route) == 1 or route[-1].scheme != "https":
        return -20
    if route[1].scheme == "http":
        return -10
    return -5 if route[0].hostname != route[1].hostname else 0


def referrer_policy(visit: Visit) -> int:
    values = [each.strip().lower() for header in visit.all("Referrer-Policy") for each in header.split(",")]
    if not values:
        return 0
    known = [each for each in values if each in REFERRERS]
    return 5 if known and known[-1] in PRIVATE_REFERRERS else -5


def strict_transport_security(visit: Visit) -> int:
    header = visit.first("Strict-Transport-Security")
    ages = [each.strip()[8:] for each in header.split(";") if each.strip().startswith("max-age=")]
    if not ages or not ages[-1].isdigit() or "," in header or not visit.url.startswith("https:"):
        return -20
    return 0 if int(ages[-1]) >= SIX_MONTHS else -10


def subresource_integrity(visit: Visit) -> int:
    if visit.first("Content-Type").split(";")[0] not in {"text/html", "application/xhtml+xml", ""}:
        return 0
    worst, has_bonus = 0, False
    for source, integrity in scripts(visit.body):
        parts = urlsplit(source)
        is_own = not parts.netloc or (bool(parts.scheme) and parts.hostname == urlsplit(visit.url).hostname)
        is_secure = parts.scheme == "https" or not parts.netloc
        if is_own:
            has_bonus = has_bonus or (integrity and is_secure)
        elif not is_secure:
            worst = min(worst, -20 if integrity else -50)
        elif not integrity:
            worst = min(worst, -5)
        else:
            has_bonus = True
    return worst or (5 if has_bonus else 0)


def x_content_type_options(visit: Visit) -> int:
    return 0 if visit.first("X-Content-Type-Options") == "nosniff" else -5


def x_frame_options(visit: Visit) -> int:
    if "frame-ancestors" in policy_of(visit):
        return 5
    value = visit.first("X-Frame-Options")
    return 0 if value in {"deny", "sameorigin"} or value.startswith("allow-from") else -20


def cross_origin_resource_policy(visit: Visit) -> int:
    values = {"": 0, "cross-origin": 0, "same-site": 10, "same-origin": 10}
    return values.get(visit.first("Cross-Origin-Resource-Policy"), -5)


RULES: Final = {
    rule.__name__: rule
    for rule in (
        *(content_security_policy, cookies, cross_origin_resource_sharing, redirection, referrer_policy),
        *(strict_transport_security, subresource_integrity, x_content_type_options, x_frame_options),
        cross_origin_resource_policy,
    )
}
PASSIVE: Final = ("img-src", "media-src")


def policy_of(visit: Visit) -> dict[str, set[str]]:
    """If several headers or directives have the same name, the first counts."""
    policy: dict[str, set[str]] = {}
    for header in visit.all("Content-Security-Policy"):
        for directive in header.replace(",", ";").split(";"):
            name, *sources = directive.lower().split() or [""]
            if name:
                policy.setdefault(name, set(sources) or {"'none'"})
    return policy


def scripts(html: str) -> list[tuple[str, bool]]:
    """The address of each script, and whether it has an integrity hash."""
    found: list[tuple[str, bool]] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            attributes = dict(attrs)
            if tag == "script" and attributes.get("src"):
                found.append((str(attributes["src"]), bool(attributes.get("integrity"))))

    Parser().feed(html)
    return found
