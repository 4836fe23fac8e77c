"""Each module is in one bundle, which is there before any module that needs it."""

from __future__ import annotations

from itertools import permutations

import pytest

from chatsite.module_graph import CannotBundle, ModuleGraph

ENTRY = "js/chat.js"


def sources(**imports: str) -> dict[str, str]:
    """`chat="a b +door"`: it imports a and b, and asks for door later."""
    return {f"js/{name}.js": "".join(map(_line, found.split())) for name, found in imports.items()}


def _line(name: str) -> str:
    if name.startswith("+"):
        return f'import("./{name[1:]}.js");\n'
    return f'import {{ {name} }} from "./{name}.js";\n'


def homes(**imports: str) -> dict[str, str]:
    found = ModuleGraph(sources(**imports), ENTRY).homes
    return {_short(name): _short(home) for name, home in found.items()}


def _short(name: str) -> str:
    return name.removeprefix("js/").removesuffix(".js")


def test_a_module_imported_by_one_door_is_in_its_bundle() -> None:
    found = homes(chat="early +door", early="", door="inner early", inner="deep", deep="early")

    assert found == {"early": "chat", "chat": "chat", "deep": "door", "inner": "door", "door": "door"}


def test_a_module_shared_by_two_doors_gets_its_own_bundle() -> None:
    found = homes(chat="+left +right", left="shared", right="shared", shared="below", below="")

    assert found["shared"] == "shared"
    assert found["below"] == "shared"


def test_a_module_shared_with_an_imported_door_is_in_its_bundle() -> None:
    found = homes(chat="+low +high", low="shared", high="low shared own", shared="", own="")

    assert found["shared"] == "low"
    assert found["own"] == "high"


def test_a_door_behind_a_door_is_a_door() -> None:
    graph = ModuleGraph(sources(chat="+door", door="+second", second="inner", inner=""), ENTRY)

    assert graph.doors == {"js/door.js", "js/second.js"}
    assert graph.homes["js/inner.js"] == "js/second.js"


def test_unreachable_modules_have_no_bundle() -> None:
    assert "worker" not in homes(chat="early", early="", worker="early")


@pytest.mark.parametrize("order", list(permutations(["+a", "+b", "+c"])))
def test_bundles_have_no_circular_imports(order: tuple[str, ...]) -> None:
    graph = ModuleGraph(sources(chat=" ".join(order), a="x b", b="y x", c="y z a", x="z w", y="w", z="w", w=""), ENTRY)
    needs: dict[str, set[str]] = {}
    for name, home in graph.homes.items():
        needs.setdefault(home, set()).update(graph.homes[each] for each in graph.imports(name))

    done: set[str] = set()
    while free := {home for home, others in needs.items() if home not in done and others - {home} <= done}:
        done |= free
    assert done == set(needs)


def test_a_circular_import_is_refused() -> None:
    with pytest.raises(CannotBundle, match=r"imports itself: js/chat"):
        ModuleGraph(sources(chat="a", a="b", b="a"), ENTRY)


def test_a_dynamic_import_of_an_initial_module_is_refused() -> None:
    with pytest.raises(CannotBundle, match=r"from the beginning: js/door\.js"):
        ModuleGraph(sources(chat="early +door", early="door", door=""), ENTRY)


@pytest.mark.parametrize("address", ["name", "`./${name}.js`", '"./" + name', '"./door.js?v=1" + name', '"other"'])
def test_an_import_of_a_computed_or_unknown_address_is_refused(address: str) -> None:
    with pytest.raises(CannotBundle, match="only the browser knows"):
        ModuleGraph({ENTRY: f"import({address});\n", "js/door.js": ""}, ENTRY)


def test_types_and_private_methods_are_not_imports() -> None:
    text = '/** @type {typeof import("./door.js")} */\nthis.#import();\n// import(name)\n'

    assert ModuleGraph({ENTRY: text, "js/door.js": ""}, ENTRY).doors == set()
