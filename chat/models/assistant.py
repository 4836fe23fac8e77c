from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction

if TYPE_CHECKING:
    from chat.models.user import User


class AssistantQuerySet(models.QuerySet["Assistant"]):
    def usable_by(self, user: User) -> AssistantQuerySet:
        """Active, and either for everybody or for one of the user's groups. The site's default comes first.

        Where that cannot be used, a server that an operator has named comes before Ollama, and that before the demo.
        """
        mine = models.Q(groups__isnull=True) | models.Q(groups__in=user.groups.all())
        usable = self.filter(mine, is_active=True, is_available=True).distinct()
        # As luck has it, the names of the providers are in this order from the end of the alphabet on.
        return usable.order_by("-is_default", "position", "-provider", "name")


class Assistant(models.Model):
    """A model with a name and instructions: what a person chooses to talk to."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=120, unique=True)
    description = models.CharField(max_length=300, blank=True)
    provider = models.CharField(
        max_length=20,
        choices=[("openai", "OpenAI-compatible server"), ("ollama", "Ollama"), ("demo", "Demo")],
    )
    model = models.CharField(max_length=200, help_text="The model's name at the provider.")
    instructions = models.TextField(blank=True, help_text="The system prompt.")
    temperature = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(2.0)],
        help_text="0 to 2; empty: the model's own.",
    )
    max_output_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: the model's own limit."
    )
    position = models.PositiveIntegerField(default=0, help_text="Lower comes first.")
    is_default = models.BooleanField("default", default=False, help_text="Used when nothing else is chosen.")
    # An administrator's choice stays, whatever the servers offer at the moment.
    is_found_default = models.BooleanField(
        default=False, editable=False, help_text="The default because it was found first, not by anybody's choice."
    )
    is_active = models.BooleanField("active", default=True)
    is_detected = models.BooleanField(
        default=False, editable=False, help_text="Made for a model that its server lists."
    )
    # Apart from is_active: what the server finds must not undo what an administrator has chosen.
    is_available = models.BooleanField(
        "available", default=True, editable=False, help_text="Whether its server listed the model last."
    )
    groups = models.ManyToManyField(
        Group, blank=True, related_name="assistants", help_text="Who may use it. None: everybody."
    )

    objects: ClassVar[Any] = AssistantQuerySet.as_manager()

    class Meta:
        ordering = ("position", "name")
        constraints = (
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_assistant"
            ),
        )

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """The newest default takes the place of the one before."""
        with transaction.atomic():
            if self.is_default:
                others = Assistant.objects.filter(is_default=True).exclude(pk=self.pk)
                others.update(is_default=False, is_found_default=False)
            super().save(*args, **kwargs)

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """A second default is no mistake in a form: saving it takes the place of the one before."""
        super().validate_constraints(exclude={*(exclude or ()), "is_default"})
