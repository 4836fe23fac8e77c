"""What is served of the scripts, and that the first page needs little of it. tests/js says that it does the same."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import override_settings
from rjsmin import jsmin

from chat.views.modules import modules
from tests.views.test_modules import HASHED

ROOT = Path(__file__).resolve().parents[1]
KB = 1024
OWN = 60 * KB
ALL = 110 * KB


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("static")
    finders = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    with override_settings(STORAGES=HASHED, STATIC_ROOT=root, STATICFILES_FINDERS=finders):
        call_command("collectstatic", interactive=False, verbosity=0)
        yield root


def test_what_is_served_is_lean_and_the_source_stays_beside_it(collected: Path) -> None:
    source = (ROOT / "static" / "js" / "chat.js").read_text("utf-8")
    served = (collected / Path(staticfiles_storage.stored_name("js/chat.js"))).read_text("utf-8")

    assert served == jsmin(source)
    assert (collected / "js" / "chat.js").read_text("utf-8") == source


def test_vendored_scripts_are_served_as_they_are(collected: Path) -> None:
    [name] = [path.relative_to(ROOT / "static") for path in (ROOT / "static/vendor").glob("markdown-it-*/*.js")]

    served = collected / Path(staticfiles_storage.stored_name(str(name)))
    assert served.read_bytes() == (ROOT / "static" / name).read_bytes()


def test_the_first_load_is_within_its_budget(collected: Path) -> None:
    """Each file compressed by itself, as it is sent: all that the page's module imports before it runs."""
    own = vendored = 0
    for address in modules().preloads:
        name = address.removeprefix("/static/")
        size = len(gzip.compress((collected / name).read_bytes(), 9))
        if name.startswith("js/"):
            own += size
        else:
            vendored += size

    assert own > 10 * KB
    assert vendored > 10 * KB
    assert own <= OWN, f"our own: {own} bytes"
    assert own + vendored <= ALL, f"all: {own + vendored} bytes"
