"""Conventions of the style sheets: layers, colours named by meaning, logical directions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CSS = ROOT / "static" / "css"
# Django's admin has its own system and variables.
SHEETS = [path for path in sorted(CSS.rglob("*.css")) if not path.name.startswith("admin")]
COMPONENTS = [path for path in SHEETS if path.parent.name == "components"]
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
DECLARATION = re.compile(r"^\s*([\w-]+):\s*([^;{}]+);", re.MULTILINE)
PHYSICAL = re.compile(
    r"^(margin|padding|border|scroll-margin|scroll-padding)-(left|right|top|bottom)\b|"
    r"^(left|right|top|bottom|width|height|(min|max)-(width|height))$|"
    r"^border-(top|bottom)-(left|right)-radius$"
)
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(rgb|hsl|oklch|lab)a?\(")
FOUR_SIDES = {"margin", "padding", "inset", "border-width", "border-color", "border-style"}
# With `:has`, the browser would search all messages whenever a word is added to one.
SEARCH = re.compile(r"\.((?:app|transcript|message|markdown)[\w-]*)(?:\[[^\]]*\]|:not\([^()]*\))*:has\((?!\s*[>+~])")
LINES = 220

each_sheet = pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
each_component = pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.name)


def declarations(path: Path) -> list[tuple[str, str]]:
    return DECLARATION.findall(COMMENT.sub("", path.read_text("utf-8")))


def is_one_sided(name: str, value: str) -> bool:
    """Such as `inset: 0 auto 0 0`: left and right differ, and would not swap in right-to-left text."""
    sides = re.sub(r"\([^()]*(\([^()]*\)[^()]*)*\)", "", value).split()
    return name in FOUR_SIDES and len(sides) == 4 and sides[1] != sides[3]


def test_there_are_style_sheets() -> None:
    assert {"tokens.css", "base.css", "print.css"} <= {path.name for path in SHEETS}
    assert len(COMPONENTS) > 10


@each_sheet
def test_each_file_is_in_a_layer_and_short(path: Path) -> None:
    text = COMMENT.sub("", path.read_text("utf-8")).strip()

    assert re.match(r"@layer (reset|base|components|utilities)\b", text)
    assert text.endswith("}")
    assert len(text.splitlines()) < LINES


@each_sheet
def test_each_file_uses_logical_properties(path: Path) -> None:
    found = [
        f"{name}: {value}" for name, value in declarations(path) if PHYSICAL.search(name) or is_one_sided(name, value)
    ]
    assert found == []


@each_component
def test_each_file_uses_colour_variables_only(path: Path) -> None:
    assert [f"{name}: {value}" for name, value in declarations(path) if COLOUR.search(value)] == []


@each_component
def test_each_variable_is_defined(path: Path) -> None:
    own = {name for name, _ in declarations(path)}
    known = own | {name for name, _ in declarations(CSS / "tokens.css")}
    used = set(re.findall(r"var\((--[\w-]+)\)", path.read_text("utf-8")))

    assert used - known == set()


@each_component
def test_message_containers_do_not_use_has_selectors(path: Path) -> None:
    assert SEARCH.findall(COMMENT.sub("", path.read_text("utf-8"))) == []


def test_a_has_selector_is_detected() -> None:
    assert SEARCH.findall(".app:has(.welcome:not([hidden])) .dock") == ["app"]
    assert SEARCH.findall(".message[data-settled]:has(pre)") == ["message"]
    assert not SEARCH.findall(".app__main:has(> .welcome) .transcript, .markdown .code-block:has(.code-wrap)")


def test_a_physical_side_is_detected() -> None:
    assert is_one_sided("inset", "0 auto 0 0")
    assert not is_one_sided("padding", "0 var(--gutter) max(1rem, env(safe-area-inset-bottom))")
    assert is_one_sided("padding", "0 calc(1rem + 2px) 0 max(1rem, 2rem)")
    assert PHYSICAL.search("margin-left")
    assert PHYSICAL.search("max-width")
    assert not PHYSICAL.search("border-inline-start")
