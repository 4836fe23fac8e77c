"""The whole tool, as a model calls it."""

from __future__ import annotations

import json

import pytest
from django.test import override_settings

from chat.checks import check_tools
from chat.tools.base import Progress, Result, Tool, ToolFailed
from chat.tools.bootstrap import build
from chat.tools.builtin.fetch.policy import Policy
from chat.tools.builtin.fetch.tool import NOTICE, fetch_tool
from chat.tools.definitions import define
from tests.tools.builtin.fetch.web import Names, page, site
from tests.tools.calling import outputs

HTML = "<title>Heron</title><h1>Grey heron</h1><p>A bird.</p>"


def tool(port: int) -> Tool:
    policy = Policy.parse([f"site.test:{port}"], ["127.0.0.1"])
    return define(fetch_tool(policy, resolver=Names(site_test=[["127.0.0.1"]])), source="builtin")


async def test_a_page_is_returned_as_text() -> None:
    async with site(lambda head: page(HTML)) as served:
        url = f"http://site.test:{served.port}/"
        shown, result = await outputs(tool(served.port), json.dumps({"url": url}))
    assert shown == Progress({"index": 1, "title": "Heron", "url": url, "snippet": "# Grey heron\n\nA bird."})
    assert isinstance(result, Result)
    assert result.text == f"{NOTICE}\nURL: {url}\nTitle: Heron\n\n# Grey heron\n\nA bird."
    assert result.value == {"url": url, "title": "Heron"}


async def test_other_texts_are_returned_unchanged() -> None:
    async with site(lambda head: page('{"a": "<b>"}', "application/json")) as served:
        url = f"http://site.test:{served.port}/"
        *_, result = await outputs(tool(served.port), json.dumps({"url": url}))
    assert isinstance(result, Result)
    assert result.text.endswith('\n\n{"a": "<b>"}')


async def test_a_long_page_is_truncated_with_a_note() -> None:
    async with site(lambda head: page("<p>" + "Grüße " * 500_000)) as served:
        url = f"http://site.test:{served.port}/"
        shown, result = await outputs(tool(served.port), json.dumps({"url": url}))
    assert isinstance(shown, Progress)
    assert isinstance(result, Result)
    assert result.text.endswith("The page is longer; this is its beginning.")
    assert len(result.text.encode()) <= 32 * 1024


async def test_bad_input_is_explained() -> None:
    for arguments, code in (
        ({}, "invalid_arguments"),
        ({"url": 5}, "invalid_arguments"),
        ({"url": "x" * 2049}, "invalid_arguments"),
        ({"url": "http://other.test/"}, "denied"),
        ({"url": "file:///etc/passwd"}, "denied"),
    ):
        with pytest.raises(ToolFailed) as failure:
            await outputs(tool(80), json.dumps(arguments))
        assert failure.value.code == code


def test_it_is_off_unless_a_host_is_named() -> None:
    assert "builtin:fetch_page" not in build()
    with override_settings(CHAT_FETCH_HOSTS=["example.org"]):
        assert "builtin:fetch_page" in build()
        assert list(check_tools()) == []


def test_a_wrong_host_leaves_it_off_and_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(CHAT_FETCH_HOSTS=["example.org", "http://x"]):
        assert "builtin:fetch_page" not in build()
        (message,) = check_tools()
    assert message.id == "chat.E005"
    assert message.hint
    assert message.msg in caplog.text


@pytest.mark.parametrize("hosts", [[], ["*"]])
def test_networks_without_a_named_host_have_no_effect(hosts: list[str]) -> None:
    with override_settings(CHAT_FETCH_HOSTS=hosts, CHAT_FETCH_NETWORKS=["10.0.0.0/8"]):
        (message,) = check_tools()
    assert message.id == "chat.W014"
