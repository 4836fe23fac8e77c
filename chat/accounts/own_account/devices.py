"""Browser and system of a User-Agent, by their common names."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext as _

SHOWN_CHARACTERS: Final = 60
# The order matters: most User-Agents also name other browsers, for compatibility.
BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdg(A|iOS)?/")),
    ("Opera", re.compile(r"\bOPR/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\b(Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(Chrome|CriOS|HeadlessChrome)/")),
    ("Safari", re.compile(r"\bVersion/\S+ .*Safari/")),
)
SYSTEMS: Final = (
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("Windows", re.compile(r"\bWindows NT\b")),
    ("macOS", re.compile(r"\bMac OS X\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)


def name_of(user_agent: str) -> str:
    """Such as `Firefox on Linux`. For other clients, the User-Agent itself, truncated: untrusted text."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or user_agent[:SHOWN_CHARACTERS] or _("Unknown browser")


def _first(known: tuple[tuple[str, re.Pattern[str]], ...], user_agent: str) -> str:
    return next((name for name, pattern in known if pattern.search(user_agent)), "")
