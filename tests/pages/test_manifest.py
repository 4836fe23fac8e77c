from __future__ import annotations

from struct import unpack

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from chat.models import User

ADDRESS = "/manifest.webmanifest"


def test_the_manifest_is_public(client: Client) -> None:
    response = client.get(ADDRESS)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/manifest+json"
    found = response.json()
    assert (found["name"], found["start_url"], found["scope"]) == ("Chatsite", "/", "/")
    assert found["display"] == "standalone"


def test_the_manifest_accepts_only_get(client: Client) -> None:
    assert client.post(ADDRESS).status_code == 405


def test_the_icons_exist_in_the_listed_sizes(client: Client) -> None:
    icons = client.get(ADDRESS).json()["icons"]

    assert {icon["purpose"] for icon in icons} == {"any", "maskable"}
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in icons}
    for icon in icons:
        assert size_of(icon["src"]) in {icon["sizes"], None}


def size_of(address: str) -> str | None:
    """The size of a PNG, such as `192x192`; None for an SVG, which has every size."""
    path = finders.find(address.removeprefix("/static/"))
    assert path, address
    if address.endswith(".svg"):
        return None
    with open(path, "rb") as file:
        head = file.read(24)
    assert head.startswith(b"\x89PNG")
    width, height = unpack(">II", head[16:24])
    return f"{width}x{height}"


def test_the_manifest_is_in_the_browsers_language(client: Client) -> None:
    found = client.get(ADDRESS, headers={"Accept-Language": "de"}).json()

    assert found["lang"] == "de"
    assert found["shortcuts"][0]["name"] == "Neuer Chat"


def test_each_page_links_the_manifest_and_the_apple_icon(client: Client, alice: User) -> None:
    html = client.get("/accounts/login/").content.decode()

    assert f'<link rel="manifest" href="{ADDRESS}">' in html
    assert size_of("/static/icons/apple-touch-icon.png") == "180x180"
    assert '<link rel="apple-touch-icon" href="/static/icons/apple-touch-icon.png">' in html


@pytest.mark.parametrize(
    ("theme", "light", "dark"),
    [
        ("light", "all", "not all"),
        ("dark", "not all", "all"),
        ("system", "(prefers-color-scheme: light)", "(prefers-color-scheme: dark)"),
    ],
)
def test_the_browsers_bars_have_the_colour_of_the_chosen_theme(
    client: Client, alice: User, theme: str, light: str, dark: str
) -> None:
    client.cookies["theme"] = theme
    html = client.get("/accounts/login/").content.decode()

    assert f'data-theme="light" media="{light}"' in html
    assert f'data-theme="dark" media="{dark}"' in html
