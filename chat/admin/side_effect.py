from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from chat.models import SideEffect


@admin.register(SideEffect)
class SideEffectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The audit trail of tools that change or send something. It can only be read."""

    list_display = ("began_at", "tool", "owner", "state", "ended_at")
    list_filter = ("state", "tool")
    list_select_related = ("owner",)
    search_fields = ("tool", "owner__username", "=run_id")
    date_hierarchy = "began_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SideEffect | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SideEffect | None = None) -> bool:
        return False
