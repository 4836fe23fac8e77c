from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.templatetags.static import static
from django.test import AsyncClient
from pytest_django import Settings

from tests.pages.test_import_map import HASHED

POLICY = "Content-Security-Policy"


@pytest.fixture
def sources(settings: Settings, tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    (folder / "js").mkdir(parents=True)
    (folder / "js" / "x.js").write_text("// one\nlet one;\n")
    settings.STATICFILES_DIRS = [folder]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "root"
    return folder


async def body(response: Any) -> bytes:
    return b"".join([chunk async for chunk in response.streaming_content])


async def test_a_file_is_served_fresh_and_revalidated(sources: Path) -> None:
    client, file = AsyncClient(), sources / "js" / "x.js"
    before = await client.get("/static/js/x.js")
    assert await body(before) == b"// one\nlet one;\n"
    assert before["Cache-Control"] == "max-age=0, public"

    file.write_text("// two, and longer\n")
    os.utime(file, (2_000_000_000, 2_000_000_000))
    after = await client.get("/static/js/x.js", headers={"If-None-Match": before["ETag"]})

    assert (after.status_code, await body(after)) == (200, b"// two, and longer\n")
    again = await client.get("/static/js/x.js", headers={"If-None-Match": after["ETag"]})
    assert again.status_code == 304


async def test_a_script_has_its_type_and_is_for_this_site_only(sources: Path) -> None:
    response = await AsyncClient().get("/static/js/x.js")

    assert response["Content-Type"].startswith("text/javascript")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in response


@pytest.mark.parametrize(
    ("name", "script_src", "is_alone", "readers"),
    [
        ("x.js", "'self'", False, "same-origin"),
        ("x.mjs", "'self'", False, "same-origin"),
        ("x.svg", None, True, "same-origin"),
        ("x.html", None, True, "same-origin"),
        ("x.pdf", None, True, "same-origin"),
        # For the page that shows another site's picture: that page has no origin.
        ("x.css", None, True, "cross-origin"),
    ],
)
async def test_a_file_opened_as_a_page_is_sandboxed(
    sources: Path, name: str, script_src: str | None, is_alone: bool, readers: str
) -> None:
    (sources / name).write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")

    response = await AsyncClient().get(f"/static/{name}")

    policy = {name: value for name, _, value in (each.partition(" ") for each in response[POLICY].split("; "))}
    assert (policy["default-src"], policy["frame-ancestors"]) == ("'none'", "'none'")
    assert policy.get("script-src") == script_src
    assert ("sandbox" in policy) is is_alone
    assert response["Cross-Origin-Resource-Policy"] == readers


async def test_a_hashed_file_has_the_same_policy(sources: Path, settings: Settings) -> None:
    (sources / "x.svg").write_text("<svg/>")
    settings.STORAGES = HASHED
    settings.SERVESTATIC_USE_MANIFEST = True
    settings.SERVESTATIC_USE_FINDERS = settings.SERVESTATIC_AUTOREFRESH = False
    call_command("collectstatic", interactive=False, verbosity=0)

    assert "sandbox" in (await AsyncClient().get(static("x.svg")))[POLICY]


@pytest.mark.parametrize(
    "path",
    ["js/missing.js", "../secret_key", "%2e%2e/secret_key", "js/../../secret", "js/", "", "js/x.js/", "js/x.js%00"],
)
async def test_nothing_else_is_served(sources: Path, path: str) -> None:
    (sources.parent / "secret").write_text("CANARY")
    (sources.parent / "secret_key").write_text("CANARY")

    assert (await AsyncClient().get(f"/static/{path}")).status_code == 404


async def test_a_hashed_file_is_cached_forever(sources: Path, settings: Settings) -> None:
    settings.STORAGES = HASHED
    settings.SERVESTATIC_USE_MANIFEST = True
    settings.SERVESTATIC_USE_FINDERS = settings.SERVESTATIC_AUTOREFRESH = False
    call_command("collectstatic", interactive=False, verbosity=0)
    client = AsyncClient()

    hashed, plain = await client.get(static("js/x.js")), await client.get("/static/js/x.js")

    assert static("js/x.js") != "/static/js/x.js"
    # The hashed file, which clients cache, has no comments.
    assert (await body(hashed), await body(plain)) == (b"let one;", b"// one\nlet one;\n")
    assert hashed["Cache-Control"] == "max-age=315360000, public, immutable"
    assert plain["Cache-Control"] == "max-age=0, public"
