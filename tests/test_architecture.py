"""Imports go only downward, and some not at all (docs/how-a-message-flows.md, "Layers")."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

KERNEL, PORTS, DATA, CAPABILITIES, PROCESS, INTERFACES = range(6)

LAYERS = {
    KERNEL: (
        "protocol",
        "light_event",
        "rate_limit",
        "answer_headers",
        "close_codes",
        "events",
        "flag",
        "limits",
        "networks",
        "refusals",
        "sse",
        "wire",
    ),
    PORTS: ("providers", "streams"),
    DATA: ("migrations", "models"),
    CAPABILITIES: (
        *("auth", "database", "documents", "first_run", "mail", "metrics", "notice_layer", "notices", "origins"),
        *("quotas", "search", "sign_in_watch", "sign_ins", "tools"),
    ),
    PROCESS: ("generation",),
    INTERFACES: (
        *("consumers", "followers", "socket_requests", "socket_writer", "window"),
        *("api", "views", "pages", "socket", "middleware", "admin", "management", "server"),
        *(
            "accounts",
            "account_forms",
            "account_limits",
            "account_urls",
            "own_account",
            "browser_policy",
            "middleware",
            "templatetags",
            "apps",
            "checks",
            "urls",
            "client",
        ),
    ),
}
LAYER_OF = {name: layer for layer, names in LAYERS.items() for name in names}

TRANSPORTS = ("channels", "daphne", "twisted", "autobahn", "django.http", "django.views")
NEVER = {
    "chat.providers": ("django", "chat.streams"),
    "chat.streams": ("django", "chat.providers"),
    "chat.models": ("chat.providers", "chat.streams"),
    "chat.generation": TRANSPORTS,
    "chat.client": ("django", "chat.models", "chat.generation"),
}


def imported(source: str, module: str, *, is_package: bool) -> Iterator[str]:
    """Every module that the source imports, also inside functions. `from a import b` counts as `a.b`."""
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
    own = layer(module)
    for name in imported(source, module, is_package=is_package):
        if is_within(name, "chat") and layer(name) > own:
            found.append(f"{module} (layer {own}) imports {name} (layer {layer(name)})")
        if own == KERNEL and not is_within(name, "chat") and name.split(".")[0] not in sys.stdlib_module_names:
            found.append(f"{module} is of the kernel and imports {name}, which is not of the standard library")
        for part, banned in NEVER.items():
            if is_within(module, part) and any(is_within(name, each) for each in banned):
                found.append(f"{module} imports {name}, which {part} never does")
    return found


def layer(module: str) -> int:
    """Of a module of `chat`; of `chat` itself, which holds nothing: the lowest."""
    _, _, rest = module.partition(".")
    return LAYER_OF[rest.split(".")[0]] if rest else KERNEL


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "chat").rglob("*.py")):
        relative = path.relative_to(ROOT).with_suffix("")
        parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
        yield ".".join(parts), path


def test_every_module_has_a_layer() -> None:
    names = {module.split(".")[1] for module, _ in modules() if "." in module}
    assert names <= set(LAYER_OF), f"give {sorted(names - set(LAYER_OF))} a layer"


def test_imports_go_only_downward() -> None:
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
        ("chat.protocol.events", "import msgspec"),
        ("chat.providers.openai.chat", "from django.conf import settings"),
        ("chat.providers.openai.chat", "from chat import streams"),
        ("chat.streams.memory", "def f():\n    import django.db"),
        ("chat.streams.memory", "from chat.generation.engine import engine"),
        ("chat.models.message", "from chat.providers.base import Provider"),
        ("chat.models.message", "from ..generation import engine"),
        ("chat.rate_limit", "from chat import consumers"),
        ("chat.generation.runner", "from chat.socket.consumer import ChatConsumer"),
        ("chat.generation.runner", "from channels.layers import get_channel_layer"),
        ("chat.generation.runner", "from django.http import HttpResponse"),
        ("chat.client.session", "if True:\n    import django"),
    ],
)
def test_a_planted_violation_is_found(module: str, source: str) -> None:
    assert violations(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("chat.protocol.events", "import json"),
        ("chat.socket.consumer", "from chat.generation.engine import engine\nfrom chat import events"),
        ("chat.generation.runner", "from .run import Run\nfrom chat import models"),
        ("chat.providers.openai.chat", "import openai\nfrom chat.providers import base"),
    ],
)
def test_what_is_allowed_is_not_reported(module: str, source: str) -> None:
    assert violations(source, module) == []
