"""What all API calls share: authentication, methods and bodies on the way in, JSON and errors on the way out."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import RawPostDataException
from django.utils.cache import patch_vary_headers

from chat.api.errors import not_signed_in, refused, unavailable
from chat.api.parameters import check, check_names
from chat.auth.credentials import signed_in
from chat.protocol import bodies
from chat.protocol.errors import ApiError
from chat.protocol.untrusted_input import BadJson, loads
from chat.quotas.arrivals import arrived
from chat.quotas.quotas import quotas
from chat.streams.base import LogUnavailable

logger = logging.getLogger(__name__)

# The user whose page sent the request: another person may have signed in since it was loaded.
MEANT_FOR: Final = "X-User-Id"

View = Callable[..., Coroutine[Any, Any, HttpResponse]]


def with_own_queue(view: View) -> View:
    """For a view that queues in database.read_in_turn instead: its user's other calls do not wait for it."""
    view.has_own_queue = True  # type: ignore[attr-defined]
    return view


def route(**methods: View) -> View:
    """One path of the API: a view for each method, called with `(request, user, **ids)`."""

    async def view(request: HttpRequest, **ids: Any) -> HttpResponse:
        chosen = methods.get(request.method or "") or (methods.get("GET") if request.method == "HEAD" else None)
        response = await answered(_respond(request, chosen, methods, ids))
        # Responses are private: no cache may serve them to another person.
        patch_vary_headers(response, ["Cookie", "Authorization"])
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    view.methods = methods  # type: ignore[attr-defined]
    return view


async def answered(response: Awaitable[HttpResponse]) -> HttpResponse:
    """The response, or an error response if it raises."""
    try:
        return await response
    except ApiError as error:
        return refused(error)
    except DatabaseError:
        logger.exception("api: request failed, database error")
        return unavailable()
    except LogUnavailable:
        logger.warning("api: request failed, Redis is not answering")
        return unavailable("The server cannot do this right now. Try again.")


async def _respond(
    request: HttpRequest, chosen: View | None, methods: dict[str, View], ids: dict[str, Any]
) -> HttpResponse:
    user = await signed_in(request)
    if user is None:
        return not_signed_in()
    await arrived(request, user)
    if request.headers.get(MEANT_FOR, str(user.pk)) != str(user.pk):
        raise ApiError("another_user", "Someone else is signed in now.")
    if chosen is None:
        return not_allowed(methods)
    check(request, chosen)
    if getattr(chosen, "has_own_queue", False):
        return await chosen(request, user, **ids)
    async with quotas().requests.turn(user.pk):
        return await chosen(request, user, **ids)


def not_allowed(methods: Iterable[str]) -> HttpResponse:
    allowed = ", ".join(sorted(methods))
    response = refused(ApiError("method_not_allowed", f"Only {allowed} here."))
    response.headers["Allow"] = allowed
    return response


def body_of(request: HttpRequest, kind: Any) -> dict[str, Any]:
    """The JSON object of a request. Raises ApiError, also for a field that is not in the TypedDict `kind`."""
    try:
        data = loads(request.body)
    except BadJson as error:
        raise ApiError("bad_json", str(error)) from error
    except RawPostDataException as error:
        # A form: the CSRF check has already read it to find its token.
        raise ApiError("bad_json", "The body must be JSON, not a form.") from error
    except RequestDataTooBig:
        raise ApiError("body_too_big", "The request is too large.") from None
    check_names(data, bodies.names(kind), kind="field")
    return data


def reply(data: Any, *, status: int = 200) -> HttpResponse:
    return JsonResponse(data, status=status, json_dumps_params={"ensure_ascii": False})


def encoded(data: Any) -> bytes:
    """JSON as `reply` sends it. For large data: call it in the thread that read the data, not on the event loop.

    Encodes item by item, because encoding one large value would hold the interpreter lock throughout.
    """
    return "".join(_pieces(data)).encode()


def _pieces(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for number, (name, value) in enumerate(data.items()):
            yield f"{', ' if number else '{'}{_dumps(name)}: "
            yield from _pieces(value) if isinstance(value, list) else (_dumps(value),)
        yield "}" if data else "{}"
    elif isinstance(data, list):
        for number, item in enumerate(data):
            yield f"{', ' if number else '['}{_dumps(item)}"
        yield "]" if data else "[]"
    else:
        yield _dumps(data)


def _dumps(data: Any) -> str:
    return json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False)


def encoded_reply(body: bytes) -> HttpResponse:
    return HttpResponse(body, content_type="application/json")
