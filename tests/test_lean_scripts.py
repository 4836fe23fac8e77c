"""Which scripts are served, and how little they are. tests/js tests that they behave the same."""

from __future__ import annotations

import base64
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import override_settings
from rjsmin import jsmin
from zopfli.gzip import compress

from chat.pages.import_map import modules
from chatsite.lean_scripts import lean
from tests.pages.test_import_map import HASHED
from tests.script_budgets import ALONE, DOOR, FIRST_OWN, SHARED, Served, breaches

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "static"
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
SOURCES = {str(path.relative_to(STATIC)): path.read_text("utf-8") for path in SCRIPTS}
DEFINED = re.compile(r"\b(?:class|function\*?) (\w+)")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("static")
    finders = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    with override_settings(STORAGES=HASHED, STATIC_ROOT=root, STATICFILES_FINDERS=finders):
        call_command("collectstatic", interactive=False, verbosity=0)
        yield root


def served(root: Path) -> Served:
    """The scripts under hashed names, which are all that a page can ask for."""
    names = [name for name in staticfiles_storage.hashed_files if name.endswith(".js")]
    files = {name: root / staticfiles_storage.stored_name(name) for name in names}
    texts = {name: file.read_text("utf-8") for name, file in files.items()}
    return Served(texts, {name: sent(file) for name, file in files.items()})


def sent(file: Path) -> int:
    """Of a file too small to be compressed: its own size."""
    compressed = file.with_name(f"{file.name}.gz")
    return (compressed if compressed.exists() else file).stat().st_size


def test_the_page_loads_one_file_and_the_sources_stay_available(collected: Path) -> None:
    own = [address for address in modules().preloads if address.startswith("/static/js/")]

    assert [collected / address.removeprefix("/static/") for address in own] == [
        collected / staticfiles_storage.stored_name("js/chat.js")
    ]
    assert "class ChatApp" in served(collected).texts["js/chat.js"]
    for path in SCRIPTS:
        assert (collected / path.relative_to(STATIC)).read_bytes() == path.read_bytes()


def test_no_comment_is_served(collected: Path) -> None:
    own = {name: text for name, text in served(collected).texts.items() if name.startswith("js/")}

    assert len(own) > 20
    assert [name for name, text in own.items() if "/**" in text] == []


def test_vendored_scripts_are_served_as_they_are(collected: Path) -> None:
    [name] = [path.relative_to(STATIC) for path in (STATIC / "vendor").glob("markdown-it-*/*.js")]

    copy = collected / staticfiles_storage.stored_name(str(name))
    assert copy.read_bytes() == (STATIC / name).read_bytes()


def test_every_definition_is_served_exactly_once(collected: Path) -> None:
    """A module with two copies would have two states, and its classes would not know each other's instances."""
    texts = [text for name, text in served(collected).texts.items() if name.startswith("js/")]

    assert defined(texts) == defined(jsmin(source) for source in SOURCES.values())
    assert defined(texts)["ChatMessage"] == 1


def defined(texts: Iterable[str]) -> Counter[str]:
    return Counter(name for text in texts for name in DEFINED.findall(text))


def test_the_scripts_keep_their_budgets(collected: Path) -> None:
    found = served(collected)

    assert breaches(found) == []
    # It is measured at all, and what is excepted is there.
    assert len(found.doors()) > 20
    assert 10_000 < found.sizes["js/chat.js"] <= FIRST_OWN
    assert 1_000 < found.sizes["js/palette/index.js"] <= DOOR
    assert {*SHARED, *ALONE} <= set(found.sizes)


# Hardly to be compressed.
HEAVY = f'export const heavy = "{base64.b64encode(random.Random(0).randbytes(DOOR)).decode()}";\n'
LIBRARY = "vendor/library-1.0/library.js"


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ({"js/palette/index.js": HEAVY}, "js/palette/index.js: "),
        ({"js/palette/palette_ranks.js": HEAVY}, "js/palette/index.js: "),
        ({"js/ui/listbox.js": HEAVY}, "js/composer/assistant_menu.js: "),
        ({"js/ui/clipboard.js": HEAVY}, "the first bundle: "),
        ({"js/feature/index.js": "export const feature = 1;\n"}, "js/feature/index.js: no import leads to it"),
        (
            {
                "js/ui/tree.js": "export const tree = 1;\n",
                "js/palette/index.js": 'import { tree } from "../ui/tree.js";\n',
                "js/app/sign_in.js": 'import { tree } from "../ui/tree.js";\n',
            },
            "js/ui/tree.js comes late, but is no door",
        ),
        ({LIBRARY: HEAVY}, f"{LIBRARY}: "),
        ({"js/app/sign_in.js": 'import("./sign_up.js");\n'}, "js/app/sign_up.js is asked for, but not served"),
    ],
)
def test_a_planted_violation_is_found(collected: Path, planted: dict[str, str], found: str) -> None:
    now = served(collected)
    texts = now.texts | lean(SOURCES | {name: text + SOURCES.get(name, "") for name, text in planted.items()})
    changed = {name: text for name, text in texts.items() if text != now.texts.get(name)}
    sizes = now.sizes | {name: len(compress(text.encode())) for name, text in changed.items()}

    assert len(changed) <= len(planted)
    assert [each for each in breaches(Served(texts, sizes)) if each.startswith(found)]


def test_a_vendored_script_may_exceed_the_initial_budget() -> None:
    texts = {"js/chat.js": 'import * as $v0 from "../vendor/library-1.0/library.js";\n', LIBRARY: ""}

    assert breaches(Served(texts, {"js/chat.js": 58_000, LIBRARY: 52_001})) == [
        "all that is there at first: 110001 of 110000 bytes"
    ]
