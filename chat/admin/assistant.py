from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.text import get_text_list
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.admin.provider_names import ProviderFilter, missing_settings, provider_names, title_of
from chat.models import Assistant


class AssistantForm(forms.ModelForm):  # type: ignore[type-arg]
    provider = forms.ChoiceField(label=_("Provider"))

    class Meta:
        model = Assistant
        fields = (
            *("name", "slug", "description"),
            *("provider", "model", "instructions", "temperature", "max_output_tokens"),
            *("is_active", "is_default", "position", "groups"),
        )
        widgets = {"instructions": forms.Textarea(attrs={"rows": 16, "cols": 100})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (field := self.fields.get("provider")) and isinstance(field, forms.ChoiceField):
            field.choices = self._providers()

    def _providers(self) -> list[tuple[str, str]]:
        """Those that exist, and the assistant's own: one that is gone must not be exchanged by saving the form."""
        names = provider_names()
        own = self.instance.provider
        if own and own not in names:
            names[own] = gettext("%(provider)s (does not exist any more)") % {"provider": own}
        return list(names.items())


@admin.register(Assistant)
class AssistantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = AssistantForm
    list_display = ("name", "provider_state", "model", "who", "is_default", "position", "is_active")
    list_editable = ("position", "is_active")
    list_filter = (ProviderFilter, "is_active")
    search_fields = ("name", "slug", "model")
    prepopulated_fields = {"slug": ("name",)}
    filter_horizontal = ("groups",)
    readonly_fields = ("is_detected",)
    fieldsets = (
        (None, {"fields": ("name", "slug", "description")}),
        (_("Model"), {"fields": ("provider", "model", "instructions", "temperature", "max_output_tokens")}),
        (_("Visibility"), {"fields": ("is_active", "is_default", "position", "groups", "is_detected")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=_("provider"), ordering="provider")
    def provider_state(self, assistant: Assistant) -> str:
        name = title_of(assistant.provider)
        if missing_setting(assistant):
            return gettext("⚠ %(provider)s: not configured") % {"provider": name}
        return (
            name
            if assistant.is_available
            else gettext("⚠ %(provider)s: model not listed, hidden") % {"provider": name}
        )

    @admin.display(description=_("available to"))
    def who(self, assistant: Assistant) -> str:
        return ", ".join(group.name for group in assistant.groups.all()) or gettext("everyone")

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        assistant = kwargs.get("obj")
        if request.method == "GET" and assistant is not None and (warning := missing_setting(assistant)):
            messages.warning(request, warning)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Assistant, form: Any, change: bool) -> None:
        if obj.is_default and "is_default" in form.cleaned_data:
            # An administrator saved it as the default: from now on it is their choice.
            obj.is_found_default = False
        super().save_model(request, obj, form, change)
        if warning := missing_setting(obj):
            messages.warning(request, warning)


def missing_setting(assistant: Assistant) -> str:
    """A sentence about the setting that the assistant's provider lacks; empty if the settings are complete."""
    names = missing_settings(assistant.provider)
    if not names:
        return ""
    said = gettext("%(assistant)s cannot answer: set %(settings)s, and restart the server.")
    return said % {"assistant": assistant, "settings": get_text_list([*names])}
