from __future__ import annotations

from typing import Any

from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from chat.admin.user import is_superuser


class GroupAdmin(DjangoGroupAdmin):
    """Staff may name groups; only superusers may change a group's permissions or delete it.

    Members inherit the permissions, and an assistant limited to one group is open to everyone once the group is gone.
    """

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        readonly = tuple(super().get_readonly_fields(request, obj))
        return readonly if is_superuser(request) else (*readonly, "permissions")

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return is_superuser(request) and super().has_delete_permission(request, obj)
