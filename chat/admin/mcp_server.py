from __future__ import annotations

import logging
import time
from typing import Any, Final, cast

from allauth.core.internal import ratelimit
from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat.admin.mcp_server_form import McpServerForm
from chat.admin.mcp_tools import accept, in_words, rows_of
from chat.generation import mcp_servers
from chat.models import McpServer, User

logger = logging.getLogger("chat.audit")

# Each user may let the site ask a server this often: it is not a tool for looking around in a network.
TESTS: Final = {"mcp_test": "10/m/key"}


@admin.register(McpServer)
class McpServerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Servers whose tools models can use. Headers are write-only. A tool is off until its definition is accepted."""

    form = McpServerForm
    list_display = ("name", "slug", "url", "tools_on", "state", "is_on")
    search_fields = ("name", "slug", "url")
    prepopulated_fields = {"slug": ("name",)}
    actions = None
    change_form_template = "admin/chat/mcpserver/change_form.html"
    fieldsets = (
        (None, {"fields": ("name", "slug", "url", "timeout", "is_on")}),
        (_("Secrets"), {"fields": ("new_headers", "forget")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: McpServer | None = None) -> tuple[str, ...]:
        return ("slug",) if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)

    def get_fieldsets(self, request: HttpRequest, obj: McpServer | None = None) -> Any:
        """Readers see no fields of secrets."""
        (general, (title, secrets)) = self.fieldsets
        if obj is None:
            return (general, (title, {**secrets, "fields": ("new_headers",)}))
        if not self.has_change_permission(request, obj):
            return (general, (title, {**secrets, "fields": ("headers_set",)}))
        return self.fieldsets

    @admin.display(description=_("headers"))
    def headers_set(self, server: McpServer) -> str:
        return ", ".join(server.header_names) or gettext("not set")

    @admin.display(description=_("tools"))
    def tools_on(self, server: McpServer) -> str:
        rows = rows_of(server)
        said = gettext("%(on)d of %(all)d on")
        return said % {"on": sum(row.is_accepted for row in rows), "all": len(rows)} if rows else "–"

    @admin.display(description=_("state"))
    def state(self, server: McpServer) -> str:
        if server.problem:
            return f"⚠ {in_words(server.problem)}"
        if any(row.has_changed for row in rows_of(server)):
            return gettext("⚠ definitions have changed")
        return "–" if server.listed_at is None else gettext("works")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        server = self.get_object(request, object_id)
        shown = {"tools": rows_of(server), "problem": in_words(server.problem)} if server else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def save_model(self, request: HttpRequest, obj: McpServer, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(mcp_servers.look_now)

    def delete_model(self, request: HttpRequest, obj: McpServer) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(mcp_servers.look_now)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("<path:object_id>/test/", wrap(self.test_view), name="mcp_server_test"),
            path("<path:object_id>/accept/", wrap(self.accept_view), name="mcp_server_accept"),
        ]
        return [*own, *super().get_urls()]

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks the server for its tools, shows them, and says in a sentence what is wrong."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        server = self._changeable(request, object_id)
        user_id = cast(User, request.user).pk
        if not ratelimit.consume(request, app="chat", action="mcp_test", config=TESTS, key=str(user_id)):
            messages.error(request, gettext("That was too often. Wait a minute, then test again."))
        else:
            logger.info("audit: user %s tested the MCP server %s", user_id, server.slug)
            level, said = _test(server)
            messages.add_message(request, level, said)
        return _back(server)

    def accept_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Accepts the definitions that are ticked, if they are still the ones that were shown."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        server = self._changeable(request, object_id)
        digests = {*request.POST.getlist("accept")}
        if digests - {row.digest for row in rows_of(server)}:
            messages.error(request, gettext("The definitions have changed meanwhile. Look at them again."))
            return _back(server)
        changed = accept(server, digests, request.POST.getlist("harmless"))
        transaction.on_commit(mcp_servers.look_now)
        logger.info(
            "audit: user %s accepted definitions of the MCP server %s: %s",
            *(cast(User, request.user).pk, server.slug, ", ".join(changed) or "none"),
        )
        self.log_change(request, server, f"Tools accepted or turned off: {', '.join(changed) or '–'}")
        messages.success(request, gettext("Saved. Models can use the tools that are ticked, if their assistants may."))
        return _back(server)

    def _changeable(self, request: HttpRequest, object_id: str) -> McpServer:
        """Raises PermissionDenied or Http404."""
        server = cast(McpServer | None, self.get_object(request, object_id))
        if not self.has_change_permission(request, server):
            raise PermissionDenied
        if server is None:
            raise Http404
        return server


def _back(server: McpServer) -> HttpResponse:
    return redirect(reverse("admin:chat_mcpserver_change", args=[server.pk]))


def _test(server: McpServer) -> tuple[int, str]:
    """The level and the text of a message. What the server lists is saved."""
    began = time.monotonic()
    mcp_servers.record(server, async_to_sync(mcp_servers.listed_by)(server))
    transaction.on_commit(mcp_servers.look_now)
    if server.problem:
        # Without the server's words: it may be an internal one.
        return messages.ERROR, gettext("It does not work: %(reason)s") % {"reason": f"{in_words(server.problem)}."}
    milliseconds = round((time.monotonic() - began) * 1000)
    if not server.listing:
        return messages.WARNING, gettext("The server responds, but it lists no tools.")
    said = ngettext(
        "It works: %(count)d tool, after %(milliseconds)d ms.",
        "It works: %(count)d tools, after %(milliseconds)d ms.",
        len(server.listing),
    )
    return messages.SUCCESS, said % {"count": len(server.listing), "milliseconds": milliseconds}
