from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from chat.models import User

POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    """Who may change users cannot become more than they are: only superusers see other staff, or give powers."""

    list_display = ("username", "email", "is_active", "is_staff", "date_joined", "last_login")
    ordering = ("username",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users = super().get_queryset(request)
        if is_superuser(request):
            return users
        return users.filter(Q(is_staff=False, is_superuser=False) | Q(pk=request.user.pk))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        readonly = tuple(super().get_readonly_fields(request, obj))
        return readonly if is_superuser(request) else (*readonly, *POWERS)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """Only how many rows go with a user: their list would show the titles of conversations to all staff."""
        _, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return [str(user) for user in objs], counts, lacking, protected

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        # Addresses that allauth remembers from before would still log in and receive password resets.
        EmailAddress.objects.filter(user=obj).exclude(email__iexact=obj.email).delete()


def is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
