"""S11: alice's data does not exist for charlie, whatever the address, the method, the body or the transport.

The cases come from the URLconf and the consumer's frames. An address or frame without a rule in `matrix.py` fails.
"""

from __future__ import annotations

import inspect
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from chat.models import Conversation, Message, UnansweredQuestion
from chat.models.conversation import ConversationQuerySet
from chat.pages import chat
from chat.socket.consumer import ChatConsumer
from chat.socket.requests import SocketRequests
from tests.api.rig import Browser, Response
from tests.security.matrix import FRAMES, RULES, Access
from tests.security.routes import Route, routes
from tests.security.world import SECRET, World, world
from tests.socket.rig import Socket

pytestmark = pytest.mark.django_db(transaction=True)

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UNSAFE: Final = ("POST", "PUT", "PATCH", "DELETE")
REFUSED: Final = {401, 403, 404, 405}
MASKED: Final = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')
LOGIN: Final = re.compile(r"/accounts/login/")
# With an unknown field, a call would be refused before anything is looked up.
BODIES: Final = {"PATCH": {"title": "taken over"}, "POST": {"text": "taken over"}}
REPLIES: Final = {
    "approve": {"decisions": [{"call_id": "c1", "decision": "allow"}]},
    "answer": {"call_id": "c1", "text": "taken over"},
}

ALL: Final = routes()
OWNED: Final = [
    (route, identifier)
    for route in ALL
    if route.pattern in RULES and RULES[route.pattern].access is Access.OWNER
    for identifier in RULES[route.pattern].ids
]


def of(access: Access) -> Iterator[Route]:
    return (route for route in ALL if route.pattern in RULES and RULES[route.pattern].access is access)


def path_of(route: Route, identifier: str) -> str:
    names = ("run_id", "conversation_id", "message_id", "sign_in_id", "token_id")
    return route.path(dict.fromkeys(names, identifier))


def body_for(method: str, path: str) -> Any:
    kind = {"approvals": "approve", "answers": "answer"}.get(path.rpartition("/")[2])
    return REPLIES[kind] if kind and method == "POST" else BODIES.get(method, {})


def test_every_url_has_a_rule_and_every_rule_a_url() -> None:
    assert {route.pattern for route in ALL} == set(RULES)


def test_every_frame_has_a_rule() -> None:
    """The types are read from the source code that handles frames."""
    requests, consumer = inspect.getsource(SocketRequests), inspect.getsource(ChatConsumer.receive)
    known = set(re.findall(r'"(\w+)": self\._', requests)) | set(re.findall(r'"type"\) == "(\w+)"', consumer))
    assert known == set(FRAMES)


async def ask(browser: Browser, method: str, path: str, body: Any = None) -> Response:
    """Send a request and return the response. Of a stream: the headers and what arrives at once."""
    stream = await browser.open(method, path, body_for(method, path) if body is None and method in UNSAFE else body)
    if "event-stream" in stream.headers.get("content-type", "") and stream.status == 200:
        while not stream.ended and not await stream.is_silent():
            await stream.chunk()
        if not stream.ended:
            await stream.close()
    else:
        while not stream.ended:
            await stream.chunk()
    return Response(stream.status, stream.headers, stream.raw)


async def check_is_closed(world: World, route: Route, identifier: str) -> None:
    """Everybody but the owner is refused, in the same way as for an unknown id, and nothing changes."""
    unknown = "999999" if identifier.isdigit() else str(uuid.uuid4())
    before, calls = await world.hash(), world.upstream_calls
    for browser in (world.anonymous, world.charlie, world.charlie_by_token):
        for method in METHODS:
            if browser is world.charlie_by_token and not route.pattern.startswith("api/"):
                continue
            hers = await ask(browser, method, path_of(route, identifier))
            nobodys = await ask(browser, method, path_of(route, unknown))
            assert hers.status in REFUSED or is_login(hers), f"{method} {route.pattern}: {hers.status}"
            assert hers.status == nobodys.status, f"{method} {route.pattern} reveals which ids exist"
            assert without(identifier, hers.body) == without(unknown, nobodys.body)
            assert SECRET.encode() not in hers.body
    assert await world.hash() == before
    assert world.upstream_calls == calls
    run = await world.chat.engine.log.find(world.ids["live_run"])
    assert run is not None
    assert run.is_live


def without(identifier: str, body: bytes) -> bytes:
    """A body without the id and without CSRF tokens, which always differ. A number is removed only as a whole word."""
    alone = rf"(?<![\w.=\"-]){re.escape(identifier)}(?![\w.\"-])" if identifier.isdigit() else re.escape(identifier)
    return MASKED.sub(b"", re.sub(alone.encode(), b"", body))


def is_login(response: Response) -> bool:
    return response.status == 302 and LOGIN.match(response.headers["location"]) is not None


@pytest.mark.parametrize(("route", "name"), OWNED, ids=[f"{route.pattern}-{name}" for route, name in OWNED])
async def test_an_id_of_alice_works_only_for_alice(route: Route, name: str) -> None:
    async with world() as made:
        await check_is_closed(made, route, made.ids[name])
        # The control: it exists, and its owner may use it.
        for method in RULES[route.pattern].allowed:
            answer = await ask(made.owner, method, path_of(route, made.ids[name]))
            assert 200 <= answer.status < 300, f"{method}: {answer.status}"


async def test_public_and_signed_in_urls_contain_nothing_of_alice() -> None:
    async with world() as made:
        before = await made.hash()
        for route in [*of(Access.PUBLIC), *of(Access.SIGNED_IN)]:
            path = route.path({"uidb36": "1", "key": "set-password"})
            needs = RULES[route.pattern].access is Access.SIGNED_IN
            for browser in (made.anonymous, made.charlie, made.charlie_by_token):
                answer = await ask(browser, "GET", path)
                assert answer.status < 500
                assert SECRET.encode() not in answer.body, path
                assert not any(identifier.encode() in answer.body for name, identifier in made.ids.items()
                               if name != "own_conversation" and not identifier.isdigit()), path  # fmt: skip
                if needs and browser is made.anonymous:
                    assert answer.status == 401 or is_login(answer), f"{path}: {answer.status}"
        assert await made.hash() == before


FOREIGN_BODIES: Final = [*FRAMES["send"]]


def said(fields: dict[str, str]) -> dict[str, str]:
    """The other field of a message: a text, unless a saved message is named instead."""
    return {} if {"regenerate_id", "continue_id"} & fields.keys() else {"text": "Mine now"}


@pytest.mark.parametrize("fields", FOREIGN_BODIES, ids=[str(fields) for fields in FOREIGN_BODIES])
async def test_a_body_with_ids_of_alice_is_refused(fields: dict[str, str]) -> None:
    async with world() as made:
        body = {**said(fields), **{field: made.ids[name] for field, name in fields.items()}}
        unknown = {**said(fields), **dict.fromkeys(fields, str(uuid.uuid4()))}
        if fields.get("conversation_id") == "own_conversation":
            unknown["conversation_id"] = made.ids["own_conversation"]
        before, calls = await made.hash(), made.upstream_calls
        for browser in (made.charlie, made.charlie_by_token):
            for path in ("/api/runs", "/api/runs/stream", "/api/runs/wait"):
                answer = await ask(browser, "POST", path, body)
                assert answer.status == 404
                assert answer.body == (await ask(browser, "POST", path, unknown)).body
        assert (await made.hash(), made.upstream_calls) == (before, calls)


async def test_a_leaf_of_alice_cannot_be_used_in_another_conversation() -> None:
    async with world() as made:
        before = await made.hash()
        path = f"/api/conversations/{made.ids['own_conversation']}"
        for browser in (made.charlie, made.charlie_by_token):
            for body in ({"active_leaf_id": made.ids["answer"]}, {"title": "x", "active_leaf_id": made.ids["answer"]}):
                assert (await ask(browser, "PATCH", path, body)).status == 404
            for field in ("owner_id", "owner", "id"):
                stolen = {"title": "Charlie's", field: made.chat.alice.pk}
                assert (await ask(browser, "PATCH", path, stolen)).status == 400
            assert (await ask(browser, "PATCH", path, {"title": "Charlie's"})).status == 200
        assert await made.hash() == before


async def test_frames_with_ids_of_alice_are_refused() -> None:
    async with world() as made:
        before, calls = await made.hash(), made.upstream_calls
        for way in ({"session": made.charlie.session}, {"token": made.charlie_by_token.token}):
            socket = Socket(**way)
            await socket.connect()
            hello = await socket.receive("hello")
            assert hello["runs"] == []
            for kind, cases in FRAMES.items():
                for fields in cases:
                    await check_frame(made, socket, kind, fields)
            unfollowed = await socket.ask("unsubscribe", run_id=made.ids["live_run"])
            assert unfollowed == {**await socket.ask("unsubscribe", run_id=made.ids["live_run"]),
                                  "ref": unfollowed["ref"]}  # fmt: skip
            assert await socket.is_silent()
            await socket.disconnect()
        assert (await made.hash(), made.upstream_calls) == (before, calls)
        run = await made.chat.engine.log.find(made.ids["live_run"])
        assert run is not None
        assert run.is_live


async def check_frame(made: World, socket: Socket, kind: str, fields: dict[str, str]) -> None:
    named = {field: made.ids[name] for field, name in fields.items()}
    unknown = dict.fromkeys(fields, str(uuid.uuid4()))
    if fields.get("conversation_id") == "own_conversation":
        unknown["conversation_id"] = named["conversation_id"]
    more: dict[str, Any] = dict(said(fields)) if kind == "send" else REPLIES.get(kind, {})
    refused = await socket.ask(kind, **more, **named)
    assert (refused["type"], refused.get("code")) == ("error", "not_found"), f"{kind} {fields}"
    nobodys = await socket.ask(kind, **more, **unknown)
    assert {**refused, "ref": None} == {**nobodys, "ref": None}


async def test_notices_reach_only_their_owner() -> None:
    async with world() as made:
        his, hers = Socket(session=made.charlie.session), Socket(session=made.owner.session)
        for socket in (his, hers):
            await socket.connect()
            await socket.receive("hello")
        path = f"/api/conversations/{made.ids['conversation']}"
        assert (await ask(made.owner, "PATCH", path, {"title": f"{SECRET} renamed"})).status == 200
        assert (await hers.receive("notice"))["conversation"]["title"] == f"{SECRET} renamed"
        assert await his.is_silent()
        for socket in (his, hers):
            await socket.disconnect()


async def test_a_send_with_alices_client_message_id_is_charlies_own() -> None:
    async with world() as made:
        question = await client_message_id(made)
        answer = await ask(made.charlie, "POST", "/api/runs", {"text": "Mine", "client_message_id": question})
        assert answer.status == 201
        assert answer.data["run_id"] not in made.ids.values()
        assert answer.data["conversation_id"] not in made.ids.values()


async def client_message_id(made: World) -> str:
    saved = await ask(made.owner, "GET", f"/api/conversations/{made.ids['conversation']}/messages")
    return next(item["client_message_id"] for item in json.loads(saved.body)["items"] if item["client_message_id"])


# --- The control: without its filter, each check fails.


def every_conversation(*_: Any) -> Any:
    return Conversation.objects.filter(deleted_at=None).select_related("assistant")


async def any_run(engine: Any, user_id: int, run_id: str) -> Any:
    return await engine.log.find(run_id) or await Message.objects.select_related("parent").aget(run_id=run_id)


def any_saved_run(owner_id: int, run_id: str) -> Any:
    return (
        Message.objects.select_related("parent", "assistant").prefetch_related("parts").filter(run_id=run_id).first()
    )


def any_unanswered(owner_id: int, run_id: str) -> Any:
    return UnansweredQuestion.objects.filter(run_id=run_id).first()


def any_message(user: Any, message_id: str, send: Any) -> Any:
    return Message.objects.select_related("conversation", "parent", "assistant").get(pk=message_id)


def is_anybodys_begun(user: Any, conversation_id: str) -> bool:
    return UnansweredQuestion.objects.filter(conversation_id=conversation_id).exists()


def any_conversation(user: Any, send: Any, reserved: Any) -> Any:
    return Conversation.objects.filter(pk=send.conversation_id).first()


async def is_anybodys(user: Any, conversation_id: Any) -> bool:
    return True


def any_deleted(conversations: Any) -> Any:
    return Conversation.objects.exclude(deleted_at=None)


HOLES: Final[dict[str, tuple[str | tuple[Any, str], Callable[..., Any], str, str]]] = {
    "conversations": ("chat.api.conversations._kept", every_conversation,
                      "api/conversations/<id:conversation_id>", "conversation"),
    "messages": ("chat.api.conversations._kept", every_conversation,
                 "api/conversations/<id:conversation_id>/messages", "conversation"),
    "events": ("chat.generation.engine.Engine.find", any_run, "api/runs/<id:run_id>/events", "saved_run"),
    "stop": ("chat.generation.engine.Engine.find", any_run, "api/runs/<id:run_id>/stop", "live_run"),
    "archive": ("chat.generation.replay.saved_run", any_saved_run, "api/runs/<id:run_id>/events", "archived_run"),
    "keep": ("chat.generation.replay.saved_run", any_saved_run, "api/runs/<id:run_id>/keep", "archived_run"),
    "unanswered": ("chat.generation.replay.archived_run", any_unanswered,
                "api/runs/<id:run_id>/events", "unanswered_run"),
    "approvals": ("chat.generation.regeneration._message", any_message,
                  "api/messages/<id:message_id>/approvals", "waiting_message"),
    "answers": ("chat.generation.regeneration._message", any_message,
                "api/messages/<id:message_id>/answers", "waiting_message"),
    "restore": ((ConversationQuerySet, "restorable"), any_deleted,
                "api/conversations/<id:conversation_id>/restore", "deleted_conversation"),
    "page": ((chat, "is_of"), is_anybodys, "c/<uuid:conversation_id>", "conversation"),
}  # fmt: skip


@pytest.mark.parametrize("hole", HOLES)
async def test_control_without_its_filter_a_url_fails(hole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, without, pattern, name = HOLES[hole]
    [route] = [route for route in ALL if route.pattern == pattern]
    async with world() as made:
        if isinstance(target, str):
            monkeypatch.setattr(target, without)
        else:
            monkeypatch.setattr(*target, without)
        with pytest.raises(AssertionError):
            await check_is_closed(made, route, made.ids[name])


async def test_control_without_its_filter_a_frame_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as made:
        socket = Socket(session=made.charlie.session)
        await socket.connect()
        await socket.receive("hello")
        monkeypatch.setattr("chat.generation.engine.Engine.find", any_run)
        for kind in ("subscribe", "stop"):
            with pytest.raises(AssertionError):
                await check_frame(made, socket, kind, {"run_id": "live_run"})
        monkeypatch.setattr("chat.generation.admission._conversation", any_conversation)
        with pytest.raises(AssertionError):
            await check_frame(made, socket, "send", {"conversation_id": "conversation"})
        monkeypatch.setattr("chat.generation.admission._is_begun", is_anybodys_begun)
        with pytest.raises(AssertionError):
            await check_frame(made, socket, "send", {"conversation_id": "unanswered_conversation"})
        await socket.disconnect()
