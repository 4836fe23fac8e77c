"""Imports only go downward, and siblings do not import each other (docs/how-a-message-flows.md, "Layers")."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

KERNEL, PORTS, DATA, CAPABILITIES, PROCESS, DOORS = range(6)

# The packages and files of `chat`. Add new ones here.
LAYERS = {
    KERNEL: ("light_event", "protocol", "rate_limit"),
    PORTS: ("providers", "streams"),
    DATA: ("migrations", "models"),
    CAPABILITIES: ("auth", "database", "mail", "metrics", "notices", "quotas", "search", "tools"),
    PROCESS: ("generation",),
    DOORS: (
        *("accounts", "admin", "api", "management", "middleware", "pages", "server", "socket", "templatetags"),
        *("apps", "checks", "urls"),
    ),
}
LAYER_OF = {name: layer for layer, names in LAYERS.items() for name in names}

# The files that may be outside a package, and why.
LOOSE = {
    "apps": "Django looks for it here",
    "checks": "of all packages; named in apps",
    "database": "how every other package asks the database",
    "light_event": "one class, of no package",
    "mail": "named in the settings",
    "metrics": "one registry, which every package adds to",
    "rate_limit": "one class, of no package",
    "urls": "Django looks for it here",
}

# Layers whose packages must not import each other, and the exceptions:
APART = (CAPABILITIES, DOORS)
MAY_KNOW = {
    "auth": ("database",),
    "quotas": ("auth",),
    "tools": ("database", "search"),
    # Pages embed the responses of their first API calls, made by the same functions.
    "pages": ("api",),
    "templatetags": ("pages",),
    "management": ("server",),
    "apps": ("checks",),
    "urls": ("accounts", "pages"),
}

TRANSPORTS = ("channels", "daphne", "twisted", "autobahn", "django.http", "django.views")
NEVER = {
    "chat.providers": ("django", "chat.streams"),
    # Deleting a vendor's folder removes the vendor.
    "chat.providers.anthropic": ("chat.providers.demo", "chat.providers.openai", "anthropic", "openai"),
    "chat.providers.openai": ("chat.providers.anthropic", "chat.providers.demo"),
    "chat.providers.http": ("chat.providers.anthropic", "chat.providers.demo", "chat.providers.openai", "openai"),
    "chat.streams": ("django", "chat.providers"),
    "chat.models": ("chat.providers", "chat.streams"),
    "chat.generation": TRANSPORTS,
}


def imported(source: str, module: str, *, is_package: bool) -> Iterator[str]:
    """Every module that the source imports, including inside functions. `from a import b` counts as `a.b`."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    found = []
    own, layer = part_of(module), layer_of(module)
    for name in imported(source, module, is_package=is_package):
        if is_within(name, "chat"):
            other = part_of(name)
            if layer_of(name) > layer:
                found.append(f"{module} (layer {layer}) imports {name} (layer {layer_of(name)})")
            elif layer_of(name) == layer in APART and own != other and other not in MAY_KNOW.get(own, ()):
                found.append(f"{module} imports {name}, and {own} may not know {other}")
        elif layer == KERNEL and name.split(".")[0] not in (*sys.stdlib_module_names, "msgspec"):
            found.append(
                f"{module} is of the kernel, which knows the standard library and msgspec, and imports {name}"
            )
        for part, banned in NEVER.items():
            if is_within(module, part) and any(is_within(name, each) for each in banned):
                found.append(f"{module} imports {name}, which {part} never does")
    return found


def part_of(module: str) -> str:
    """The package or file of `chat` that a module belongs to; empty for `chat` itself, which is empty."""
    return module.partition(".")[2].split(".")[0]


def layer_of(module: str) -> int:
    return LAYER_OF.get(part_of(module), KERNEL)


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "chat").rglob("*.py")):
        relative = path.relative_to(ROOT).with_suffix("")
        parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
        yield ".".join(parts), path


def without_a_place(paths: Iterable[str]) -> list[str]:
    """Modules in `chat` without a layer, or wrongly outside a package. `paths` are relative to `chat`."""
    found = []
    for path in paths:
        first, _, rest = path.partition("/")
        name = first.removesuffix(".py")
        if first == "__init__.py":
            continue
        if name not in LAYER_OF:
            found.append(f"chat/{first} has no layer")
        elif not rest and name not in LOOSE:
            found.append(f"chat/{first} belongs into a package")
    return found


def test_every_module_belongs_to_a_layer() -> None:
    paths = [path.relative_to(ROOT / "chat").as_posix() for _, path in modules()]
    assert without_a_place(paths) == []
    assert set(LAYER_OF) == {path.split("/")[0].removesuffix(".py") for path in paths} - {"__init__"}
    assert all(f"{name}.py" in paths for name in LOOSE)


def test_imports_only_go_to_lower_layers() -> None:
    found = [
        each
        for module, path in modules()
        for each in violations(path.read_text("utf-8"), module, is_package=path.name == "__init__.py")
    ]
    assert found == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("chat.protocol.events", "from chat.models import Message"),
        ("chat.protocol.events", "import django"),
        ("chat.providers.openai.chat", "from django.conf import settings"),
        ("chat.providers.openai.chat", "from chat import streams"),
        ("chat.providers.anthropic.provider", "from chat.providers.openai import chunks"),
        ("chat.providers.http.errors", "import openai"),
        ("chat.streams.memory", "def f():\n    import django.db"),
        ("chat.streams.memory", "from chat.generation.engine import engine"),
        ("chat.models.message", "from chat.providers.base import Provider"),
        ("chat.models.message", "from ..generation import engine"),
        ("chat.rate_limit", "from chat import socket"),
        ("chat.generation.runner", "from chat.socket.consumer import ChatConsumer"),
        ("chat.generation.runner", "from channels.layers import get_channel_layer"),
        ("chat.generation.runner", "from django.http import HttpResponse"),
        # Sideways.
        ("chat.socket.consumer", "from chat.api.responses import respond"),
        ("chat.api.runs", "from ..socket import window"),
        ("chat.api.streams.run_stream", "def f():\n    from chat.pages import chat"),
        ("chat.search.hits", "from chat import quotas"),
        ("chat.search.hits", "from chat.tools.registry import Registry"),
        ("chat.tools.registry", "from chat.notices import channel"),
        ("chat.tools.registry", "from chat.generation import engine"),
        ("chat.auth.credentials", "from chat.quotas.quotas import quotas"),
        ("chat.urls", "from chat.socket import consumer"),
    ],
)
def test_a_planted_violation_is_found(module: str, source: str) -> None:
    assert violations(source, module)


@pytest.mark.parametrize("path", ["helpers.py", "mailing/smtp.py", "auth.py", "pages.py"])
def test_a_planted_loose_file_or_unknown_package_is_found(path: str) -> None:
    assert without_a_place(["models/message.py", path, "urls.py"])


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("chat.protocol.events", "import json"),
        ("chat.protocol.sse", "from chat.protocol.events import Event"),
        ("chat.socket.consumer", "from chat.generation.engine import engine\nfrom chat.protocol import events"),
        ("chat.generation.runner", "from .run import Run\nfrom chat import models"),
        ("chat.providers.openai.chat", "import openai\nfrom chat.providers import base"),
        ("chat.pages.preloaded", "from chat.api.serializers import conversation_object"),
    ],
)
def test_allowed_imports_are_not_reported(module: str, source: str) -> None:
    assert violations(source, module) == []
