"""The errors for a message that is not admitted: the log's limits are reached, or there is no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chat.generation.model_watch import Problem
from chat.protocol.errors import ApiError
from chat.streams.base import Busy, Full, TooFast, TooMany

# Retry-After for limits that clear only when an answer ends.
RETRY_SECONDS: Final = 5.0


def limit_error(refused: Busy | TooFast | TooMany | Full) -> ApiError:
    """The error for a rejected run. `unavailable` is a site-wide limit; the page has its own text for the others."""
    match refused:
        case Busy():
            return busy()
        case TooFast(wait, of_all=False):
            return ApiError("rate_limited", "You have sent many messages. Wait a moment.", retry_after=wait)
        case TooFast(wait):
            return _site_busy("The site is receiving more messages than it can handle.", wait)
        case TooMany(live, of_all=False):
            sentence = f"{live} answers are being written for you. Wait for one to end."
            return ApiError("too_many_runs", sentence, retry_after=RETRY_SECONDS)
        case TooMany():
            return _site_busy("The site is writing as many answers as it can.", RETRY_SECONDS)
        case Full(of_all=False):
            sentence = "Your unfinished answers take all the room you have here. Wait for one to end."
            return ApiError("too_many_runs", sentence, retry_after=RETRY_SECONDS)
        case Full():
            return _site_busy("The site has no room for another answer.", RETRY_SECONDS)


def no_model_error(error: ApiError, problems: Sequence[Problem]) -> ApiError:
    """Turn `no_model` into a retryable error if a server is only unreachable at the moment."""
    if error.code != "no_model" or not any(problem.is_silent for problem in problems):
        return error
    return ApiError("unavailable", "The model server does not answer.", retry_after=RETRY_SECONDS)


def _site_busy(sentence: str, wait: float) -> ApiError:
    return ApiError("unavailable", f"{sentence} Try again in a moment.", retry_after=wait)


def busy() -> ApiError:
    return ApiError("busy", "An answer is being written. Wait for it, or stop it.")
