"""The data of each event of a run. Every transport adds the event's name to it as `type`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict, get_args

from msgspec import Meta

from chat.protocol.fields import Count, Id, Milliseconds, Time, one_of, says

Agent = Annotated[str, Meta(description="The member of a team that this is about.")]
Truncated = Annotated[bool, says("The data was too long for an event. The saved message has it whole.")]
Attempt = Annotated[int, Meta(extra_json_schema={"minimum": 1})]

FINISH_REASONS: Final = (
    "stop",
    "length",
    "content_filter",
    "refusal",
    "tool_limit",
    "stopped",
    "abandoned",
    "approval",
    "question",
)
STATUSES: Final = ("completed", "stopped", "waiting")
"""How a saved answer ended."""

REASONS: Final = ("side_effects", "policy")
"""Why a person is asked before a call."""
DECISIONS: Final = ("allow", "deny")
SCOPES: Final = ("once", "chat")

ToolErrorCode = Literal[
    "failed",
    "timeout",
    "denied",
    "expired",
    "invalid_arguments",
    "unknown_tool",
    "too_large",
    "cancelled",
    "unknown_outcome",
]
TOOL_ERRORS: Final[tuple[str, ...]] = get_args(ToolErrorCode)
"""Why a tool call has no result."""


class UserMessage(TypedDict):
    """The question that the run answers."""

    id: NotRequired[Annotated[Id, says("Only of one that is saved already and is answered again.")]]
    text: str
    parent_id: Id | None
    attachments: list[str]


class Usage(TypedDict):
    """Tokens so far, as the provider counts them, of all calls of the model."""

    input_tokens: Annotated[Count, says("Including those from the provider's cache.")]
    output_tokens: Annotated[Count, says("Including those of the reasoning.")]
    cached_input_tokens: NotRequired[Count]
    reasoning_tokens: NotRequired[Count]


class Context(TypedDict):
    """What of the conversation the model has not read."""

    left_out: Annotated[Count, says("How many messages, the oldest, did not fit its context window.")]
    cut_by_server: NotRequired[
        Annotated[bool, says("Whether the model's server must have dropped a part, by the tokens that it counts.")]
    ]


class Start(TypedDict):
    """Always first."""

    run_id: Id
    conversation_id: Id
    client_message_id: Id
    assistant: Annotated[str, says("The slug of the assistant that answers. Empty if it has been deleted.")]
    model: str
    attempt: Annotated[Attempt, says("1, unless another process took over the run.")]
    user_message: UserMessage
    continues: NotRequired[Annotated[Id, says("The saved answer that this one begins with, if it continues one.")]]
    time_zone: NotRequired[Annotated[str, says("That of the message, if it named one and the answer may use tools.")]]
    context: NotRequired[Annotated[Context, says("Only if something was left out.")]]
    tools: NotRequired[Annotated[bool, says("`false`: tools are switched off, so the model is offered none.")]]
    tools_chosen: NotRequired[
        Annotated[bool, says("The message chose that: the conversation has it once the answer is saved.")]
    ]


class _OfAgent(TypedDict):
    agent: NotRequired[Agent]


class Status(_OfAgent):
    """A line about the progress, for a person to read."""

    text: str
    state: Annotated[
        str,
        says(
            "What is going on, for a program.",
            examples=["thinking", "searching", "reading", "generating", "retrying", "saving"],
        ),
    ]


class Reasoning(_OfAgent):
    """A piece of the model's reasoning, if it shares that."""

    text: str
    duration_ms: NotRequired[Annotated[Milliseconds, says("At its end: how long the model took for it.")]]


class Token(_OfAgent):
    """A piece of the answer. Every `text` since `start`, or since the last `reset`, joined, is the answer."""

    text: str


class _OfTool(_OfAgent):
    call_id: str
    tool: str


class ToolStart(_OfTool):
    """The model calls a tool: its arguments are complete."""

    arguments: dict[str, Any]
    title: NotRequired[Annotated[str, says("Of the tool, for a person to read.")]]
    side_effects: NotRequired[Annotated[bool, says("Whether the tool changes anything outside of this chat.")]]
    arguments_truncated: NotRequired[Annotated[bool, says("The saved message has them whole.")]]


class ToolProgress(_OfTool):
    """A part of a tool's result, as it arrives."""

    item: Annotated[dict[str, Any], says("For a search, one hit: `index`, `title`, `snippet`, `score`, `url`.")]
    truncated: NotRequired[Truncated]


class ToolResult(_OfTool):
    """A tool has finished."""

    result: Annotated[Any, says("A preview of at most 4 KiB.")]
    duration_ms: Milliseconds
    truncated: NotRequired[Truncated]


class ToolError(_OfTool):
    """A tool has failed. The run goes on."""

    message: str
    duration_ms: Milliseconds
    code: NotRequired[Annotated[str, one_of(*TOOL_ERRORS)]]
    truncated: NotRequired[Truncated]


class ApprovalRequest(_OfTool):
    """The call is made only if a person allows it. The run ends with the status `waiting`."""

    title: str
    arguments: dict[str, Any]
    reason: Annotated[
        str,
        one_of(*REASONS),
        says("`side_effects`: the tool changes or sends something. `policy`: an administrator wants it."),
    ]
    expires_at: Annotated[Time, says("From then on it counts as denied.")]
    arguments_truncated: NotRequired[Annotated[bool, says("The saved message has them whole.")]]


class Approval(_OfTool):
    """What the person has decided, in the run that goes on."""

    decision: Annotated[str, one_of(*DECISIONS)]
    scope: Annotated[str, one_of(*SCOPES), says("`chat`: this tool may be called in this conversation from now on.")]
    note: NotRequired[Annotated[str, says("What the person wrote to the model.")]]
    truncated: NotRequired[Truncated]


class Question(_OfTool):
    """The model asks the person, and the run ends with the status `waiting`. The answer is the call's result."""

    text: str
    choices: Annotated[list[str], says("Answers to choose from.")]
    allows_text: Annotated[bool, says("Whether the person may answer in their own words.")]
    truncated: NotRequired[Truncated]


class AgentStart(TypedDict):
    """A member of a team begins. Events that carry its `agent` are its own."""

    agent: str
    name: str


class AgentDone(TypedDict):
    """A member of a team has finished."""

    agent: str
    status: str


class UsageSoFar(Usage, _OfAgent):
    """Tokens so far: later counts replace earlier ones."""


class Reset(TypedDict):
    """Discard everything since `start`: the log is sent again, or the run has started over."""

    attempt: Attempt
    reason: Annotated[
        str, says("`unknown_cursor`: the cursor that was sent is of another log. `thought`: the text was reasoning.")
    ]


class Done(TypedDict):
    """The end of an answer that is saved: whoever reads this finds the message in the API."""

    status: Annotated[str, one_of(*STATUSES), says("`waiting`: for a person, see `pending`.")]
    message_id: Id
    parent_id: Annotated[Id, says("The saved question.")]
    finish_reason: Annotated[str, one_of(*FINISH_REASONS)]
    characters: Annotated[Count, says("Code points of the answer. If you count differently, fetch the message again.")]
    ttft_ms: Annotated[Milliseconds | None, says("Time to the first token, in milliseconds.")]
    duration_ms: Milliseconds
    usage: Usage | None
    context: NotRequired[Annotated[Context, says("Only if something was left out.")]]
    pending: NotRequired[Annotated[list[str], says("If it is waiting: the calls that a person decides on.")]]


class Failure(TypedDict):
    """The end of a run that failed. Nothing of the answer was saved; what had arrived can be kept."""

    code: str
    message: Annotated[str, says("A sentence for the person who asked.")]
    retryable: Annotated[bool, says("Whether the same request may succeed later.")]
    retry_after: NotRequired[Annotated[float, says("Seconds to wait before that.", minimum=0)]]


class Ping(TypedDict):
    """A sign of life: at the beginning, when a server shuts down, and when nothing has been sent for a while."""

    heartbeat: Annotated[float, says("The longest silence to expect, in seconds.", exclusiveMinimum=0)]


EVENTS: Final[dict[str, Any]] = {
    "start": Start,
    "status": Status,
    "reasoning": Reasoning,
    "token": Token,
    "tool_start": ToolStart,
    "tool_progress": ToolProgress,
    "tool_result": ToolResult,
    "tool_error": ToolError,
    "approval_request": ApprovalRequest,
    "approval": Approval,
    "question": Question,
    "agent_start": AgentStart,
    "agent_done": AgentDone,
    "usage": UsageSoFar,
    "reset": Reset,
    "done": Done,
    "error": Failure,
}
"""The data type of each event, by its name."""
