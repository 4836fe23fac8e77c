from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class ModelListing(models.Model):
    """What a provider last listed: for the admin, which has no connection to it."""

    provider = models.CharField(_("provider"), max_length=50, unique=True)
    # Objects with a `name` and what the server says of the model: see ListedModel in chat/providers/detected.py.
    listed = models.JSONField(default=list)
    listed_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[Any] = models.Manager()

    def __str__(self) -> str:
        return self.provider
