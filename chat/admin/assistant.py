from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import get_text_list
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.admin.provider_names import ProviderFilter, missing_settings, provider_names, title_of
from chat.admin.tools_field import ToolsField
from chat.models import Assistant, ModelListing, ProviderAccount
from chat.models.assistant import ABILITIES
from chat.providers.kinds import environments


class ModelInput(forms.TextInput):
    """Any name, with those to choose from that the providers list."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        listed, titles = f"{name}_listed", provider_names()
        options = (
            (model["name"], titles[each.provider])
            for each in ModelListing.objects.filter(provider__in=titles).order_by("provider")
            for model in each.listed
        )
        return format_html(
            '{}<datalist id="{}">{}</datalist>',
            super().render(name, value, {**(attrs or {}), "list": listed}, renderer),
            listed,
            format_html_join("", '<option value="{}" label="{}"></option>', options),
        )


class AssistantForm(forms.ModelForm):  # type: ignore[type-arg]
    provider = forms.ChoiceField(label=_("Provider"))
    tools = ToolsField()

    class Meta:
        model = Assistant
        fields = (
            *("name", "slug", "description"),
            *("provider", "model", "instructions", "temperature", "max_output_tokens", "effort", *ABILITIES),
            *("tools", "is_active", "is_default", "position", "groups"),
        )
        widgets = {
            "model": ModelInput(attrs={"class": "vTextField", "autocomplete": "off"}),
            "instructions": forms.Textarea(attrs={"rows": 16, "cols": 100}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (field := self.fields.get("provider")) and isinstance(field, forms.ChoiceField):
            field.choices = self._providers()
        if isinstance(tools := self.fields.get("tools"), ToolsField):
            tools.offer(self.instance.tools)
        for name in ABILITIES:
            if field := self.fields.get(name):
                _say_what_is_detected(field, self.instance.detected.get(name))

    def _providers(self) -> list[tuple[str, str]]:
        """Those that exist, and the assistant's own: one that is gone must not be exchanged by saving the form."""
        names = provider_names()
        own = self.instance.provider
        if own and own not in names:
            names[own] = gettext("%(provider)s (does not exist any more)") % {"provider": own}
        return list(names.items())


def _say_what_is_detected(field: Any, known: Any) -> None:
    """An empty field means what the server says: name it."""
    if isinstance(field, forms.NullBooleanField):
        said = {True: gettext("as detected (yes)"), False: gettext("as detected (no)")}
        choices = [
            ("unknown", said.get(known, gettext("not known"))),
            ("true", gettext("yes")),
            ("false", gettext("no")),
        ]
        field.widget.choices = choices
    elif known:
        field.help_text = gettext("In tokens. Leave empty for what was detected: %(count)s.") % {"count": known}


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
        (_("Model"), {"fields": ("provider", "model", "instructions", "temperature", "max_output_tokens", "effort")}),
        (
            _("Abilities"),
            {
                "description": _("What the server says of its model. Change it where that is wrong."),
                "fields": ABILITIES,
            },
        ),
        (_("Tools"), {"fields": ("tools",)}),
        (_("Visibility"), {"fields": ("is_active", "is_default", "position", "groups", "is_detected")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=_("provider"), ordering="provider")
    def provider_state(self, assistant: Assistant) -> str:
        name = title_of(assistant.provider)
        if missing_setting(assistant):
            return gettext("⚠ %(provider)s: not configured") % {"provider": name}
        if assistant.provider not in environments():
            is_active = ProviderAccount.objects.filter(slug=assistant.provider).values_list("is_active", flat=True)
            if not is_active:
                return gettext("⚠ %(provider)s: account does not exist") % {"provider": name}
            if not is_active[0]:
                return gettext("⚠ %(provider)s: account is off") % {"provider": name}
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
        listed = _listed(obj.provider)
        if {"provider", "model"} & {*form.changed_data}:
            obj.detected = {name: value for name, value in listed.get(obj.model, {}).items() if name in ABILITIES}
        super().save_model(request, obj, form, change)
        if warning := missing_setting(obj):
            messages.warning(request, warning)
        elif listed and obj.model not in listed:
            said = gettext("%(provider)s does not list a model %(model)s. Check its name.")
            messages.warning(request, said % {"provider": title_of(obj.provider), "model": obj.model})


def _listed(provider: str) -> dict[str, dict[str, Any]]:
    """What the provider last listed, by model; empty if it did not."""
    listing = ModelListing.objects.filter(provider=provider).first()
    return {each["name"]: each for each in listing.listed} if listing else {}


def missing_setting(assistant: Assistant) -> str:
    """A sentence about the setting that the assistant's provider lacks; empty if the settings are complete."""
    names = missing_settings(assistant.provider)
    if not names:
        return ""
    said = gettext("%(assistant)s cannot answer: set %(settings)s, and restart the server.")
    return said % {"assistant": assistant, "settings": get_text_list([*names])}
