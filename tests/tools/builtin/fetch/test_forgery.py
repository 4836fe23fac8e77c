"""Addresses that are not public are never reached, in any notation (server-side request forgery)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chat.tools.base import ToolFailed
from chat.tools.builtin.fetch.fetching import get
from chat.tools.builtin.fetch.policy import Policy
from tests.tools.builtin.fetch.hosts import PRIVATE, PRIVATE_6, every_host, wrapped
from tests.tools.builtin.fetch.web import Names, Site, connections, page, redirect, site

HOSTS = every_host()
SECRET = b"the metadata of a cloud"


@pytest_asyncio.fixture
async def canary() -> AsyncIterator[Site]:
    """A server on this machine that must not be reached."""
    async with site(lambda head: page(SECRET, "text/plain")) as served:
        yield served


async def refused(url: str, policy: Policy, names: Names | None = None) -> str:
    """The code of the failure."""
    with pytest.raises(ToolFailed) as failure:
        await get(url, policy, resolver=names or Names())
    assert SECRET.decode() not in failure.value.message
    return failure.value.code


def test_there_are_many_forms() -> None:
    assert len(HOSTS) > 400


async def test_no_form_of_a_private_address_is_reached(canary: Site) -> None:
    policy = Policy.parse([f"*:{canary.port}"])
    with connections() as made:
        for host in HOSTS:
            assert await refused(f"http://{host}:{canary.port}/", policy) in {"denied", "failed"}, host
    assert made == []
    assert canary.requests == []


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "0x7f000001", "0X0007F000001", "0x7f.0x0.0x0.0x1", "0x7f.0.00.1", "by.name.test"),
        *("１２７.０.０.１", "127。0。0。1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]"),
    ],
)
async def test_a_form_reaches_it_if_its_address_is_permitted(canary: Site, host: str) -> None:
    """Control: without the check, the other forms would reach it too. (aiohttp refuses 2130706433 and 127.1.)"""
    named = host if host.isascii() else "127.0.0.1"
    policy = Policy.parse([f"{named}:{canary.port}"], ["127.0.0.1"])
    found = await get(f"http://{host}:{canary.port}/", policy, resolver=Names(by_name_test=[["127.0.0.1"]]))
    assert found.body == SECRET
    assert canary.requests == ["GET / HTTP/1.1"]


async def test_no_redirect_to_any_form_is_followed(canary: Site) -> None:
    targets = iter(HOSTS)
    async with site(lambda head: redirect(f"http://{next(targets)}:{canary.port}/")) as start:
        policy = Policy.parse([f"start.test:{start.port}", f"*:{canary.port}"], ["127.0.0.1"])
        with connections() as made:
            for host in HOSTS:
                code = await refused(f"http://start.test:{start.port}/", policy, Names(start_test=[["127.0.0.1"]]))
                assert code in {"denied", "failed"}, host
        assert len(start.requests) == len(HOSTS)
        assert made == [("127.0.0.1", start.port)] * len(HOSTS)
    assert canary.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "http://start.test@127.0.0.1:{port}/",
        "http://start.test:x@127.0.0.1:{port}/",
        "\\\\127.0.0.1:{port}/",
        "file:///etc/passwd",
        "ftp://127.0.0.1:{port}/",
        "http://inside.test:{port}/",
    ],
)
async def test_no_kind_of_redirect_is_followed(canary: Site, status: int, target: str) -> None:
    where = target.format(port=canary.port)
    async with site(
        lambda head: redirect(where, status) if b"GET / " in head else page("missing", status="404 No")
    ) as start:
        policy = Policy.parse([f"start.test:{start.port}", f"*:{canary.port}"], ["127.0.0.1"])
        names = Names(start_test=[["127.0.0.1"]], inside_test=[["127.0.0.1"]])
        assert await refused(f"http://start.test:{start.port}/", policy, names) in {"denied", "failed"}
    assert canary.requests == []


@pytest.mark.parametrize("address", [*PRIVATE, *PRIVATE_6, *wrapped("127.0.0.1"), *wrapped("10.0.0.5")])
async def test_no_name_leads_to_a_private_address(canary: Site, address: str) -> None:
    names = Names(inside_test=[[address]])
    with connections() as made:
        assert (
            await refused(f"http://inside.test:{canary.port}/", Policy.parse([f"*:{canary.port}"]), names) == "denied"
        )
    assert made == []
    assert names.asked == ["inside.test"]


async def test_a_name_with_several_addresses_is_reached_at_the_permitted_one(canary: Site) -> None:
    async with site(lambda head: page("outside"), "127.0.0.2", canary.port) as outside:
        policy = Policy.parse([f"both.test:{canary.port}"], ["127.0.0.2"])
        names = Names(both_test=[["127.0.0.1", "::1", "127.0.0.2"]])
        assert (await get(f"http://both.test:{canary.port}/", policy, resolver=names)).body == b"outside"
        assert len(outside.requests) == 1
    assert canary.requests == []


async def test_a_name_that_changes_its_address_is_judged_again(canary: Site) -> None:
    """DNS rebinding: the name is permitted, but resolves to another address the second time."""
    async with site(lambda head: redirect("/again"), "127.0.0.2", canary.port) as outside:
        policy = Policy.parse([f"rebind.test:{canary.port}"], ["127.0.0.2"])
        names = Names(rebind_test=[["127.0.0.2"], ["127.0.0.1"]])
        with connections() as made:
            assert await refused(f"http://rebind.test:{canary.port}/", policy, names) == "denied"
        assert outside.requests == ["GET / HTTP/1.1"]
        assert made == [("127.0.0.2", canary.port)]
    assert canary.requests == []


async def test_a_name_is_resolved_once_for_a_request(canary: Site) -> None:
    """The connection uses the address that was checked: a second lookup would get the canary's address."""
    async with site(lambda head: page("outside"), "127.0.0.2", canary.port):
        policy = Policy.parse([f"rebind.test:{canary.port}"], ["127.0.0.2"])
        names = Names(rebind_test=[["127.0.0.2"], ["127.0.0.1"]])
        assert (await get(f"http://rebind.test:{canary.port}/", policy, resolver=names)).body == b"outside"
    assert names.asked == ["rebind.test"]
    assert canary.requests == []


async def test_a_proxy_of_the_environment_is_not_used(canary: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    assert await refused("http://127.0.0.9/", Policy.parse(["*"])) == "denied"
    assert canary.requests == []


@pytest.mark.parametrize("port", [0, 22, 25, 6379, 8080])
async def test_other_ports_are_not_reached(port: int) -> None:
    with connections() as made:
        assert await refused(f"http://example.test:{port}/", Policy.parse(["*"]), Names()) == "denied"
    assert made == []
