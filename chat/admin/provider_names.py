"""The providers that an assistant can use, and what they are called."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.models import Assistant, ProviderAccount
from chat.providers.kinds import environments, kinds


def provider_names() -> dict[str, str]:
    """Titles by name: what the environment may name, then accounts."""
    own = {name: gettext(kinds()[name].title) for name in environments()}
    return own | dict(ProviderAccount.objects.exclude(slug__in=own).values_list("slug", "name"))


def title_of(provider: str) -> str:
    """The provider's title; of one that does not exist any more, its name."""
    kind = kinds().get(provider)
    if kind and kind.environment:
        return gettext(kind.title)
    return ProviderAccount.objects.filter(slug=provider).values_list("name", flat=True).first() or provider


def missing_settings(provider: str) -> tuple[str, ...]:
    """Settings one of which must be set for this provider to answer; empty if it can."""
    environment = environments().get(provider)
    if environment is None or environment.is_set({name: getattr(settings, name) for name in environment.needs}):
        return ()
    return environment.needs


class ProviderFilter(admin.SimpleListFilter):
    title = _("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        used = Assistant.objects.order_by("provider").values_list("provider", flat=True).distinct()
        return [(name, title_of(name)) for name in used]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Assistant]) -> QuerySet[Assistant]:
        return queryset.filter(provider=self.value()) if self.value() else queryset
