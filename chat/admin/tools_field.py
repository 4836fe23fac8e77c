"""The tools of an assistant: each is off, asks a person before each call, or is used without asking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.generation.toolbox import ALLOW, ASK, MODES
from chat.tools import bootstrap
from chat.tools.base import Tool

CHOICES = (("", _("Off")), (ASK, _("Ask before each call")), (ALLOW, _("Use without asking")))


class ToolModes(forms.Widget):
    """A menu for each tool. The name of each is that of the field, a dot and the tool's key."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.tools: list[tuple[str, str]] = []

    def id_for_label(self, id_: str) -> str:
        """No single control is the field's."""
        return ""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> dict[str, str]:
        prefix = f"{name}."
        return {field.removeprefix(prefix): data[field] for field in data if field.startswith(prefix) and data[field]}

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return False

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        modes = value if isinstance(value, Mapping) else {}
        menu = forms.Select(choices=CHOICES)
        rows = (
            (f"id_{name}.{key}", label, menu.render(f"{name}.{key}", modes.get(key, ""), {"id": f"id_{name}.{key}"}))
            for key, label in self.tools
        )
        return format_html_join("", '<p class="tool-mode"><label for="{}">{}</label> {}</p>', rows)


class ToolsField(forms.Field):
    """The modes of the tools that are on, by key. A tool that is missing at the moment stays."""

    widget: ToolModes

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False,
            widget=ToolModes,
            label=_("Tools"),
            help_text=_("If a tool asks, the person sees what it would do, and allows or denies it."),
            **options,
        )

    def offer(self, chosen: Iterable[str]) -> None:
        """Show all tools, and the chosen ones that are missing."""
        self.widget.tools = list(_labels(chosen))

    def clean(self, value: Any) -> dict[str, str]:
        """By key, as the model stores them."""
        known = {key for key, _label in self.widget.tools}
        for key, mode in value.items():
            if key not in known:
                raise ValidationError(gettext("There is no tool %(tool)s.") % {"tool": key})
            if mode not in MODES:
                raise ValidationError(gettext("%(mode)s is not one of the choices.") % {"mode": mode})
        return dict(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(dict(initial or {}) != data)


def _labels(chosen: Iterable[str]) -> Iterator[tuple[str, str]]:
    registry = bootstrap.registry()
    for tool in registry:
        yield tool.key, _label(tool)
    for key in chosen:
        if registry.get(key) is None:
            yield key, gettext("%(tool)s (not available at the moment)") % {"tool": key}


def _label(tool: Tool) -> SafeString:
    warning = f" {gettext('It changes or sends something.')}" if tool.side_effects else ""
    summary = tool.description.partition("\n")[0]
    return format_html('{} <span class="help">{}{}</span>', gettext(tool.title), summary, warning)
