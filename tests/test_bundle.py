"""Bundling many modules into one file does not change what they do."""

from __future__ import annotations

import pytest

from chatsite.bundle import bundles
from chatsite.module_graph import CannotBundle

ENTRY = "js/chat.js"
SOURCES = {
    ENTRY: 'import { twice as double, VERSION } from "./lib/math.js";\nimport Parser from "../vendor/parser.js";\n'
    'import {\n  Greeting,\n} from "./greeting.js";\n\nshow(double(21), VERSION, new Greeting().text, Parser.name);\n'
    'import("./door/index.js").then(({ seen }) => show(seen));\n',
    "js/lib/math.js": "/** @typedef {import('./types.js').T} T */\nexport const VERSION = 3;\n"
    "/** Doubles. */\nexport function twice(n) {\n  return n * 2;\n}\n",
    "js/greeting.js": 'import { VERSION } from "./lib/math.js";\n\nexport class Greeting {\n'
    "  text = `hello ${VERSION}`;\n}\nexport async function greet() {}\n",
    "js/door/index.js": 'export { seen } from "./seen.js";\n\nexport function name() {}\n',
    "js/door/seen.js": 'import { Greeting } from "../greeting.js";\nimport Formula from "../../vendor/formula.js";\n\n'
    "export const seen = [Greeting, Formula, name];\n",
    "js/unused.js": 'import { twice } from "./lib/math.js";\n\nexport const four = twice(2);\n',
}
DOOR = "js/door/index.js"


def test_a_bundle_holds_only_the_imports_of_its_entry() -> None:
    bundle = bundles(SOURCES, ENTRY)[ENTRY]

    assert "Doubles" in bundle.body
    assert "Formula" not in bundle.body
    assert "four" not in bundle.body
    assert bundle.head == 'import * as $v0 from "../vendor/parser.js";\n'


def test_a_module_runs_once_before_its_importers_under_their_names() -> None:
    body = bundles(SOURCES, ENTRY)[ENTRY].body

    assert body.index("const VERSION = 3") < body.index("class Greeting") < body.index("show(double(21)")
    assert body.count("const VERSION = 3") == 1
    assert "const { twice: double, VERSION } = $m0;" in body
    assert "const Parser = $v0.default;" in body


def test_a_door_gets_the_objects_of_the_first_bundle() -> None:
    first, door = bundles(SOURCES, ENTRY).values()

    assert door.head == 'import * as $v0 from "../chat.js";\nimport * as $v1 from "../../vendor/formula.js";\n'
    assert 'const { Greeting } = $v0.$all["js/greeting.js"];' in door.body
    assert "class Greeting" not in door.body
    assert 'export const $all = {"js/greeting.js": $m1};' in first.body


def test_a_door_keeps_its_exports_and_shadows_no_globals() -> None:
    door = bundles(SOURCES, ENTRY)[DOOR]

    assert list(door.members) == ["js/door/seen.js", DOOR]
    assert "const { name: $e0, seen: $e1 } = $m1;\nexport { $e0 as name, $e1 as seen };\n" in door.body
    assert "$all =" not in door.body


def test_a_door_imported_by_another_door_is_a_separate_file() -> None:
    sources = SOURCES | {
        ENTRY: 'import("./first.js");\nimport("./second.js");\n',
        "js/first.js": "export const one = 1;\n",
        "js/second.js": 'import { one } from "./first.js";\n\nexport const two = 2 * one;\n',
    }
    made = bundles(sources, ENTRY)

    assert list(made["js/second.js"].members) == ["js/second.js"]
    assert 'const { one } = $v0.$all["js/first.js"];' in made["js/second.js"].body
    assert 'export const $all = {"js/first.js": $m0};' in made["js/first.js"].body
    assert "$all" not in made[ENTRY].body


def test_reexports_keep_their_values() -> None:
    sources = {
        ENTRY: 'import { Greeting, twice, own } from "./door/index.js";\n\nshow(own, twice(2), Greeting);\n'
        'import("./late.js");\n',
        "js/door/index.js": 'import { seen } from "./seen.js";\n\nexport { Greeting } from "./greeting.js";\n'
        'export { VERSION, twice } from "./math.js";\n\nexport const own = seen;\n',
        "js/door/greeting.js": "export class Greeting {}\n",
        "js/door/seen.js": "export const seen = 1;\n",
        "js/door/math.js": "export const VERSION = 3;\nexport const twice = (n) => 2 * n;\n",
        "js/late.js": 'export { twice } from "./door/index.js";\n',
    }
    first, late = bundles(sources, ENTRY).values()

    assert first.body.count("class Greeting") == 1
    assert "return { own, Greeting, VERSION, twice };" in first.body
    assert 'const { twice } = $v0.$all["js/door/index.js"];' in late.body
    assert "export { $e0 as twice };" in late.body


def test_dynamic_imports_are_resolved_relative_to_the_bundle() -> None:
    sources = {
        ENTRY: 'import { load } from "./deep/er/lazy.js";\n\nload();\n',
        "js/deep/er/lazy.js": 'export const load = () => import("../../../vendor/formula.js");\n'
        "export const other = () => import('../door.js');\n",
        "js/deep/door.js": "export const seen = 1;\n",
    }
    body = bundles(sources, ENTRY)[ENTRY].body

    assert 'import("../vendor/formula.js")' in body
    assert 'import("./deep/door.js")' in body


def test_import_meta_is_only_allowed_in_the_folder_of_the_bundle() -> None:
    here = 'export const here = () => import.meta.resolve("./worker.js");\n'
    sources = {
        ENTRY: 'import("./door/index.js");\n',
        DOOR: 'import { here } from "./here.js";\n\nhere();\n',
        "js/door/here.js": here,
    }
    assert 'import.meta.resolve("./worker.js")' in bundles(sources, ENTRY)[DOOR].body

    elsewhere = {DOOR: 'import { here } from "../here.js";\n\nhere();\n', "js/here.js": here}
    with pytest.raises(CannotBundle, match=r"js/here\.js: import\.meta"):
        bundles({**sources, **elsewhere}, ENTRY)


@pytest.mark.parametrize(
    "source",
    [
        'import * as all from "./x.js";\n',
        'import "./x.js";\n',
        'export * from "./x.js";\n',
        "export default 1;\n",
        "export let x = 1;\n",
        "export { x };\n",
        'export { x as y } from "./x.js";\n',
        "export const { x } = y;\n",
        "await ready;\n",
    ],
)
def test_unsupported_syntax_is_refused(source: str) -> None:
    with pytest.raises(CannotBundle):
        bundles({ENTRY: source, "js/x.js": ""}, ENTRY)
