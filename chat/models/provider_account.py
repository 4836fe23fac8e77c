from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.assistant import Assistant
from chat.models.model_listing import ModelListing
from chat.models.sealing import NoKey, reseal, seal, unseal

SECONDS: Final = [MinValueValidator(0.1), MaxValueValidator(3600.0)]


class InUse(Exception):
    """The account cannot be deleted: assistants use it."""


class ProviderAccountQuerySet(models.QuerySet["ProviderAccount"]):
    @transaction.atomic
    def reseal(self) -> tuple[int, dict[str, NoKey]]:
        """Encrypt all secrets with the first key. Returns for how many accounts, and the slugs of unreadable ones.

        Nobody changes one meanwhile: the rows are locked. All or nothing is saved.
        """
        count, unreadable = 0, {}
        for account in self.select_for_update().exclude(sealed_key="", sealed_headers=""):
            found = {"sealed_key": account.sealed_key, "sealed_headers": account.sealed_headers}
            try:
                resealed = {name: reseal(old) for name, old in found.items()}
            except NoKey as error:
                unreadable[account.slug] = error
            else:
                count += self.filter(pk=account.pk, **found).update(**resealed)
        return count, unreadable


class ProviderAccount(models.Model):
    """Access to a provider, made by an administrator. Assistants name it by its slug.

    Its API key and the values of its headers are stored encrypted only (sealing.py).
    """

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(
        _("slug"), max_length=50, unique=True, help_text=_("How assistants name it. Cannot be changed.")
    )
    kind = models.CharField(_("kind"), max_length=30)
    base_url = models.CharField(
        _("base URL"), max_length=500, blank=True, help_text=_("Leave empty for the provider's own.")
    )
    sealed_key = models.TextField(_("encrypted key"), blank=True, editable=False)
    sealed_headers = models.TextField(_("encrypted headers"), blank=True, editable=False)
    # In plain text, to show what is set.
    header_names = models.JSONField(_("names of headers"), blank=True, default=list, editable=False)
    key_set_at = models.DateTimeField(_("key set at"), null=True, editable=False)
    connect_timeout = models.FloatField(
        _("connection timeout"), null=True, blank=True, validators=SECONDS, help_text=_("In seconds.")
    )
    first_token_timeout = models.FloatField(
        _("timeout for the first token"), null=True, blank=True, validators=SECONDS, help_text=_("In seconds.")
    )
    idle_timeout = models.FloatField(
        _("timeout between tokens"), null=True, blank=True, validators=SECONDS, help_text=_("In seconds.")
    )
    is_active = models.BooleanField(_("active"), default=True, help_text=_("If off, its assistants are not offered."))
    makes_assistants = models.BooleanField(
        _("an assistant for each model"),
        default=True,
        help_text=_("Creates assistants automatically, for the first 30 models that the server lists."),
    )
    # Compared by the processes that use the account: any save changes it.
    changed_at = models.DateTimeField(_("changed at"), auto_now=True)

    objects: ClassVar[Any] = ProviderAccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("provider account")
        verbose_name_plural = _("provider accounts")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def api_key(self) -> str:
        """Raises NoKey."""
        return unseal(self.sealed_key)

    @property
    def headers(self) -> dict[str, str]:
        """Raises NoKey."""
        try:
            found: dict[str, str] = msgspec.json.decode(unseal(self.sealed_headers) or "{}", type=dict[str, str])
        except msgspec.MsgspecError:
            raise NoKey(f"The headers of the provider account {self.slug} are damaged: enter them again.") from None
        return found

    def set_key(self, key: str) -> None:
        """An empty key removes it. Not saved yet. Raises NoKey."""
        self.sealed_key = seal(key)
        self.key_set_at = timezone.now() if key else None

    def set_headers(self, headers: Mapping[str, str]) -> None:
        """Not saved yet. Raises NoKey."""
        self.sealed_headers = seal(json.dumps(dict(headers))) if headers else ""
        self.header_names = list(headers)

    @property
    def assistants(self) -> models.QuerySet[Assistant]:
        """Those that an administrator created for it."""
        return Assistant.objects.filter(provider=self.slug, is_detected=False)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raises InUse. Assistants that were created automatically are hidden, as when a server is gone."""
        if self.assistants.exists():
            raise InUse(f"Assistants use the provider account {self.slug}.")
        Assistant.objects.filter(provider=self.slug).update(is_available=False)
        ModelListing.objects.filter(provider=self.slug).delete()
        return super().delete(*args, **kwargs)
