from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import User


@pytest.mark.parametrize("signup_open", [True, False])
def test_the_login_page_links_to_sign_up_only_if_it_is_open(
    client: Client, alice: User, settings: Any, signup_open: bool
) -> None:
    settings.CHAT_SIGNUP = signup_open
    page = client.get(reverse("account_login")).content.decode()
    assert (reverse("account_signup") in page) is signup_open
