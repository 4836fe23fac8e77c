"""The form of an MCP server. Its headers go in, and never come out again."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.admin.secret_headers import OWN_HEADERS, SecretTextarea, read_headers
from chat.models import McpServer
from chat.models.sealing import NoKey
from chatsite.environment import Environment

HEADER_CHARACTERS: Final = 8000
_OWN_HEADERS: Final = OWN_HEADERS | {
    *("accept", "last-event-id", "mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id"),
}


class McpServerForm(forms.ModelForm):  # type: ignore[type-arg]
    new_headers = forms.CharField(
        label=_("Headers"),
        required=False,
        max_length=HEADER_CHARACTERS,
        widget=SecretTextarea(attrs={"rows": 3, "cols": 60, "autocomplete": "off", "spellcheck": "false"}),
    )
    forget = forms.BooleanField(label=_("Remove the stored headers"), required=False)

    class Meta:
        model = McpServer
        fields = ("name", "slug", "url", "timeout", "is_on")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            # At first there is nothing to remove.
            self.fields.pop("forget", None)
        if field := self.fields.get("new_headers"):
            field.help_text = gettext(
                "Sent with each request, one “Name: value” per line, such as “Authorization: Bearer …”. "
                "Stored encrypted and never shown again."
            )
            if self.instance.header_names:
                said = gettext("Set: %(names)s. Leave empty to keep them.")
                field.help_text = said % {"names": ", ".join(self.instance.header_names)}

    def clean_url(self) -> str:
        """By the rules of the settings. A slash at the end stays: some servers insist on it."""
        url: str = self.cleaned_data["url"].strip()
        reader = Environment({"BASE_URL": url})
        reader.server("BASE_URL")
        if reader.problems or not url:
            said = _("This URL cannot be used. Example: https://mcp.example.org/mcp. A key belongs in the headers.")
            raise ValidationError(said)
        return url

    def clean_new_headers(self) -> dict[str, str]:
        return read_headers(self.cleaned_data["new_headers"], _OWN_HEADERS)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        are_kept = bool(self.instance.sealed_headers) and not cleaned.get("new_headers") and not cleaned.get("forget")
        if self._has_moved(cleaned) and are_kept and "new_headers" not in self.errors:
            said = gettext("Enter the headers again: the URL has changed, and they would be sent there.")
            self.add_error("new_headers", said)
        return cleaned

    def _has_moved(self, cleaned: dict[str, Any]) -> bool:
        return bool(self.instance.pk) and "url" in cleaned and cleaned["url"] != self.initial.get("url", "")

    def _post_clean(self) -> None:
        """Seal what is new, so that a missing encryption key is an error of the form."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        if self._has_moved(self.cleaned_data):
            self.instance.forget_tools()
        # Whatever was changed may make it work.
        self.instance.due_at = None
        try:
            if self.cleaned_data.get("forget"):
                self.instance.set_headers({})
            if headers := self.cleaned_data.get("new_headers"):
                self.instance.set_headers(headers)
        except NoKey as error:
            said = gettext("It cannot be encrypted: %(reason)s")
            self.add_error("new_headers", said % {"reason": error})
