"""The form of a provider account. What is secret goes in, and never comes out again."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import localize
from django.utils.text import get_text_list
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.admin.secret_headers import SecretTextarea, read_headers
from chat.models import ProviderAccount
from chat.models.sealing import NoKey
from chat.providers.kinds import Kind, kinds
from chatsite.environment import KEY, Environment

KEY_CHARACTERS: Final = 4000


class ProviderAccountForm(forms.ModelForm):  # type: ignore[type-arg]
    kind = forms.ChoiceField(label=_("Kind"))
    new_key = forms.CharField(
        label=_("API key"),
        required=False,
        max_length=KEY_CHARACTERS,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off", "size": 60}),
    )
    new_headers = forms.CharField(
        label=_("Headers"),
        required=False,
        max_length=KEY_CHARACTERS,
        widget=SecretTextarea(attrs={"rows": 3, "cols": 60, "autocomplete": "off", "spellcheck": "false"}),
    )
    forget = forms.BooleanField(label=_("Remove the stored key and headers"), required=False)

    class Meta:
        model = ProviderAccount
        fields = (
            *("name", "slug", "kind", "base_url", "is_active", "makes_assistants"),
            *("connect_timeout", "first_token_timeout", "idle_timeout"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The kind is chosen once, and at first there is nothing to remove.
        self.fields.pop("kind" if self.instance.pk else "forget", None)
        if isinstance(field := self.fields.get("kind"), forms.ChoiceField):
            field.choices = [(name, gettext(kind.title)) for name, kind in kinds().items()]
        self._explain()

    def _explain(self) -> None:
        """Say what is set, without saying it."""
        account: ProviderAccount = self.instance
        if field := self.fields.get("new_key"):
            field.help_text = gettext("It is stored encrypted and never shown again.")
            if account.key_set_at:
                said = gettext("Set on %(moment)s – leave empty to keep it.")
                field.help_text = said % {"moment": localize(localtime(account.key_set_at))}
        if field := self.fields.get("new_headers"):
            field.help_text = gettext("Sent with each request, one “Name: value” per line. Stored encrypted, too.")
            if account.header_names:
                said = gettext("Set: %(names)s. Leave empty to keep them.")
                field.help_text = said % {"names": ", ".join(account.header_names)}

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if slug in kinds():
            raise ValidationError(_("Providers from the environment have this name. Choose another one."))
        return slug

    def clean_base_url(self) -> str:
        """By the rules of the settings."""
        url: str = self.cleaned_data["base_url"].strip().rstrip("/")
        reader = Environment({"BASE_URL": url})
        found = reader.server("BASE_URL")
        if reader.problems:
            raise ValidationError(
                _("This is no base URL. Example: https://api.example.org/v1, without user name, password, ? and #.")
            )
        return found

    def clean_new_key(self) -> str:
        key: str = self.cleaned_data["new_key"]
        if key and not KEY.fullmatch(key):
            raise ValidationError(_("Copy the key again: only printable ASCII characters, no spaces."))
        return key

    def clean_new_headers(self) -> dict[str, str]:
        return read_headers(self.cleaned_data["new_headers"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        kind = kinds().get(cleaned.get("kind", "") or self.instance.kind)
        if kind is not None:
            self._check_address(cleaned, kind)
            self._check_key(cleaned, kind)
        return cleaned

    def _check_address(self, cleaned: dict[str, Any], kind: Kind) -> None:
        if kind.has_address and not cleaned.get("base_url", "-") and not kind.default_base_url:
            self.add_error("base_url", gettext("This kind of provider needs a base URL."))

    def _check_key(self, cleaned: dict[str, Any], kind: Kind) -> None:
        account: ProviderAccount = self.instance
        is_kept = bool(account.sealed_key) and not cleaned.get("new_key") and not cleaned.get("forget")
        keeps_headers = bool(account.sealed_headers) and not cleaned.get("new_headers") and not cleaned.get("forget")
        has_moved = account.pk and "base_url" in cleaned and cleaned["base_url"] != self.initial.get("base_url", "")
        if has_moved and is_kept:
            self.add_error(
                "new_key", gettext("Enter the key again: the base URL has changed, and it would be sent there.")
            )
        if has_moved and keeps_headers:
            said = gettext("Enter the headers again: the base URL has changed, and they would be sent there.")
            self.add_error("new_headers", said)
        if kind.needs_key and not is_kept and not cleaned.get("new_key") and "new_key" not in self.errors:
            self.add_error("new_key", gettext("This kind of provider needs an API key."))

    def _post_clean(self) -> None:
        """Seal what is new, so that a missing encryption key is an error of the form."""
        super()._post_clean()  # type: ignore[misc]
        cleaned = self.cleaned_data
        if self.errors:
            return
        try:
            if cleaned.get("forget"):
                self.instance.set_key("")
                self.instance.set_headers({})
            if key := cleaned.get("new_key"):
                self.instance.set_key(key)
            if headers := cleaned.get("new_headers"):
                self.instance.set_headers(headers)
        except NoKey as error:
            said = gettext("It cannot be encrypted: %(reason)s")
            self.add_error("new_key", said % {"reason": error})


def in_words(names: list[str]) -> str:
    return get_text_list(names, gettext("and"))
