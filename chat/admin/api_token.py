from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.models import ApiToken, User


class ValidityFilter(admin.SimpleListFilter):
    title = _("validity")
    parameter_name = "valid"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Valid")), ("no", _("Revoked or expired"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
        valid = ApiToken.objects.valid().values("pk")
        match self.value():
            case "yes":
                return queryset.filter(pk__in=valid)
            case "no":
                return queryset.exclude(pk__in=valid)
        return queryset


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A token acts for its owner, so only superusers choose the owner. Issued tokens can be renamed or revoked."""

    list_display = ("prefix", "name", "owner", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = (ValidityFilter,)
    list_select_related = ("owner",)
    search_fields = ("=prefix", "name", "owner__username")
    autocomplete_fields = ("owner",)
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        if obj is not None:
            return ("prefix", "name", "owner", "created_at", "expires_at", "last_used_at", "revoked_at")
        return ("owner", "name") if request.user.is_superuser else ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        return ("prefix", "owner", "created_at", "expires_at", "last_used_at", "revoked_at")

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        issuer = cast(User, request.user)
        token, secret = ApiToken.objects.issue(obj.owner if issuer.is_superuser else issuer, obj.name)
        for field in ApiToken._meta.concrete_fields:
            setattr(obj, field.attname, getattr(token, field.attname))
        said = _("Copy the token now. It will not be shown again: %(secret)s")
        messages.warning(request, said % {"secret": secret})

    @admin.action(description=_("Revoke the selected API tokens"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        tokens = list(queryset.filter(revoked_at=None))
        for token in tokens:
            token.revoke()
            self.log_change(request, token, gettext("Revoked."))
        said = _("%(count)s revoked. Programs can no longer use them.")
        self.message_user(request, said % {"count": len(tokens)})
