"""S1, cross-site WebSocket hijacking: browsers send the cookie from any page, but only our own pages may connect."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from typing import Any, Final

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from chat.protocol import close_codes
from tests.faults.client import socket
from tests.faults.processes import Site
from tests.members import Member
from tests.security.world import world
from tests.socket.rig import Socket

FOREIGN: Final = {
    "another site": "http://evil.example",
    "another site over https": "https://evil.example",
    "null": "null",
    "a prefix": "http://evil.example.{host}",
    "our address as its path": "http://evil.example/{host}",
    "our address as its user": "http://{host}@evil.example",
    "our address and a path": "http://{host}/",
    "another port": "http://127.0.0.1:1",
    "no port": "http://127.0.0.1",
    "another scheme": "https://{host}",
    "the WebSocket's scheme": "ws://{host}",
    "another name of this machine": "http://localhost:{port}",
    "a file": "file://",
    "an extension": "chrome-extension://abcdefghijklmnop",
    "a suffix of our name": "http://127.0.0.1.evil.example:{port}",
}
# Not valid origins: the WebSocket library rejects these before the application sees them.
MALFORMED: Final = {
    "empty": "",
    "a suffix of our port": "http://{host}.evil.example",
    "our address and a space": "http://{host} http://evil.example",
    "no scheme": "{host}",
}


async def handshake(site: Site, *, path: str = "/ws/chat", host: str = "", **headers: str | None) -> int:
    """The status of a WebSocket handshake that has these headers and no others."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host or site.host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        *(f"{name.title()}: {value}" for name, value in headers.items() if value is not None),
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write("\r\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(10):
        answer = await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()
    return int(answer.split()[1])


def cookie(member: Member) -> str:
    return f"sessionid={member.session}"


@pytest.mark.parametrize("origin", FOREIGN.values(), ids=FOREIGN.keys())
async def test_no_foreign_page_connects_with_the_cookie(origin: str, site: Site, alice: Member) -> None:
    sent = origin.format(host=site.host, port=site.port)
    assert await handshake(site, cookie=cookie(alice), origin=sent) == 403
    # A token does not let a foreign page in either.
    assert await handshake(site, authorization=f"Bearer {alice.token}", origin=sent) == 403


@pytest.mark.parametrize("origin", MALFORMED.values(), ids=MALFORMED.keys())
async def test_an_invalid_origin_is_refused(origin: str, site: Site, alice: Member) -> None:
    sent = origin.format(host=site.host, port=site.port)
    assert await handshake(site, cookie=cookie(alice), origin=sent) in {400, 403}
    assert await handshake(site, authorization=f"Bearer {alice.token}", origin=sent) in {400, 403}


async def test_without_an_origin_the_cookie_does_not_count(site: Site, alice: Member) -> None:
    assert await handshake(site, cookie=cookie(alice)) == 403
    assert await handshake(site, cookie=cookie(alice), authorization="Basic YWxpY2U6eA==") == 403
    assert await handshake(site) == 403


async def test_matching_foreign_host_and_origin_are_refused(site: Site, alice: Member) -> None:
    """DNS rebinding: the attacker's host name points to this server, so Host and Origin agree."""
    for host in (f"evil.example:{site.port}", "evil.example"):
        assert await handshake(site, host=host, cookie=cookie(alice), origin=f"http://{host}") == 403


async def test_our_own_page_connects_with_the_cookie(site: Site, alice: Member) -> None:
    assert await handshake(site, cookie=cookie(alice), origin=site.url) == 101
    async with socket(site, alice, cookie=True) as connection:
        hello = await connection.hello
        assert hello["user"] == {"id": alice.id, "username": "alice"}


async def test_an_api_client_connects_with_a_token_and_no_origin(site: Site, alice: Member) -> None:
    assert await handshake(site, authorization=f"Bearer {alice.token}") == 101
    async with socket(site, alice) as connection:
        assert (await connection.hello)["user"]["username"] == "alice"


@pytest.mark.parametrize("path", ["/ws/chat/", "/ws", "/ws/other", "/"])
async def test_there_is_one_socket_path(path: str, site: Site, alice: Member) -> None:
    """A misspelled address is reported as not found, not as forbidden."""
    assert await handshake(site, path=path, authorization=f"Bearer {alice.token}") == 404
    assert await handshake(site, path=path, cookie=cookie(alice), origin=site.url) == 404


@pytest.mark.parametrize("credentials", ["nobody", "a made-up session", "a made-up token", "a token in the address"])
async def test_our_own_page_without_a_sign_in_is_closed_with_4401(credentials: str, site: Site, alice: Member) -> None:
    headers: dict[str, str] = {"Origin": site.url}
    path = "/ws/chat"
    if credentials == "a made-up session":
        headers["Cookie"] = "sessionid=abcdefghijklmnopqrstuvwxyz012345"
    elif credentials == "a made-up token":
        headers["Authorization"] = "Bearer chat_made-up"
        # Only the token counts, although the cookie is valid.
        headers["Cookie"] = cookie(alice)
    elif credentials == "a token in the address":
        path += f"?token={alice.token}&access_token={alice.token}"
    async with connect(f"ws://{site.host}{path}", additional_headers=headers, proxy=None) as connection:
        bye: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), 10))
        assert (bye["type"], bye["code"]) == ("bye", close_codes.NOT_SIGNED_IN)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(connection.recv(), 10)
        assert connection.close_code == close_codes.NOT_SIGNED_IN


@pytest.mark.django_db(transaction=True)
async def test_control_without_the_check_a_foreign_page_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as made:
        refused = Socket(session=made.owner.session, origin=b"http://evil.example")
        assert not await refused.connect()
        monkeypatch.setattr("chat.socket.consumer.may_connect", lambda scope: True)
        hijacked = Socket(session=made.owner.session, origin=b"http://evil.example")
        assert await hijacked.connect()
        assert (await hijacked.receive("hello"))["user"]["username"] == "alice"
        await hijacked.disconnect()
