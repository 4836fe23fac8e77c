from __future__ import annotations

from typing import Any

from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from chat.admin.user import is_superuser


class GroupAdmin(DjangoGroupAdmin):
    """Staff name groups; what a group may do, and whether it goes, is the superuser's.

    Its members have what it may, and an assistant that was for a group alone is everybody's once the group is gone.
    """

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        readonly = tuple(super().get_readonly_fields(request, obj))
        return readonly if is_superuser(request) else (*readonly, "permissions")

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return is_superuser(request) and super().has_delete_permission(request, obj)
