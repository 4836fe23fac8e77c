from __future__ import annotations

import logging
import time
from typing import Any, Final, cast

from allauth.core.internal import ratelimit
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat.admin.provider_account_form import ProviderAccountForm, in_words
from chat.admin.provider_names import title_of
from chat.generation import accounts
from chat.models import ModelListing, ProviderAccount, User
from chat.models.provider_account import InUse
from chat.models.sealing import NoKey
from chat.providers.base import ProviderError
from chat.providers.detection import account_of, models_of
from chat.providers.http.quotes import without_quote
from chat.providers.kinds import environments, kinds, settings_read

logger = logging.getLogger("chat.audit")

# Each user may let the site ask a server this often: it is not a tool for looking around in a network.
TESTS: Final = {"provider_test": "10/m/key"}
NAMED_ASSISTANTS: Final = 5


@admin.register(ProviderAccount)
class ProviderAccountAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Accounts at providers. Keys are write-only: no page, log line or history shows one.

    What the environment names is listed above them, to read.
    """

    form = ProviderAccountForm
    list_display = ("name", "slug", "kind_title", "address", "key_state", "models_listed", "is_active")
    search_fields = ("name", "slug", "base_url")
    prepopulated_fields = {"slug": ("name",)}
    # Deleting several at once would skip what `delete_view` checks.
    actions = None
    change_form_template = "admin/chat/provideraccount/change_form.html"
    change_list_template = "admin/chat/provideraccount/change_list.html"
    fieldsets = (
        (None, {"fields": ("name", "slug", "kind", "base_url", "is_active", "makes_assistants")}),
        (_("Secrets"), {"fields": ("new_key", "new_headers", "forget")}),
        (
            _("Timeouts"),
            {"classes": ("collapse",), "fields": ("connect_timeout", "first_token_timeout", "idle_timeout")},
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: ProviderAccount | None = None) -> tuple[str, ...]:
        return ("slug", "kind_title") if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)

    def get_fieldsets(self, request: HttpRequest, obj: ProviderAccount | None = None) -> Any:
        """The kind is for good: a key is never sent in another vendor's way. Readers see no fields of secrets."""
        shown = []
        for title, options in self.fieldsets:
            fields = tuple(options["fields"])
            if obj:
                fields = tuple("kind_title" if name == "kind" else name for name in fields)
            if "new_key" in fields and (obj is None or not self.has_change_permission(request, obj)):
                fields = ("new_key", "new_headers") if obj is None else ("key_state",)
            shown.append((title, {**options, "fields": fields}))
        return shown

    @admin.display(description=_("kind"), ordering="kind")
    def kind_title(self, account: ProviderAccount) -> str:
        kind = kinds().get(account.kind)
        return gettext(kind.title) if kind else account.kind

    @admin.display(description=_("base URL"), ordering="base_url")
    def address(self, account: ProviderAccount) -> str:
        kind = kinds().get(account.kind)
        return account.base_url or (kind.default_base_url if kind else "") or "–"

    @admin.display(description=_("API key"))
    def key_state(self, account: ProviderAccount) -> str:
        if not account.sealed_key:
            return gettext("not set")
        try:
            _ = account.api_key
        except NoKey:
            return gettext("⚠ cannot be decrypted: enter it again")
        return gettext("set")

    @admin.display(description=_("models"))
    def models_listed(self, account: ProviderAccount) -> int:
        listing = ModelListing.objects.filter(provider=account.slug).first()
        return len(listing.listed) if listing else 0

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "environment": _of_the_environment()})

    def save_model(self, request: HttpRequest, obj: ProviderAccount, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(accounts.look_now)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        account = self.get_object(request, object_id)
        if account is None or not self.has_delete_permission(request, account):
            return super().delete_view(request, object_id, extra_context)
        why = _why_not(account)
        if not why:
            try:
                return super().delete_view(request, object_id, extra_context)
            except InUse:
                # An assistant began to use it after the question.
                why = _why_not(account)
        messages.error(request, why)
        return redirect("admin:chat_provideraccount_change", account.pk)

    def delete_model(self, request: HttpRequest, obj: ProviderAccount) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(accounts.look_now)

    def get_urls(self) -> list[Any]:
        test = path("<path:object_id>/test/", self.admin_site.admin_view(self.test_view), name="provider_account_test")
        return [test, *super().get_urls()]

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks the server for its models and says in a sentence what is wrong."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        account = self.get_object(request, object_id)
        if not self.has_change_permission(request, account):
            raise PermissionDenied
        if account is None:
            raise Http404
        user_id = cast(User, request.user).pk
        if not ratelimit.consume(request, app="chat", action="provider_test", config=TESTS, key=str(user_id)):
            messages.error(request, gettext("That was too often. Wait a minute, then test again."))
        else:
            logger.info("audit: user %s tested the provider account %s", user_id, account.slug)
            level, said = _test(account)
            messages.add_message(request, level, said)
        return redirect(reverse("admin:chat_provideraccount_change", args=[account.pk]))


def _test(account: ProviderAccount) -> tuple[int, str]:
    """The level and the text of a message."""
    used = accounts.account_of(account)
    if used is None:
        return messages.ERROR, gettext("The key cannot be decrypted. Enter it again.")
    began = time.monotonic()
    try:
        models = async_to_sync(models_of)(*used)
    except ProviderError as error:
        # Without the server's words: it may be an internal one.
        # The texts are translated for the chat page, too (chat/pages/server_texts.py).
        reason = gettext(without_quote(error.message))
        return messages.ERROR, gettext("It does not work: %(reason)s") % {"reason": reason}
    milliseconds = round((time.monotonic() - began) * 1000)
    if not models:
        return messages.WARNING, gettext("The server responds, but it lists no chat models.")
    said = ngettext(
        "It works: %(count)d model, after %(milliseconds)d ms.",
        "It works: %(count)d models, after %(milliseconds)d ms.",
        len(models),
    )
    return messages.SUCCESS, said % {"count": len(models), "milliseconds": milliseconds}


def _why_not(account: ProviderAccount) -> str:
    """Why the account cannot be deleted; empty if it can."""
    names = [str(name) for name in account.assistants.values_list("name", flat=True)[: NAMED_ASSISTANTS + 1]]
    if not names:
        return ""
    if len(names) > NAMED_ASSISTANTS:
        names[NAMED_ASSISTANTS:] = [gettext("others")]
    said = gettext("%(account)s cannot be deleted: %(assistants)s use it. Give them another provider first.")
    return said % {"account": account, "assistants": in_words(names)}


def _of_the_environment() -> list[dict[str, Any]]:
    values = {name: getattr(settings, name) for name in settings_read()}
    listed = {each.provider: len(each.listed) for each in ModelListing.objects.filter(provider__in=environments())}
    return [
        {
            "title": title_of(name),
            "name": name,
            "address": account_of(kinds()[name], values).base_url if environment.is_set(values) else "",
            "is_set": environment.is_set(values),
            "needs": environment.needs,
            "models": listed.get(name, 0),
        }
        for name, environment in environments().items()
    ]
