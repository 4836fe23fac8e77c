"""The tools of an assistant, as checkboxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.generation.toolbox import ALLOW, is_offered
from chat.tools import bootstrap
from chat.tools.base import Tool


class ToolsField(forms.MultipleChoiceField):
    """The tools that are allowed, by key. Those that are missing at the moment stay, unless someone unticks them."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False,
            label=_("Tools"),
            help_text=_("What the model may use by itself, without asking first."),
            **options,
        )

    def offer(self, chosen: Iterable[str]) -> None:
        """Show all tools, and the chosen ones that are missing."""
        self.choices = list(_choices(chosen))

    def prepare_value(self, value: Any) -> Any:
        return list(value) if isinstance(value, Mapping) else value

    def clean(self, value: Any) -> Any:
        """By key, as the model stores them."""
        return dict.fromkeys(super().clean(value), ALLOW)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(list(initial or ()), data)


def _choices(chosen: Iterable[str]) -> Iterator[tuple[str, str]]:
    registry = bootstrap.registry()
    for tool in registry:
        if is_offered(tool):
            yield tool.key, _label(tool)
    for key in chosen:
        known = registry.get(key)
        if known is None or not is_offered(known):
            yield key, gettext("%(tool)s (not available at the moment)") % {"tool": key}


def _label(tool: Tool) -> SafeString:
    warning = f" {gettext('It changes or sends something.')}" if tool.side_effects else ""
    summary = tool.description.partition("\n")[0]
    return format_html('{} <span class="help">{}{}</span>', gettext(tool.title), summary, warning)
