"""Why a call is refused, and why a run fails."""

from __future__ import annotations

from typing import Final

from chat.api.openapi.values import FLAG, TEXT, Schema, ref, said, shape
from chat.protocol.errors import STATUS

REFUSALS: Final = {
    "bad_request": "A field is missing or wrong, or the request cannot be understood.",
    "bad_json": "The body is not a JSON object.",
    "bad_cursor": "The cursor is malformed.",
    "empty_text": "The message holds nothing but white space.",
    "text_too_long": "The message has more characters than are allowed.",
    "unknown_type": "A WebSocket frame of a type that does not exist.",
    "not_signed_in": "Neither a session nor a valid API token.",
    "forbidden": "The CSRF token is missing or wrong.",
    "another_user": "Somebody else is signed in than `X-User-Id` names.",
    "not_found": "It does not exist, or is somebody else's: the answer is the same.",
    "method_not_allowed": "There is no such method here; `Allow` says which there are.",
    "request_timeout": "The request did not arrive in time.",
    "conflict": "What was asked contradicts what is there: a `client_message_id` used before for another message, "
    "or an answer that is still being written.",
    "busy": "The conversation is being answered.",
    "no_model": "No model is set up that you may use: an administrator must act.",
    "body_too_big": "The request's body is too large.",
    "rate_limited": "Too many messages in a minute, by you or, in a run, by this site to the model's provider; or too "
    "many searches, or pages of messages, of yours at once.",
    "too_many_requests": "You have as many connections, or requests under way, as are allowed at once.",
    "too_many_runs": "As many answers as are allowed at once are being written for you, or they take all your room.",
    "unavailable": "Something that is needed cannot be reached: the database or Redis. Or the site has as "
    "many answers, or gets as many messages a minute, as it can take.",
    "draining": "The server is being shut down. Another one, or the same after its restart, will answer.",
}
FAILURES: Final = {
    "provider_unavailable": "The model's server cannot be reached, or says that it cannot answer.",
    "provider_error": "The model's server refused the request, or broke off with an error.",
    "authentication_failed": "The model's server did not accept this site's key.",
    "timeout": "The model's server took too long.",
    "empty_answer": "The model returned an empty answer.",
    "incomplete": "The answer broke off.",
    "output_too_long": "The answer grew longer than is allowed.",
    "quota_exceeded": "This site's account at the model's provider is used up.",
    "interrupted": "The server was restarted while it answered.",
    "save_failed": "The answer is complete, but could not be saved.",
}
FAULTS: Final = {"server_error": "Something went wrong on the server (status 500). It is in its log."}
CODES: Final = {**REFUSALS, **FAILURES, **FAULTS}

# The status of a run that failed while its caller waited for it.
FAILURE_STATUS: Final = {
    "rate_limited": 429,
    "quota_exceeded": 429,
    "provider_unavailable": 503,
    "unavailable": 503,
    "interrupted": 503,
    "save_failed": 503,
    "timeout": 504,
    "provider_error": 502,
    "authentication_failed": 502,
    "empty_answer": 502,
    "incomplete": 502,
    "output_too_long": 502,
}

# Of an extension that generators know: what each value of an `enum` means.
SENTENCES: Final = "x-enum-descriptions"
# Of one of our own: the codes that a response may have. In its schema, generators would make a type of each response.
CODES_HERE: Final = "x-error-codes"

_ALWAYS: Final[Schema] = {
    "X-Should-Retry": {
        "description": "Whether the same request, sent again, may succeed. Clients of OpenAI and Anthropic read it.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    }
}
_STATUS: Final = {**FAILURE_STATUS, **STATUS, **dict.fromkeys(FAULTS, 500)}

_HEADERS: Final[dict[int, Schema]] = {
    401: {"WWW-Authenticate": {"description": "How to sign in.", "schema": TEXT}},
    405: {"Allow": {"description": "The methods that there are.", "schema": TEXT}},
    429: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}},
    503: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}},
}


def error_schemas() -> dict[str, Schema]:
    """The schemas by name."""
    return {
        "Error": shape(
            "Every refusal, and every failure of a run that was waited for.",
            {
                "error": shape(
                    "What is wrong.",
                    {
                        "code": ref("ErrorCode"),
                        "message": said(TEXT, "A sentence for a person."),
                        "retryable": said(FLAG, "Whether the same request may succeed later."),
                    },
                )
            },
        ),
        "ErrorCode": {
            "type": "string",
            "description": "What is wrong, for a program.",
            # Not a `oneOf` of constants, each with its sentence: generated clients fail on every error then.
            "enum": list(CODES),
            SENTENCES: list(CODES.values()),
        },
    }


def refusals(*codes: str) -> dict[str, Schema]:
    """The responses of a call that may be refused, or fail, with these codes, by status."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(_STATUS[code], []).append(code)
    return {str(status): _response(status, found) for status, found in sorted(by_status.items())}


def _response(status: int, codes: list[str]) -> Schema:
    return {
        "description": " ".join(f"`{code}`: {CODES[code]}" for code in codes),
        "headers": {**_HEADERS.get(status, {}), **_ALWAYS},
        "content": {"application/json": {"schema": ref("Error")}},
        CODES_HERE: codes,
    }
