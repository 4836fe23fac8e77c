"""What an attacker may write: the corpus of the JavaScript tests, and texts for fields without Markdown."""

from __future__ import annotations

import base64
import re
from typing import Final

from playwright.async_api import Browser

from tests.server.process import ROOT

CORPUS: Final = ROOT / "tests" / "js" / "markdown" / "payloads.js"

# For titles, names and errors: without Markdown, only HTML could do harm.
FIELDS: Final = (
    "<img src=x onerror=__x=1>",
    "<svg/onload=__x=1>",
    '"><script>__x=1</script>',
    "'-__x=1-'\" autofocus onfocus=__x=1 x=\"",
    "</title></textarea></script><iframe srcdoc='<script>parent.__x=1</script>'>",
    "javascript:__x=1",
    "{{ 7*7 }}{% debug %}${__x=1}",
    "<base href=//evil.example/><meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example/s.css>",
    "--><img src=//evil.example/p>",
    "]]><img src=x onerror=__x=1>",
    "\u202e<img src=x onerror=__x=1>\u202c",
)


async def corpus(browser: Browser) -> list[str]:
    """PAYLOADS of the JavaScript tests: a browser imports the module."""
    page = await browser.new_page()
    try:
        source = base64.b64encode(CORPUS.read_bytes()).decode()
        found = await page.evaluate(f"import('data:text/javascript;base64,{source}').then((it) => it.PAYLOADS)")
    finally:
        await page.close()
    return [str(payload) for payload in found]


def can_be_sent(text: str) -> bool:
    """Whether the server accepts the message: it rejects NULs, lone surrogates and blank texts."""
    return not re.search("[\0\ud800-\udfff]", text) and bool(text.strip())
