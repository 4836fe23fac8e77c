from __future__ import annotations

import pytest

from chat.tools.builtin.fetch.policy import Policy, Refused


def permits(policy: Policy, url: str) -> bool:
    try:
        policy.permitted(url)
    except Refused:
        return False
    return True


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        (
            "example.org",
            ["https://example.org", "http://EXAMPLE.org:80/x?y#z", "https://example.org./"],
            [
                "https://www.example.org",
                "https://example.org.evil.com",
                "https://notexample.org",
                "http://example.org:8080",
            ],
        ),
        (
            ".example.org",
            ["https://example.org", "https://a.b.example.org"],
            ["https://badexample.org", "https://example.org.evil.com", "https://org"],
        ),
        ("example.org:8443", ["https://example.org:8443"], ["https://example.org", "http://example.org:80"]),
        (
            "*",
            ["https://example.org", "http://anything:80"],
            ["http://anything:22", "http://anything:8080", "http://h:0"],
        ),
        ("*:8080", ["http://anything:8080"], ["http://anything"]),
        ("[fd00::1]", ["http://[fd00::1]/", "http://[fd00:0::1]/"], ["http://[fd00::2]/"]),
        ("10.1.2.3:8080", ["http://10.1.2.3:8080"], ["http://10.1.2.3", "http://10.1.2.33:8080"]),
    ],
)
def test_a_rule_permits_its_hosts(rule: str, yes: list[str], no: list[str]) -> None:
    policy = Policy.parse([rule])
    assert [url for url in yes if not permits(policy, url)] == []
    assert [url for url in no if permits(policy, url)] == []


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org", "//example.org", "ftp://example.org", "file:///etc/passwd", "gopher://example.org"),
        *(
            "data:text/html,x",
            "javascript:alert(1)",
            "ws://example.org",
            "http://",
            "http:///path",
            "http:example.org",
        ),
        *(
            "http://user@example.org",
            "http://user:password@example.org",
            "http://@example.org",
            "http://:@example.org",
        ),
        *("http://example.org@evil.com", "http://evil.com\\@example.org", "http://example.org\\.evil.com"),
        *("http://exam\tple.org", "http://example.org\n", " http://example.org", "http://example.org/a b"),
        *("http://example.org\0", "http://example.org:99999", "http://example.org:80:80", "http://example.org:x"),
        *("http://[::1", "http://[::1]]", "https://example.org/" + "x" * 2048),
    ],
)
def test_urls_without_a_matching_rule_are_refused(url: str) -> None:
    assert not permits(Policy.parse(["*", "example.org", "evil.com"]), url)


def test_nothing_is_permitted_without_rules() -> None:
    assert not permits(Policy(), "https://example.org")


def test_a_refusal_names_what_is_allowed() -> None:
    with pytest.raises(Refused, match=r"Allowed are: example\.org, \.other\.org:8080\."):
        Policy.parse(["example.org", ".other.org:8080"]).permitted("https://evil.com")


def test_networks_are_only_for_named_hosts() -> None:
    policy = Policy.parse(["*", "wiki.example.org"], ["10.1.0.0/16"])
    assert policy.permitted("https://wiki.example.org")[1] == policy.networks
    assert policy.permitted("https://evil.com")[1] == ()


@pytest.mark.parametrize(
    ("hosts", "networks", "said"),
    [
        (["http://example.org"], [], "CHAT_FETCH_HOSTS contains 'http://example.org'"),
        (["example.org/path"], [], "CHAT_FETCH_HOSTS"),
        (["exa mple"], [], "CHAT_FETCH_HOSTS"),
        (["*.example.org"], [], "CHAT_FETCH_HOSTS"),
        (["example.org:0"], [], "CHAT_FETCH_HOSTS"),
        (["example.org:99999"], [], "CHAT_FETCH_HOSTS"),
        ([], ["10.0.0.0/33"], "CHAT_FETCH_NETWORKS"),
        ([], ["10.0.0.1/8"], "CHAT_FETCH_NETWORKS"),
        ([], ["wiki"], "CHAT_FETCH_NETWORKS"),
    ],
)
def test_a_wrong_setting_is_named(hosts: list[str], networks: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Policy.parse(hosts, networks)
