"""The error codes and words that reveal the cause of a server's error.

Statuses say little: 400 and 403 can mean anything, some servers use 400 for a wrong key and 413 for an exceeded plan.
Words are matched in English, and in Chinese as documented by Chinese providers (bare numbers, such as Zhipu's 1113,
mean something else elsewhere). Without a match, the status decides.
"""

from __future__ import annotations

import re
from typing import Final

from chat.providers.http.error_detail import ErrorDetail

_BUSY_CODES: Final = frozenset(
    [
        "server_error",
        "overloaded_error",
        "overloaded",
        "internal_error",
        "api_error",
        "internal_server_error",
        "internalservererror",
        "unavailable",
        "unavailable_error",
        "service_unavailable",
    ]
)
_QUOTA_CODES: Final = frozenset(
    [
        "insufficient_quota",
        "billing_hard_limit_reached",
        "insufficient_balance",
        "insufficient_credits",
        "billing_error",
        "arrearage",
        "exceeded_current_quota_error",
    ]
)
_QUOTA_WORDS: Final = re.compile(
    r"(?i)insufficient.{0,20}(?:balance|credit|fund|quota)|credit balance|\b(?:no|more|enough|of) credits?\b|billing"
    r"|payment|exceeded your current quota|spend(?:ing)? limit|out of credit"
    r"|balance is insufficient|in arrears"
    # With a reset time (重置), it is only a rate limit.
    r"|欠费|余额不足(?!.*重置)|套餐已(?:到期|失效)"
)
_RATE_CODES: Final = frozenset(
    ["429", "rate_limit_exceeded", "rate_limit_error", "tokens", "requests", "resource_exhausted"]
)
# A request larger than the plan's limit per minute or day: waiting does not help.
_PLAN_WORDS: Final = re.compile(r"(?i)too large.{0,200}(?:per (?:minute|day)|\bTP[MD]\b)")
_CONTEXT_CODES: Final = frozenset(["context_length_exceeded", "exceed_context_size_error", "context_window_exceeded"])
_CONTEXT_WORDS: Final = re.compile(
    r"(?i)context.?(?:length|window|size|limit)|maximum context|too many (?:input )?tokens"
    r"|(?:prompt|input|inputs|conversation|messages?) (?:is|are) too (?:long|large)"
    r"|token count.{0,40}exceed|exceeds? the (?:maximum|max|limit).{0,30}tokens|maximum number of (?:input )?tokens"
    r"|must have less than \d+ tokens|reduce the length|maximum (?:input|prompt) length"
    r"|range of input length|token length too long|exceed(?:s|ed)? model (?:token )?limit"
    r"|must be less than max_seq_len|prompt 超长"
)
_FILTER_CODES: Final = frozenset(
    [
        "content_filter",
        "content_policy_violation",
        "responsibleaipolicyviolation",
        "datainspectionfailed",
        "data_inspection_failed",
        "moderation",
        "moderation_blocked",
        "prompt_blocked",
        "safety",
    ]
)
_FILTER_WORDS: Final = re.compile(
    r"(?i)content (?:management )?(?:policy|filter)|inappropriate content|\bflagged\b|\bmoderation\b|content safety"
    r"|(?:prohibited|sensitive|risky|unsafe) (?:content|words)|responsible ai|usage polic"
    r"|content exists risk|considered high risk|不安全或敏感内容|不适当的内容"
)
_MODEL_CODES: Final = frozenset(["model_not_found", "notfounderror", "modelnotfound"])
_MODEL_WORDS: Final = re.compile(r"(?i)\bmodel (?:does )?not exist|模型不存在")
_KEY_CODES: Final = frozenset(["invalid_api_key", "authentication_error", "invalid_authentication", "unauthenticated"])
_KEY_WORDS: Final = re.compile(
    r"(?i)\b(?:(?:api|access|subscription|secret)[ _-]?(?:key|token)|credentials?|authenticat\w+|unauthori[sz]ed)\b"
)
_KEY_FAULTS: Final = re.compile(
    r"(?i)invalid|incorrect|not valid|missing|expired|wrong|revoked|disabled|denied|not provided|no api|failed"
)
# Reasons for a 403 with a valid key.
_ELSEWHERE: Final = re.compile(
    r"(?i)firewall|network|\bIP\b|region|country|territor|location|allow.?list|whitelist|blocked|\bmodels?\b"
    r"|not enabled|terms|gated|verif(?:y|ied|ication)|captcha|not available"
)
# Reported as server errors, but the same request would fail again.
_HOPELESS: Final = re.compile(
    r"(?i)must alternate|\btemplate\b|jinja|requires more|not (?:supported|implemented)|unsupported"
    r"|model.{0,100}not found|does not exist|(?:failed|unable) to load|unexpected endpoint"
)
_REQUEST: Final = re.compile(
    r"4\d\d(?:\d\d)?|invalid_?request(?:_?error)?|badrequesterror|invalid_?(?:argument|parameter)"
)
_UNKNOWN: Final = re.compile(
    r"(?i)unknown|unrecogni[sz]ed|unsupported|unexpected|invalid|forbidden|additional|\bextra\b"
    r"|not (?:support(?:ed)?|permitted|allowed|recogni[sz]ed|known)|参数非法"
)
_UNKNOWN_FIELD: Final = re.compile(
    r"(?i)(?:unknown|unrecogni[sz]ed|unsupported|unexpected|additional|extra)"
    r"(?: (?:request|keyword|json|body))* (?:field|parameter|argument|key|propert|input|option)"
)


def is_filtered(detail: ErrorDetail, words: str) -> bool:
    return bool(_FILTER_CODES & detail.codes) or _FILTER_WORDS.search(words) is not None


def is_over_plan(words: str) -> bool:
    return _PLAN_WORDS.search(words) is not None


def is_out_of_credit(detail: ErrorDetail) -> bool:
    return bool(_QUOTA_CODES & detail.codes)


def speaks_of_credit(words: str) -> bool:
    return _QUOTA_WORDS.search(words) is not None


def is_too_often(detail: ErrorDetail) -> bool:
    return bool(_RATE_CODES & detail.codes)


def is_too_long(detail: ErrorDetail, words: str) -> bool:
    return bool(_CONTEXT_CODES & detail.codes) or _CONTEXT_WORDS.search(words) is not None


def is_no_model(detail: ErrorDetail, words: str) -> bool:
    return bool(_MODEL_CODES & detail.codes) or _MODEL_WORDS.search(words) is not None


def is_bad_key(detail: ErrorDetail) -> bool:
    return bool(_KEY_CODES & detail.codes)


def speaks_of_the_key(words: str) -> bool:
    return _KEY_WORDS.search(words) is not None and _KEY_FAULTS.search(words) is not None


def speaks_of_a_place(words: str) -> bool:
    """Whether a valid key was rejected because of where the request comes from or what it asks for."""
    return _ELSEWHERE.search(words) is not None


def is_busy(detail: ErrorDetail) -> bool:
    return bool(_BUSY_CODES & detail.codes) or (detail.status or 0) >= 500


def is_hopeless(words: str) -> bool:
    """Whether the same request would fail again, although the server reports an error of its own."""
    return _HOPELESS.search(words) is not None


def is_the_requests(detail: ErrorDetail) -> bool:
    """Whether the server blames the request."""
    return any(_REQUEST.fullmatch(code) for code in detail.codes)


def speaks_of_a_field(words: str) -> bool:
    """Whether the words say that something is unknown or not allowed."""
    return _UNKNOWN.search(words) is not None


def speaks_of_some_field(words: str) -> bool:
    """Whether the words say that some request field is unknown."""
    return _UNKNOWN_FIELD.search(words) is not None
