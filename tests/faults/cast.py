"""python -m tests.faults.cast: makes the tables and the people of a site, and prints their credentials as JSON.

In a process of its own, under the site's real settings: the tests' own Django is configured for another database.
"""

from __future__ import annotations

import json
import os
import secrets
import sys

import django

NAMES = ("alice", "bob", "charlie", "admin")


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
    django.setup()
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    # Hashed once: the real hasher takes its time.
    password = make_password(secrets.token_urlsafe())
    json.dump({name: credentials(name, password) for name in NAMES}, sys.stdout)


def credentials(name: str, password: str) -> dict[str, object]:
    """A user, signed in once, with a token that has not been used yet. Nobody knows the password."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from chat.models import ApiToken, SignIn, User

    is_admin = name == "admin"
    user = User(username=name, email=f"{name}@example.org", is_staff=is_admin, is_superuser=is_admin)
    user.password = password
    user.save()
    _, secret = ApiToken.objects.issue(user, "tests")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    SignIn.note(user, str(session.session_key), address="127.0.0.1", user_agent="tests")
    return {"id": user.pk, "token": secret, "session": session.session_key}


if __name__ == "__main__":
    main()
