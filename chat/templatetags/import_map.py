"""`{% import_map %}`, `{% module_preloads %}`, then the page's module script: in this order.

See chat/pages/import_map.py.
"""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from chat.pages.import_map import modules

register = template.Library()


@register.simple_tag
def import_map() -> SafeString:
    text = modules().import_map
    # Script elements do not unescape entities; the text is JSON of our own file names, without any "<".
    return format_html('<script type="importmap">{}</script>', mark_safe(text)) if text else SafeString("")  # noqa: S308


@register.simple_tag
def module_preloads() -> SafeString:
    addresses = ((address,) for address in modules().preloads)
    return format_html_join("\n", '<link rel="modulepreload" href="{}">', addresses)
