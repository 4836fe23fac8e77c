"""Translations for the page's scripts: their own texts and the server's sentences, as data for static/js/i18n.js."""

from __future__ import annotations

from functools import lru_cache
from typing import TypedDict

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation.trans_real import DjangoTranslation
from django.views.i18n import JavaScriptCatalog

from chat.pages.server_texts import server_words

ELEMENT_ID = "translations"


class Translations(TypedDict):
    """`messages`: translations by their English texts; a list of all forms where there are plural forms."""

    language: str
    messages: dict[str, str | list[str]]


def translations() -> Translations | None:
    """The translations into the request's language. None for English, the source language."""
    language = get_language() or settings.LANGUAGE_CODE
    if language.split("-")[0] == "en":
        return None
    scripts = _translations(language, tuple(map(str, settings.LOCALE_PATHS)))
    return {"language": language, "messages": {**server_words(language), **scripts["messages"]}}


@lru_cache
def _translations(language: str, folders: tuple[str, ...]) -> Translations:
    view = JavaScriptCatalog()
    view.translation = DjangoTranslation(language, domain="djangojs", localedirs=list(folders))
    return {"language": language, "messages": view.get_catalog()}
