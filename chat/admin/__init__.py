"""Django's admin: users, groups, assistants, provider accounts, MCP servers, suggestions, API tokens; conversations
and tools' side effects (read-only)."""

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _

from chat.admin.api_token import ApiTokenAdmin
from chat.admin.assistant import AssistantAdmin
from chat.admin.conversation import ConversationAdmin
from chat.admin.group import GroupAdmin
from chat.admin.mcp_server import McpServerAdmin
from chat.admin.provider_account import ProviderAccountAdmin
from chat.admin.side_effect import SideEffectAdmin
from chat.admin.suggestion import SuggestionAdmin
from chat.admin.user import UserAdmin

__all__ = [
    "ApiTokenAdmin",
    "AssistantAdmin",
    "ConversationAdmin",
    "GroupAdmin",
    "McpServerAdmin",
    "ProviderAccountAdmin",
    "SideEffectAdmin",
    "SuggestionAdmin",
    "UserAdmin",
]

admin.site.site_title = admin.site.site_header = "Chatsite"
admin.site.index_title = _("Administration")
# The site's own sign-in page: unlike Django's, it has rate limits.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# The address is a field of the user. UserAdmin keeps allauth's copy in sync.
admin.site.unregister(EmailAddress)
# Django's own lets anyone who may change groups grant them any permission.
admin.site.unregister(Group)
admin.site.register(Group, GroupAdmin)
