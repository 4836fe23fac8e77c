"""The JSON objects in the API's requests and responses. The OpenAPI document is generated from these types.

Fields may be added to responses: clients ignore unknown fields.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict

from chat.protocol.event_data import DECISIONS, REASONS, SCOPES, STATUSES, TOOL_ERRORS, Context
from chat.protocol.fields import (
    NOT_BLANK,
    Address,
    Count,
    Id,
    Milliseconds,
    PageCursor,
    RunCursor,
    Time,
    one_of,
    says,
)
from chat.protocol.untrusted_input import UUID_PATTERN

ROOT: Final = "root"
"""As a parent id: the message becomes a sibling of the conversation's first message."""

TITLE_LENGTH: Final = 120
NOTE_CHARACTERS: Final = 2_000
_OWN_ID: Final = "As in a message: the same id again is the same run."
_ZONE: Final = "As in a message."


class Send(TypedDict, total=False):
    """A message to answer (`text`), a saved question to answer again (`regenerate_id`), or a saved answer that was
    cut off, to go on with (`continue_id`): exactly one of the three."""

    text: Annotated[
        str | None,
        says(
            "The message. NUL and unpaired surrogates are replaced by U+FFFD.",
            minLength=1,
            pattern=NOT_BLANK,
        ),
    ]
    client_message_id: Annotated[
        Id | None,
        says(
            "Made by the client, one for each message: the same id again, by whatever transport, is the same run. "
            "If it is omitted, every request is a new run."
        ),
    ]
    conversation_id: Annotated[Id | None, says("If it is omitted, a new conversation begins.")]
    parent_id: Annotated[
        str | None,
        says(
            "The answer that this message continues. By default the conversation's active leaf; "
            f"`{ROOT}` makes a new first message. Only with `text`.",
            pattern=f"^({ROOT}|{UUID_PATTERN})$",
        ),
    ]
    regenerate_id: Annotated[
        Id | None, says("A question. It gets another answer beside those that it has. Not with `text`.")
    ]
    continue_id: Annotated[
        Id | None,
        says(
            "An answer whose `finish_reason` is `length` or `stopped`. A new answer beside it begins with its text "
            "and goes on. Not with `text`."
        ),
    ]
    assistant: Annotated[
        str | None, says("The slug of an assistant. By default the conversation's own, or else the site's default.")
    ]
    time_zone: Annotated[
        str | None,
        says(
            "Where the person is, for tools that need the local time: an IANA name. Like none if the server does not "
            "know it.",
            examples=["Europe/Berlin"],
        ),
    ]
    tools: Annotated[
        bool | None,
        says(
            "Whether the model may use the assistant's tools. The conversation remembers it once the answer is saved. "
            "If it is omitted, what the conversation remembers."
        ),
    ]
    attachments: Annotated[list[str] | None, says("Reserved: nothing can be attached yet.", maxItems=0)]


class CallDecision(TypedDict):
    """A person's decision on a call that waits."""

    call_id: str
    decision: Annotated[Literal["allow", "deny"], says("Whether the call is made.")]
    scope: NotRequired[
        Annotated[
            Literal["once", "chat"] | None,
            says("`chat`: allows later calls of this tool in this conversation, too. `once` if it is omitted."),
        ]
    ]
    note: NotRequired[
        Annotated[str | None, says("Told to the model if the call is denied.", maxLength=NOTE_CHARACTERS)]
    ]


class Approve(TypedDict):
    """Decisions on all calls of a message that wait for permission."""

    decisions: Annotated[list[CallDecision], says("One for each.", minItems=1)]
    client_message_id: NotRequired[Annotated[Id | None, says(_OWN_ID)]]
    time_zone: NotRequired[Annotated[str | None, says(_ZONE)]]


class AnswerQuestion(TypedDict):
    """The answer to a question of the model."""

    call_id: str
    text: Annotated[str, says("One of the choices, or the person's own words.", minLength=1, pattern=NOT_BLANK)]
    client_message_id: NotRequired[Annotated[Id | None, says(_OWN_ID)]]
    time_zone: NotRequired[Annotated[str | None, says(_ZONE)]]


class ConversationChanges(TypedDict, total=False):
    """What to change: one of these, or several. Not `active_leaf_id` together with `branch_id`."""

    title: Annotated[
        str, says("Runs of white space become one space.", minLength=1, maxLength=TITLE_LENGTH, pattern=NOT_BLANK)
    ]
    active_leaf_id: Annotated[Id, says("An answer of this conversation: the shown path ends there.")]
    branch_id: Annotated[Id, says("Any message of it: the shown path ends at the newest answer below this one.")]
    pinned: bool
    archived: bool
    unread: bool
    tools: Annotated[bool, says("Whether the model may use the assistant's tools, from the next message on.")]


class RunUrls(TypedDict):
    events_url: Address
    stop_url: Address


class StartedRun(TypedDict):
    """Where to follow a run, and where to stop it."""

    run_id: Id
    conversation_id: Annotated[
        Id, says("Reserved at the start. The conversation itself exists once its run is saved.")
    ]
    events_url: Address
    stop_url: Address


class Unanswered(TypedDict):
    """Of a run that failed, while its question waits to be asked again or dismissed."""

    failed_at: Time
    first: Annotated[bool, says("Nothing in its conversation has been answered: the conversation does not exist yet.")]


class Run(TypedDict):
    """One generation: a message in, one answer out."""

    run_id: Id
    conversation_id: Id
    client_message_id: Id
    title: Annotated[str, says("Of the conversation.")]
    cursor: Annotated[RunCursor, says("The last event so far.")]
    state: Annotated[str, one_of("live", *STATUSES, "error")]
    unanswered: Annotated[
        Unanswered | None, says("Of a run that failed, while its question waits to be asked again or dismissed.")
    ]
    events_url: Address
    stop_url: Address


class StoppedRun(TypedDict):
    """The run that was asked to stop."""

    run_id: Id


class RunList(TypedDict):
    """The runs, newest first."""

    items: list[Run]


class Conversation(TypedDict):
    """A tree of messages. What is shown is the path from the active leaf up to the root."""

    id: Id
    title: Annotated[str, says("Plain text.", maxLength=TITLE_LENGTH)]
    assistant: Annotated[str | None, says("The slug of the assistant that answered last. Null if it was deleted.")]
    active_leaf_id: Annotated[Id | None, says("The message at which the shown path ends.")]
    pinned: Annotated[bool, says("Kept at the top of the list.")]
    archived: Annotated[bool, says("Hidden from the list by default.")]
    unread: Annotated[bool, says("An answer was saved since this was last set to false.")]
    tools: Annotated[bool, says("Whether the model may use the assistant's tools. On unless it was switched off.")]
    created_at: Time
    updated_at: Time


class ConversationPage(TypedDict):
    """Conversations, the most recently answered first."""

    items: list[Conversation]
    next: Annotated[PageCursor | None, says("The `cursor` of the next page, or null at the end.")]


class PartApproval(TypedDict):
    """What a person was asked about a call, and has decided."""

    reason: NotRequired[Annotated[str, one_of(*REASONS), says("Why the person was asked.")]]
    expires_at: NotRequired[Annotated[Time, says("From then on it counts as denied.")]]
    decision: NotRequired[Annotated[str, one_of(*DECISIONS)]]
    scope: NotRequired[Annotated[str, one_of(*SCOPES)]]
    note: NotRequired[Annotated[str, says("What the person wrote to the model.")]]


class PartQuestion(TypedDict):
    """What the model asks the person."""

    text: str
    choices: list[str]
    allows_text: Annotated[bool, says("Whether the person may answer in their own words.")]


class MessagePart(TypedDict):
    """A part of an answer. `text` and `reasoning` have `text`, a `tool_call` its arguments and result, a `member`
    its name."""

    kind: Annotated[str, one_of("text", "reasoning", "tool_call", "member")]
    agent: NotRequired[Annotated[str, says("The member of a team that wrote this part.")]]
    text: NotRequired[str]
    duration_ms: NotRequired[Annotated[Milliseconds | None, says("Of reasoning, or of a call of a tool.")]]
    call_id: NotRequired[str]
    tool: NotRequired[str]
    title: NotRequired[Annotated[str, says("Of the tool, for a person to read.")]]
    side_effects: NotRequired[Annotated[bool, says("Whether the tool changes anything outside of this chat.")]]
    arguments: NotRequired[dict[str, Any]]
    state: NotRequired[Annotated[str, one_of("running", "waiting", "done", "failed")]]
    approval: NotRequired[Annotated[PartApproval, says("If a person was asked for permission.")]]
    question: NotRequired[Annotated[PartQuestion, says("If the model asks the person.")]]
    items: NotRequired[Annotated[list[dict[str, Any]], says("The progress of a call, as its events had it.")]]
    result: NotRequired[Annotated[Any, says("What the tool returned.")]]
    message: NotRequired[Annotated[str, says("Why a call failed.")]]
    code: NotRequired[Annotated[str, one_of("", *TOOL_ERRORS)]]
    name: NotRequired[Annotated[str, says("Of a member.")]]
    status: NotRequired[Annotated[str, says("How a member ended.")]]


class Message(TypedDict):
    """A person's question or an assistant's answer. Never changed once it is written."""

    id: Id
    conversation_id: Id
    parent_id: Annotated[Id | None, says("Null for a first message.")]
    role: Annotated[str, one_of("user", "assistant")]
    text: str
    parts: Annotated[
        list[MessagePart],
        says(
            "What an answer is made of, in its order, if that is more than one text; else empty. The text of its "
            "parts without `agent`, joined, is `text`."
        ),
    ]
    status: Annotated[
        str,
        one_of(*STATUSES),
        says("`stopped`: the answer was cut off there. `waiting`: a person decides on the calls that are waiting."),
    ]
    finish_reason: Annotated[str, says("As in the `done` event. Empty for a question.")]
    model: Annotated[str, says("The model's name at the provider. Empty for a question.")]
    assistant: Annotated[
        str | None, says("The slug of the assistant that answered. Null for a question, or if it was deleted.")
    ]
    run_id: Annotated[Id | None, says("The run that wrote this answer. Null for a question.")]
    client_message_id: Annotated[
        Id | None,
        says("From the request that created this question, or this further answer to it. Otherwise null."),
    ]
    input_tokens: Count | None
    output_tokens: Count | None
    ttft_ms: Annotated[Milliseconds | None, says("Time to the first token, in milliseconds.")]
    duration_ms: Annotated[Milliseconds | None, says("Of the whole answer, in milliseconds.")]
    context: NotRequired[Annotated[Context, says("As in the `done` event.")]]
    pending: NotRequired[Annotated[list[str], says("As in the `done` event.")]]
    created_at: Time
    siblings: NotRequired[
        Annotated[
            list[Id],
            says("On a page of one branch: all messages with this role and parent, oldest first, including this one."),
        ]
    ]


class MessagePage(TypedDict):
    """Messages of all branches or of one, newest first."""

    items: list[Message]
    next: Annotated[PageCursor | None, says("The `cursor` of the next page, or null at the end.")]
    previous: NotRequired[
        Annotated[PageCursor | None, says("Of one branch: the `cursor` of the page of newer messages, or null.")]
    ]
    leaf_id: NotRequired[
        Annotated[Id | None, says("Of one branch: the message at which it ends. Null if there is none yet.")]
    ]


class Assistant(TypedDict):
    """A model with a name and instructions: what a person chooses to talk to."""

    slug: str
    name: str
    description: str
    provider: str
    model: str
    default: Annotated[bool, says("The one that answers when nothing else is chosen.")]
    demo: Annotated[bool, says("Its answers are pre-written.")]
    tools: Annotated[bool, says("Whether it has tools that its model can use.")]


class ModelProblem(TypedDict):
    """What is wrong with a provider."""

    provider: Annotated[str, says("As assistants name it.")]
    silent: Annotated[bool, says("Whether its server does not respond. It may recover at any moment: ask again.")]
    code: Annotated[str, says("As in an `error` event.")]
    message: Annotated[str, says("A sentence for people, in English.")]


class AssistantList(TypedDict):
    """The assistants to choose from; the default is the first."""

    items: list[Assistant]
    problems: Annotated[
        list[ModelProblem], says("Providers whose models cannot be used, as far as was known a moment ago.")
    ]


class Segment(TypedDict):
    """A piece of a text. Joined, the pieces are the text; nothing in it is markup."""

    text: str
    match: Annotated[bool, says("Whether this is what was searched for.")]


class Hit(TypedDict):
    """A message, or the title of a conversation, that contains the words."""

    conversation: Conversation
    message_id: Annotated[Id | None, says("Null: the title contains them.")]
    role: Annotated[str | None, says("Of the message, `user` or `assistant`. Null for a title.")]
    created_at: Annotated[Time, says("Of the message; of a title, when its conversation was last answered.")]
    title: list[Segment]
    snippet: Annotated[list[Segment], says("The message around the first match. Empty for a title.")]


class SearchPage(TypedDict):
    """The hits, newest first."""

    items: list[Hit]
    next: Annotated[PageCursor | None, says("The `cursor` of the next page, or null at the end.")]


class Suggestion(TypedDict):
    """A question that the page of a new conversation offers."""

    title: str
    text: str
