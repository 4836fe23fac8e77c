"""python -m tests.members NAME …: creates the tables and the people of a site, and prints their credentials as JSON.

In a process of its own, under the site's real settings: the tests' own Django is configured for another database.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import django

from tests.server.process import ROOT, clean_environment

CAST: Final = ("alice", "bob", "charlie", "admin")
# For tests that share a site: each takes the next one, whom no other test has met.
GUESTS: Final = tuple(f"guest{number}" for number in range(150))


@dataclass(frozen=True)
class Member:
    """A person of a running site, with what signs them in."""

    name: str
    id: int
    token: str
    session: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"sessionid={self.session}"}


def prepare(data_dir: Path, *names: str, **variables: str) -> dict[str, Member]:
    """Tables, the cast and people of the given names, in an empty directory or in the database of the settings.

    `variables` are the settings. Everybody's password is `tests.cast.PASSWORD`.
    """
    made = subprocess.run(
        [sys.executable, "-m", "tests.members", *CAST, *names],
        cwd=ROOT,
        env=clean_environment() | {"CHAT_DATA_DIR": str(data_dir)} | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return {name: Member(name, **fields) for name, fields in json.loads(made.stdout).items()}


def main(*names: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
    django.setup()
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command
    from django.db import transaction

    from tests.cast import PASSWORD, credentials, make_admin, make_user

    call_command("migrate", verbosity=0)
    # Hashed once for all: the site's own hasher takes a third of a second.
    password = make_password(PASSWORD)
    made = {}
    with transaction.atomic():
        for name in names:
            user = (make_admin if name == "admin" else make_user)(name, password=None)
            user.password = password
            user.save(update_fields=["password"])
            made[name] = credentials(user)
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
