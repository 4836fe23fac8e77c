"""Bundling many modules into one file does not change what they do."""

from __future__ import annotations

import pytest

from chatsite.bundle import Bundle, CannotBundle

ENTRY = "js/chat.js"
SOURCES = {
    ENTRY: 'import { twice as double, VERSION } from "./lib/math.js";\nimport Parser from "../vendor/parser.js";\n'
    'import {\n  Greeting,\n} from "./greeting.js";\n\nshow(double(21), VERSION, new Greeting().text, Parser.name);\n'
    'import("./late.js").then(({ seen }) => show(seen));\n',
    "js/lib/math.js": "/** @typedef {import('./types.js').T} T */\nexport const VERSION = 3;\n"
    "/** Doubles. */\nexport function twice(n) {\n  return n * 2;\n}\n",
    "js/greeting.js": 'import { VERSION } from "./lib/math.js";\n\nexport class Greeting {\n'
    "  text = `hello ${VERSION}`;\n}\nexport async function greet() {}\n",
    "js/late.js": 'import { Greeting } from "./greeting.js";\n\nexport const seen = Greeting instanceof Function;\n',
    "js/unused.js": 'import { twice } from "./lib/math.js";\n\nexport const four = twice(2);\n',
}


def test_it_holds_what_the_entry_imports_and_nothing_else() -> None:
    bundle = Bundle(SOURCES, ENTRY)

    assert "Doubles" in bundle.body
    assert "instanceof" not in bundle.body
    assert "four" not in bundle.body
    assert bundle.head == 'import * as $v0 from "../vendor/parser.js";\n'


def test_a_module_runs_once_before_those_that_import_it_and_under_the_names_they_gave() -> None:
    body = Bundle(SOURCES, ENTRY).body

    assert body.index("const VERSION = 3") < body.index("class Greeting") < body.index("show(double(21)")
    assert body.count("const VERSION = 3") == 1
    assert "const { twice: double, VERSION } = $m0;" in body
    assert "const Parser = $v0.default;" in body


def test_a_module_that_comes_later_gets_the_same_objects() -> None:
    bundle = Bundle(SOURCES, ENTRY)

    assert bundle.served("js/greeting.js") == (
        'import { $all } from "./chat.js";\nexport const { Greeting, greet } = $all["js/greeting.js"];\n'
    )
    assert bundle.served("js/lib/math.js") is not None  # in case js/unused.js is needed
    assert bundle.served("js/late.js") is None


def test_what_a_module_passes_on_is_what_it_was() -> None:
    sources = {
        ENTRY: 'import { Greeting, twice, own } from "./door/index.js";\n\nshow(own, twice(2), Greeting);\n',
        "js/door/index.js": 'import { seen } from "./seen.js";\n\nexport { Greeting } from "./greeting.js";\n'
        'export { VERSION, twice } from "./math.js";\n\nexport const own = seen;\n',
        "js/door/greeting.js": "export class Greeting {}\n",
        "js/door/seen.js": "export const seen = 1;\n",
        "js/door/math.js": "export const VERSION = 3;\nexport const twice = (n) => 2 * n;\n",
        "js/late.js": 'export { twice } from "./door/index.js";\n',
    }
    bundle = Bundle(sources, ENTRY)

    assert bundle.body.count("class Greeting") == 1
    assert "return { own, Greeting, VERSION, twice };" in bundle.body
    assert bundle.served("js/door/index.js") == (
        'import { $all } from "../chat.js";\n'
        'export const { own, Greeting, VERSION, twice } = $all["js/door/index.js"];\n'
    )


def test_what_is_imported_later_is_found_from_the_bundle_s_own_place() -> None:
    sources = {
        ENTRY: 'import { load } from "./deep/er/lazy.js";\n\nload();\n',
        "js/deep/er/lazy.js": "export const load = (name) => import(`../../../vendor/languages/${name}.js`);\n",
    }
    assert "import(`../vendor/languages/${name}.js`)" in Bundle(sources, ENTRY).body


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
        "const here = import.meta.url;\n",
    ],
)
def test_a_form_that_it_does_not_know_is_refused(source: str) -> None:
    with pytest.raises(CannotBundle):
        Bundle({ENTRY: source, "js/x.js": ""}, ENTRY)


def test_a_circle_is_refused() -> None:
    sources = {
        ENTRY: 'import { a } from "./a.js";\n\na();\n',
        "js/a.js": 'import { b } from "./b.js";\n\nexport const a = b;\n',
        "js/b.js": 'import { a } from "./a.js";\n\nexport const b = a;\n',
    }
    with pytest.raises(CannotBundle, match="imports itself: js/chat"):
        Bundle(sources, ENTRY)
