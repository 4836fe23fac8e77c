from __future__ import annotations

from typing import Any, ClassVar, Final

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

# The suggestions of a new site (migration 0005), repeated here for translators: an unchanged one is shown in the
# user's language.
DEFAULTS: Final = (
    (
        gettext_noop("Explain how an answer gets here"),
        gettext_noop("Explain how this site streams an answer, step by step, with a small diagram in text."),
    ),
    (
        gettext_noop("Write a function with its tests"),
        gettext_noop("Write the code of a Python function that merges overlapping intervals, with a few tests."),
    ),
    (
        gettext_noop("Compare two databases in a table"),
        gettext_noop("Compare PostgreSQL and SQLite for a small web product, in a table."),
    ),
    (
        gettext_noop("Plan a weekend, with questions first"),
        gettext_noop("Plan a weekend in a city I have never been to: ask me three questions first."),
    ),
)


class SuggestionQuerySet(models.QuerySet["Suggestion"]):
    def shown(self) -> SuggestionQuerySet:
        return self.filter(is_active=True)


class Suggestion(models.Model):
    """A prompt offered on the start page of a new conversation."""

    title = models.CharField(_("title"), max_length=100, help_text=_("The suggestion in a few words."))
    text = models.TextField(_("text"), max_length=2000, help_text=_("The message to put in the message box."))
    position = models.PositiveIntegerField(_("position"), default=0, help_text=_("Lower numbers come first."))
    is_active = models.BooleanField(_("active"), default=True)

    objects: ClassVar[Any] = SuggestionQuerySet.as_manager()

    class Meta:
        verbose_name = _("suggestion")
        verbose_name_plural = _("suggestions")
        ordering = ("position", "pk")

    def __str__(self) -> str:
        return self.title
