from __future__ import annotations

import pytest

from chatsite.addresses import default_url


@pytest.mark.parametrize(
    ("host", "names", "https", "url"),
    [
        ("127.0.0.1", ["localhost"], False, "http://127.0.0.1:8000"),
        ("0.0.0.0", ["localhost"], False, "http://localhost:8000"),
        ("::", ["localhost"], False, "http://localhost:8000"),
        ("::1", ["localhost"], False, "http://[::1]:8000"),
        ("127.0.0.1", ["localhost", "chat.example.org"], True, "https://chat.example.org"),
        ("127.0.0.1", [".example.org"], True, "https://example.org"),
        ("127.0.0.1", ["*", "localhost"], True, "http://127.0.0.1:8000"),
        # The outside port is unknown.
        ("127.0.0.1", ["chat.example.org"], False, "http://127.0.0.1:8000"),
    ],
)
def test_the_site_url_follows_the_settings(host: str, names: list[str], https: bool, url: str) -> None:
    assert default_url(host, 8000, names, https=https) == url
