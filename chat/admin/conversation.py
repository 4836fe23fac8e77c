from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.contrib.admin.utils import unquote
from django.core.paginator import Paginator
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Substr
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from chat.models import Conversation, User
from chat.protocol.untrusted_input import parse_uuid

READ_ANY: Final = "chat.read_any_conversation"
MESSAGES_PER_PAGE: Final = 100
CHARACTERS_PER_MESSAGE: Final = 10_000
# Matches no message.
NOBODYS: Final = UUID(int=0)

logger = logging.getLogger("chat.audit")


@admin.register(Conversation)
class ConversationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Conversations can be read and deleted, not changed. Without READ_ANY, staff see only their own.

    Reading somebody else's conversation, and every deletion, is recorded in the log "chat.audit" and in the admin's
    history, by id only: a title is the beginning of a user's message, and must not outlive the conversation there.
    """

    list_display = ("title", "id", "owner", "assistant", "message_count", "updated_at")
    list_filter = ("updated_at", "assistant")
    list_select_related = ("owner", "assistant")
    # Enables the search box and the search for owners; get_search_results adds the search by id.
    search_fields = ("owner__username", "owner__email")
    search_help_text = _("Search by the owner's name or email address, or by conversation ID.")
    fields = ("title", "id", "owner", "assistant", "created_at", "updated_at")
    readonly_fields = fields
    change_form_template = "admin/chat/conversation/transcript.html"

    class Media:
        css = {"all": ("css/admin_transcript.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        conversations = Conversation.objects.kept().annotate(message_count=Count("messages"))
        if not request.user.has_perm(READ_ANY):
            conversations = conversations.filter(owner_id=request.user.pk)
        return conversations.order_by("-updated_at", "-pk")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Conversation], search_term: str
    ) -> tuple[QuerySet[Conversation], bool]:
        if conversation_id := parse_uuid(search_term.strip()):
            return queryset.filter(pk=conversation_id), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("messages"), ordering="message_count")
    def message_count(self, conversation: Any) -> int:
        return int(conversation.message_count)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        conversation = self.get_object(request, unquote(object_id))
        if conversation is None or not self.has_view_permission(request, conversation):
            return super().change_view(request, object_id, form_url, extra_context)
        if conversation.owner_id != request.user.pk:
            _audit(request, [conversation], CHANGE, gettext_noop("Viewed."))
        shown = {"transcript": transcript(conversation, request.GET.get("page"), request.GET.get("whole"))}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Conversation]) -> list[LogEntry]:
        return _audit(request, queryset, DELETION, gettext_noop("Deleted."))


def transcript(conversation: Conversation, page: str | None, whole: str | None) -> dict[str, Any]:
    """A page of all messages in order, and which of them the owner sees: the path up from the active leaf.

    Long texts are cut. `whole`: the id of a message; then the page has only this one, with its full text.
    """
    parents = dict(conversation.messages.values_list("pk", "parent_id"))
    shown = set()
    message_id = conversation.active_leaf_id
    while message_id in parents and message_id not in shown:
        shown.add(message_id)
        message_id = parents[message_id]
    messages = conversation.messages.order_by("created_at", "pk").defer("text")
    if whole is None:
        messages = messages.annotate(shown_text=Substr("text", 1, CHARACTERS_PER_MESSAGE))
    else:
        messages = messages.filter(pk=parse_uuid(whole) or NOBODYS).annotate(shown_text=F("text"))
    return {
        "page": Paginator(messages, MESSAGES_PER_PAGE).get_page(page),
        "shown": shown,
        # A text of exactly this length counts as cut: to tell, each full text would have to be read.
        "cut_at": CHARACTERS_PER_MESSAGE if whole is None else None,
    }


def _audit(request: HttpRequest, conversations: Iterable[Conversation], flag: int, done: str) -> list[LogEntry]:
    reader = cast(User, request.user)
    entries = []
    for conversation in conversations:
        logger.info(
            "audit: user %s, conversation %s of user %s: %s", reader.pk, conversation.pk, conversation.owner_id, done
        )
        entry = LogEntry.objects.create(
            user=reader,
            content_type=get_content_type_for_model(conversation),
            object_id=str(conversation.pk),
            object_repr=f"Conversation {conversation.pk}",
            action_flag=flag,
            change_message=gettext(done),
        )
        entries.append(entry)
    return entries
