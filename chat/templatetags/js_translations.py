"""`{% js_translations %}`: translations for the page's module script, placed before it."""

from __future__ import annotations

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString

from chat.pages.js_translations import ELEMENT_ID, translations

register = template.Library()


@register.simple_tag
def js_translations() -> SafeString:
    found = translations()
    return json_script(found, ELEMENT_ID) if found else SafeString("")
