from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.apps import apps
from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from chat.models.user import User


ABILITIES: Final = ("context_window", "can_use_tools", "can_see_images", "thinks")


class AssistantQuerySet(models.QuerySet["Assistant"]):
    def usable_by(self, user: User) -> AssistantQuerySet:
        """Active assistants for everybody or for one of the user's groups. The site's default comes first.

        Those of a provider account that is off are not among them.
        """
        off = apps.get_model("chat", "ProviderAccount").objects.filter(is_active=False).values("slug")
        mine = models.Q(groups__isnull=True) | models.Q(groups__in=user.groups.all())
        usable = self.filter(mine, is_active=True, is_available=True).exclude(provider__in=off).distinct()
        return usable.order_by("-is_default", "position", "name")


class Assistant(models.Model):
    """A model with a name and instructions: what a user chooses to talk to."""

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(_("slug"), max_length=120, unique=True)
    description = models.CharField(_("description"), max_length=300, blank=True)
    # The name of a provider, in the registry of each process. What there is to choose from is not for the database.
    provider = models.CharField(_("provider"), max_length=50)
    model = models.CharField(_("model"), max_length=200, help_text=_("The model's name at the provider."))
    instructions = models.TextField(_("instructions"), blank=True, help_text=_("The system prompt."))
    temperature = models.FloatField(
        _("temperature"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(2.0)],
        help_text=_("0 to 2. Leave empty for the model's default."),
    )
    max_output_tokens = models.PositiveIntegerField(
        _("maximum output tokens"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Leave empty for the model's limit."),
    )
    # By the keys of chat.tools.registry: "allow" if the model calls it without asking, "ask" if a person decides.
    tools = models.JSONField(_("tools"), default=dict, blank=True, help_text=_("What the model may use by itself."))
    effort = models.CharField(
        _("thinking effort"),
        max_length=6,
        blank=True,
        choices=[("none", _("none")), ("low", _("low")), ("medium", _("medium")), ("high", _("high"))],
        help_text=_("How much the model thinks before it answers. Leave empty for the model's default."),
    )
    # Empty: as detected.
    context_window = models.PositiveIntegerField(
        _("context window"), null=True, blank=True, validators=[MinValueValidator(1)], help_text=_("In tokens.")
    )
    can_use_tools = models.BooleanField(_("can use tools"), null=True, blank=True)
    can_see_images = models.BooleanField(_("can see images"), null=True, blank=True)
    thinks = models.BooleanField(_("thinks"), null=True, blank=True)
    # What the server says of the model, by the names of these four fields.
    detected = models.JSONField(_("detected abilities"), default=dict, blank=True, editable=False)
    position = models.PositiveIntegerField(_("position"), default=0, help_text=_("Lower numbers come first."))
    is_default = models.BooleanField(
        _("default"), default=False, help_text=_("Used when no other assistant is chosen.")
    )
    # False for an administrator's choice, which detection must not replace.
    is_found_default = models.BooleanField(
        _("automatic default"),
        default=False,
        editable=False,
        help_text=_("Became the default because it was found first, not because someone chose it."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_detected = models.BooleanField(
        _("detected"),
        default=False,
        editable=False,
        help_text=_("Created automatically for a model that its server lists."),
    )
    # Separate from is_active, so that detection does not overwrite an administrator's choice.
    is_available = models.BooleanField(
        _("available"),
        default=True,
        editable=False,
        help_text=_("Whether its server's latest list includes the model."),
    )
    groups = models.ManyToManyField(
        Group,
        verbose_name=_("groups"),
        blank=True,
        related_name="assistants",
        help_text=_("Groups that may use it. Leave empty for everyone."),
    )

    objects: ClassVar[Any] = AssistantQuerySet.as_manager()

    class Meta:
        verbose_name = _("assistant")
        verbose_name_plural = _("assistants")
        ordering = ("position", "name")
        constraints = (
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_assistant"
            ),
        )

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new default replaces the previous one."""
        with transaction.atomic():
            if self.is_default:
                others = Assistant.objects.filter(is_default=True).exclude(pk=self.pk)
                others.update(is_default=False, is_found_default=False)
            super().save(*args, **kwargs)

    def ability(self, field: str) -> Any:
        """One of ABILITIES: as the administrator says, or else the server; None if neither does."""
        chosen = getattr(self, field)
        return self.detected.get(field) if chosen is None else chosen

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Accept a second default in a form: saving it replaces the previous one."""
        super().validate_constraints(exclude={*(exclude or ()), "is_default"})
