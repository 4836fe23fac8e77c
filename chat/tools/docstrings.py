"""What a docstring says to the model."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from typing import Final

# "name: text" or "name (int, optional): text"; Google's style.
_PARAMETER: Final = re.compile(r"(?P<indent>\s+)\*{0,2}(?P<name>\w+)\s*(\([^)]*\))?:\s*(?P<text>.*)")
_ARGS: Final = re.compile(r"(args|arguments|parameters):\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Docstring:
    """`description`: the first paragraph, on one line. `parameters`: the lines below "Args:", by name."""

    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> Docstring:
        clean = inspect.cleandoc(text or "")
        first = clean.partition("\n\n")[0]
        description = "" if _ARGS.match(first) else " ".join(first.split())
        return cls(description, _parameters(clean.splitlines()))


def _parameters(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    begin = next((number for number, line in enumerate(lines) if _ARGS.fullmatch(line)), len(lines))
    indent, pieces = "", []
    for line in lines[begin + 1 :]:
        if line.strip() and not line[0].isspace():
            break
        match = _PARAMETER.fullmatch(line)
        if match and (not indent or match["indent"] == indent):
            indent = match["indent"]
            pieces = found[match["name"]] = [match["text"]]
        else:
            pieces.append(line)
    return {name: " ".join(" ".join(each).split()) for name, each in found.items()}
