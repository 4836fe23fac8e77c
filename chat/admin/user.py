from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm as DjangoUserChangeForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.auth import sign_in_watch
from chat.generation import owners
from chat.models import User

POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")


class UserForm(DjangoUserChangeForm):  # type: ignore[type-arg]
    """A new username or address must be unique, ignoring case: either can be used to sign in."""

    def _get_validation_exclusions(self) -> set[str]:
        """Do not validate an unchanged username: it may be older than the rules."""
        kept = set() if "username" in self.changed_data else {"username"}
        return set(super()._get_validation_exclusions() | kept)  # type: ignore[misc]

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if "username" in self.changed_data and self._others().filter(username__iexact=name).exists():
            raise ValidationError(User._meta.get_field("username").error_messages["unique"])
        return name

    def clean_email(self) -> str:
        address: str = self.cleaned_data["email"]
        if address and "email" in self.changed_data and self._others().filter(email__iexact=address).exists():
            raise ValidationError(_("Another account already uses this address."))
        return address

    def _others(self) -> QuerySet[User]:
        return User.objects.exclude(pk=self.instance.pk)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    """Staff cannot escalate their own permissions: only superusers see other staff or grant permissions."""

    form = UserForm
    list_display = ("username", "display_name", "email", "is_active", "is_staff", "date_joined", "last_login")
    ordering = ("username",)
    search_fields = (*DjangoUserAdmin.search_fields, "display_name")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Personal info"), {"fields": ("display_name", "first_name", "last_name", "email")}),
        *(DjangoUserAdmin.fieldsets or ())[2:],
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users = super().get_queryset(request)
        if is_superuser(request):
            return users
        return users.filter(Q(is_staff=False, is_superuser=False) | Q(pk=request.user.pk))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        readonly = tuple(super().get_readonly_fields(request, obj))
        return readonly if is_superuser(request) else (*readonly, *POWERS)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """Only the number of related rows: a list would show titles of conversations to all staff."""
        _, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return [str(user) for user in objs], counts, lacking, protected

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if "email" in form.changed_data:
            obj.email_since = timezone.now()
        super().save_model(request, obj, form, change)
        # allauth would still accept earlier addresses for sign-in and password resets.
        EmailAddress.objects.filter(user=obj).exclude(email__iexact=obj.email).delete()
        if not obj.is_active:
            _end_what_is_under_way([obj.pk])

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        user_id = obj.pk
        super().delete_model(request, obj)
        _end_what_is_under_way([user_id])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        user_ids = list(queryset.values_list("pk", flat=True))
        super().delete_queryset(request, queryset)
        _end_what_is_under_way(user_ids)


def _end_what_is_under_way(user_ids: Sequence[int]) -> None:
    """End the users' runs and connections, once the change is committed."""

    def end() -> None:
        owners.look_now(user_ids)
        for user_id in user_ids:
            sign_in_watch.look_now(user_id)

    transaction.on_commit(end)


def is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
