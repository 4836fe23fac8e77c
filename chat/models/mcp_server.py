from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

import msgspec
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.sealing import NoKey, reseal, seal, unseal

TIMEOUT_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 300.0
# How long one process has for asking a server, before another one may.
CLAIM_SECONDS: Final = 60.0


class McpServerQuerySet(models.QuerySet["McpServer"]):
    @transaction.atomic
    def reseal(self) -> tuple[int, dict[str, NoKey]]:
        """Encrypt all headers with the first key, as ProviderAccountQuerySet.reseal does."""
        count, unreadable = 0, {}
        for server in self.select_for_update().exclude(sealed_headers=""):
            try:
                resealed = reseal(server.sealed_headers)
            except NoKey as error:
                unreadable[server.slug] = error
            else:
                count += self.filter(pk=server.pk).update(sealed_headers=resealed)
        return count, unreadable

    def due(self, now: datetime) -> list[McpServer]:
        """Those whose lists are to be asked for."""
        return list(self.filter(_is_due(now), is_on=True))

    def claim(self, server: McpServer, now: datetime) -> bool:
        """Whether this process is to ask it: only one is."""
        later = now + timedelta(seconds=CLAIM_SECONDS)
        return bool(self.filter(_is_due(now), pk=server.pk, is_on=True).update(due_at=later))


def _is_due(now: datetime) -> models.Q:
    return models.Q(due_at__isnull=True) | models.Q(due_at__lte=now)


class McpServer(models.Model):
    """A server whose tools models can use, added by an administrator.

    The values of its headers are stored encrypted only (sealing.py). `listing`: what it said of its tools last.
    `pinned`: by name, the hashes of the definitions that an administrator has accepted; a tool that is defined
    differently is off. `harmless`: the names of those that an administrator marked as without side effects.
    """

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(
        _("slug"), max_length=40, unique=True, help_text=_("A part of the names of its tools. Cannot be changed.")
    )
    url = models.CharField(
        _("URL"),
        max_length=500,
        help_text=_("The address of its streamable HTTP endpoint: https://mcp.example.org/mcp."),
    )
    sealed_headers = models.TextField(_("encrypted headers"), blank=True, editable=False)
    # In plain text, to show what is set.
    header_names = models.JSONField(_("names of headers"), blank=True, default=list, editable=False)
    timeout = models.FloatField(
        _("timeout"),
        default=TIMEOUT_SECONDS,
        validators=[MinValueValidator(1.0), MaxValueValidator(LONGEST_SECONDS)],
        help_text=_("Of a call, in seconds. Each progress message of the server starts it anew."),
    )
    is_on = models.BooleanField(_("on"), default=True, help_text=_("If off, no model can use its tools."))
    pinned = models.JSONField(_("accepted definitions"), blank=True, default=dict, editable=False)
    harmless = models.JSONField(_("tools without side effects"), blank=True, default=list, editable=False)
    listing = models.JSONField(_("tools"), blank=True, default=list, editable=False)
    listed_at = models.DateTimeField(_("listed"), null=True, editable=False)
    problem = models.CharField(_("problem"), max_length=200, blank=True, editable=False)
    # When it is asked for its tools; empty: now.
    due_at = models.DateTimeField(_("due"), null=True, editable=False)
    # Compared by the processes that use the server: any save changes it.
    changed_at = models.DateTimeField(_("changed at"), auto_now=True)

    objects: ClassVar[Any] = McpServerQuerySet.as_manager()

    class Meta:
        verbose_name = _("MCP server")
        verbose_name_plural = _("MCP servers")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def headers(self) -> dict[str, str]:
        """Raises NoKey."""
        try:
            found: dict[str, str] = msgspec.json.decode(unseal(self.sealed_headers) or "{}", type=dict[str, str])
        except msgspec.MsgspecError:
            raise NoKey(f"The headers of the MCP server {self.slug} are damaged: enter them again.") from None
        return found

    def set_headers(self, headers: Mapping[str, str]) -> None:
        """Not saved yet. Raises NoKey."""
        self.sealed_headers = seal(json.dumps(dict(headers))) if headers else ""
        self.header_names = list(headers)

    def forget_tools(self) -> None:
        """What another server said, and what was accepted of it, means nothing here. Not saved yet."""
        self.pinned, self.harmless, self.listing = {}, [], []
        self.listed_at, self.due_at, self.problem = None, None, ""

    def record(self, listing: Sequence[Mapping[str, Any]], seconds: float) -> bool:
        """Save what it said of its tools, to be asked for again after `seconds`. Returns whether that is news.

        Nothing is saved if its address or its headers were changed while it was asked.
        """
        is_news = [*listing] != self.listing or bool(self.problem)
        changed = {"listing": [*listing], "problem": "", "changed_at": timezone.now()} if is_news else {}
        return self._saved(seconds, listed_at=timezone.now(), **changed) and is_news

    def record_problem(self, problem: str, seconds: float) -> bool:
        """Save why it did not list its tools. What it said before stays. Returns as `record` does."""
        is_news = problem != self.problem
        changed = {"problem": problem[:200], "changed_at": timezone.now()} if is_news else {}
        return self._saved(seconds, **changed) and is_news

    def _saved(self, seconds: float, **changed: Any) -> bool:
        due_at = timezone.now() + timedelta(seconds=seconds)
        as_asked = McpServer.objects.filter(pk=self.pk, url=self.url, sealed_headers=self.sealed_headers)
        if not as_asked.update(due_at=due_at, **changed):
            return False
        for name, value in changed.items():
            setattr(self, name, value)
        return True

    def accept(self, pinned: Mapping[str, str], harmless: Sequence[str]) -> None:
        """Save which definitions an administrator has accepted, and which of these tools have no side effects."""
        self.pinned, self.harmless = dict(pinned), sorted(harmless)
        self.save(update_fields=["pinned", "harmless", "changed_at"])
