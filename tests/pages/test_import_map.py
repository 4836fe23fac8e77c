from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.templatetags.static import static
from django.test import Client, override_settings

from chat.models import User
from chat.pages.import_map import modules

SignIn = Callable[[User], Client]
HASHED = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "chatsite.lean_scripts.LeanScriptsStorage"},
}
MAP = re.compile(r'<script type="importmap">(.*?)</script>')


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The site's own files, collected under hashed names."""
    root = tmp_path_factory.mktemp("static")
    finders = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    with override_settings(STORAGES=HASHED, STATIC_ROOT=root, STATICFILES_FINDERS=finders):
        call_command("collectstatic", interactive=False, verbosity=0)
        yield root


def imports(text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(text)["imports"]
    return found


def test_without_hashed_names_there_is_no_map(signed_in: SignIn, alice: User) -> None:
    response = signed_in(alice).get("/")

    assert modules().import_map == ""
    assert "importmap" not in response.content.decode()
    assert "modulepreload" not in response.content.decode()
    assert 'src="/static/js/chat.js"' in response.content.decode()
    assert "sha256" not in response["Content-Security-Policy"]


def test_the_map_leads_from_each_source_to_its_hashed_copy(collected: Path) -> None:
    sources = {f"/static/{path.relative_to('static')}" for path in Path("static").rglob("*.js")}

    found = imports(modules().import_map)

    assert set(found) < sources
    # Modules in the bundle of another are not requested: "js/palette/index.js" contains the whole palette.
    palette = {name for name in found if name.startswith("/static/js/palette/")}
    assert palette == {"/static/js/palette/index.js"}
    for source, hashed in found.items():
        assert source != hashed
        assert (collected / hashed.removeprefix("/static/")).is_file()


def test_preloads_start_with_the_entry_and_are_in_the_map(collected: Path) -> None:
    preloads = modules().preloads

    assert preloads[0] == static("js/chat.js")
    assert len(preloads) == len(set(preloads))
    assert set(preloads) <= set(imports(modules().import_map).values())


def test_each_statically_imported_module_is_preloaded(collected: Path) -> None:
    names = {hashed: source for source, hashed in imports(modules().import_map).items()}
    preloaded = {names[address] for address in modules().preloads}

    for source in preloaded:
        folder = Path(source).parent
        text = (collected / static(source.removeprefix("/static/")).removeprefix("/static/")).read_text()
        for address in re.findall(r'^(?:import|export)\b[^;]*?from ?"(\.[^"]+)";', text, re.MULTILINE):
            assert "/" + "/".join(_resolved(folder / address)) in preloaded


def _resolved(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parts[1:]:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return parts


def test_the_csp_allows_exactly_the_map_of_the_page(signed_in: SignIn, alice: User, collected: Path) -> None:
    response = signed_in(alice).get("/")

    page = response.content.decode()
    (inline,) = MAP.findall(page)
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'" in response["Content-Security-Policy"]
    assert page.index("importmap") < page.index("modulepreload") < page.index('type="module"')
    assert f'src="{static("js/chat.js")}"' in page


def test_other_pages_allow_no_inline_script(alice: User, collected: Path) -> None:
    assert "sha256" not in Client().get("/accounts/login/")["Content-Security-Policy"]
