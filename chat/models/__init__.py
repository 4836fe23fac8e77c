"""The data model: users, assistants, conversations, messages and what belongs to them."""

from chat.models.api_token import ApiToken
from chat.models.assistant import Assistant
from chat.models.conversation import Conversation
from chat.models.decision import Decision
from chat.models.message import Message
from chat.models.model_listing import ModelListing
from chat.models.part import Part
from chat.models.provider_account import ProviderAccount
from chat.models.side_effect import SideEffect
from chat.models.sign_in import SignIn
from chat.models.step import Step
from chat.models.suggestion import Suggestion
from chat.models.tool_permission import ToolPermission
from chat.models.unanswered_question import UnansweredQuestion
from chat.models.user import User

__all__ = [
    "ApiToken",
    "Assistant",
    "Conversation",
    "Decision",
    "Message",
    "ModelListing",
    "Part",
    "ProviderAccount",
    "SideEffect",
    "SignIn",
    "Step",
    "Suggestion",
    "ToolPermission",
    "UnansweredQuestion",
    "User",
]
