"""Every interface text is translated into every language, and the compiled catalogs are up to date."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
KEYWORDS = {
    **dict.fromkeys(["gettext", "gettext_lazy", "gettext_noop", "_"]),
    **dict.fromkeys(["ngettext", "ngettext_lazy"], (1, 2)),
    **dict.fromkeys(["pgettext", "pgettext_lazy"], ((1, "c"), 2)),
}
PLACES = re.compile(r"%\(\w+\)\w|%[sd]|</?\w+>")
STRING = r"u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
TEMPLATE_CALL = re.compile(rf"\b\w*gettext\((?:{STRING}|\w+|,\s*)+\)")
# A call in a script, and the first character of its argument.
SCRIPT_CALL = re.compile(r"(?<!function )\bn?gettext\(\s*(.)")
# The parts of a template that people do not read, or that are the same in every language.
NO_TEXT = re.compile(
    r"{% blocktrans.*?{% endblocktrans\w* %}|{%.*?%}|{{.*?}}|{#.*?#}"
    r"|<(code|kbd|svg)\b.*?</\1>|Chatsite|entrance__[\w-]+",
    re.DOTALL,
)
ATTRIBUTE = re.compile(r'\b(?:aria-label|title|placeholder|alt|content)="([^"]*)"')

Text = str | tuple[str, ...]


def texts_of_python(source: str) -> Iterator[Text]:
    for _, found, _, _ in extract("python", io.BytesIO(source.encode()), KEYWORDS):
        yield found


def texts_of_a_template(source: str) -> Iterator[Text]:
    """Django turns the tags of a template into Python calls, between Xs."""
    for call in TEMPLATE_CALL.findall(templatize(source)):
        yield from texts_of_python(call)


def texts_of_a_script(source: str) -> Iterator[Text]:
    options = {"parse_template_string": True}
    for _, found, _, _ in extract("javascript", io.BytesIO(source.encode()), KEYWORDS, options=options):
        yield found


def words_of_a_template(source: str) -> list[str]:
    """The words that are always English."""
    own = NO_TEXT.sub("", source)
    texts = [*ATTRIBUTE.findall(re.sub(r'<meta name="(?!description)[^>]*>', "", own)), *re.split("<[^>]*>", own)]
    return [text.strip() for text in texts if re.search("[A-Za-z]{2}", text)]


def files(*patterns: str) -> list[Path]:
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    assert found
    return found


def texts(domain: str) -> set[Text]:
    if domain == "djangojs":
        return {text for path in files("static/js/**/*.js") for text in texts_of_a_script(path.read_text("utf-8"))}
    templates = files("templates/**/*.html", "templates/**/*.txt")
    python = files("chat/**/*.py", "chatsite/**/*.py")
    return {text for path in templates for text in texts_of_a_template(path.read_text("utf-8"))} | {
        text for path in python for text in texts_of_python(path.read_text("utf-8"))
    }


def path_of(language: str, domain: str, ending: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / f"{domain}.{ending}"


def catalogue(language: str, domain: str) -> Catalog:
    with path_of(language, domain, "po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def messages(language: str, domain: str) -> list[Message]:
    return [message for message in catalogue(language, domain) if message.id]


def strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def ids(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def key(message: Message) -> tuple[str, ...]:
    """A text may appear in several contexts. From a compiled file, Babel reads the context as bytes."""
    context: str | bytes = message.context or ""
    return (context.decode() if isinstance(context, bytes) else context, *ids(message))


in_each_language = pytest.mark.parametrize("language", LANGUAGES)
of_each_kind = pytest.mark.parametrize("domain", ["django", "djangojs"])


def test_there_is_a_second_language() -> None:
    assert "de" in LANGUAGES


@in_each_language
@of_each_kind
def test_every_text_is_translated(language: str, domain: str) -> None:
    done = {m.id for m in messages(language, domain) if not m.fuzzy and all(strings(m))}

    assert texts(domain) - done == set()  # bin/messages collects them


@in_each_language
@of_each_kind
def test_no_translation_is_unused(language: str, domain: str) -> None:
    assert {message.id for message in messages(language, domain)} - texts(domain) == set()


@in_each_language
@of_each_kind
def test_translations_keep_placeholders_and_html_elements(language: str, domain: str) -> None:
    wrong = [
        (form, string)
        for message in messages(language, domain)
        for string in strings(message)
        for form in ids(message)[-1:]
        if sorted(PLACES.findall(form)) != sorted(PLACES.findall(string))
    ]
    assert wrong == []


@in_each_language
@of_each_kind
def test_compiled_catalogues_match_their_sources(language: str, domain: str) -> None:
    with path_of(language, domain, "mo").open("rb") as file:
        compiled = {key(m): strings(m) for m in read_mo(file) if m.id}

    assert compiled == {key(m): strings(m) for m in messages(language, domain)}


def test_the_scripts_name_each_text_where_they_ask_for_it() -> None:
    """Otherwise bin/messages cannot collect it."""
    asked = [
        (path.name, call.group())
        for path in files("static/js/**/*.js")
        for call in SCRIPT_CALL.finditer(path.read_text("utf-8"))
        if call.group(1) != '"'
    ]
    assert asked == []


def test_a_text_is_found_in_each_kind_of_file() -> None:
    python = 'gettext_lazy("one"); _("two"); ngettext("a", "b", n); other("no")'
    assert list(texts_of_python(python)) == ["one", "two", ("a", "b")]
    template = (
        '{% load i18n %}{% translate "one" %}<p title="{% translate "it\'s" %}">'
        "{% blocktranslate trimmed with name=user.name %}\n two {{ name }}\n{% endblocktranslate %}"
        "{% blocktranslate count n=x %}{{ n }} a{% plural %}{{ n }} b{% endblocktranslate %}"
    )
    found = list(texts_of_a_template(template))
    assert found == ["one", "it's", "two %(name)s", ("%(n)s a", "%(n)s b")]
    script = 'f(gettext("one"), ngettext("a", "b", n)); const x = `${gettext("two")}`; // gettext("no")'
    assert list(texts_of_a_script(script)) == ["one", ("a", "b"), "two"]


def test_every_text_in_page_templates_is_translatable() -> None:
    """The API reference is in English only."""
    bare = {
        path.name: words
        for path in files("templates/*.html", "templates/a[cdl]*/**/*.html", "templates/chat/*.html")
        if (words := words_of_a_template(path.read_text("utf-8")))
    }
    assert bare == {}


def test_untranslatable_text_is_found() -> None:
    assert words_of_a_template('<p>{% translate "One" %} two <a title="three" href="/x">{{ four }}</a></p>') == [
        "three",
        "two",
    ]
