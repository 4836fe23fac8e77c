"""Every address of the site. They are read from the URLconf, because a list kept by hand may miss one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Route:
    """`pattern` is the address as written in the URLconf, including the prefixes of its resolvers."""

    pattern: str
    callback: Any

    def path(self, values: Mapping[str, str]) -> str:
        """A concrete address. Raises KeyError for a parameter that has no value."""
        path = self.pattern.replace("^", "").replace("$", "")
        for name, written in _parameters(path):
            path = path.replace(written, values[name])
        return f"/{path}"


def routes() -> list[Route]:
    return list(_walk(get_resolver(), ""))


def _walk(resolver: URLResolver, prefix: str) -> Iterator[Route]:
    for each in resolver.url_patterns:
        pattern = prefix + str(each.pattern)
        if isinstance(each, URLPattern):
            yield Route(pattern, each.callback)
        else:
            yield from _walk(each, pattern)


def _parameters(path: str) -> Iterator[tuple[str, str]]:
    """The name of each parameter, and how it is written: `<uuid:run_id>`, or `(?P<key>.+)`."""
    position = 0
    while (begin := path.find("<", position)) != -1:
        end = path.index(">", begin)
        if path[max(0, begin - 3) : begin] == "(?P":
            begin, name = begin - 3, path[begin + 1 : end]
            end = path.index(")", end)
        else:
            name = path[begin + 1 : end].rpartition(":")[2]
        yield name, path[begin : end + 1]
        position = end
