"""`{{ text|prose }}`: text between backticks becomes code; blank lines separate paragraphs."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def prose(text: str) -> SafeString:
    return format_html_join("\n", "<p>{}</p>", ((words(each),) for each in text.split("\n\n")))


@register.filter
def words(text: str) -> SafeString:
    """One paragraph, without the `<p>` element."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>" if index % 2 else "{}", part),) for index, part in parts)
    )
