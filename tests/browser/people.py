"""python -m tests.browser.people NAME …: makes the tables of a site and these people, and prints their credentials.

Of those named `guest` there are as many as GUESTS: each test is somebody nobody has met before.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import django

from tests.faults.cast import credentials
from tests.faults.processes import Member
from tests.server.process import ROOT, clean_environment

GUESTS: Final = 150
# Everybody's.
PASSWORD: Final = "correct horse battery staple"


def prepare(data_dir: Path, *names: str) -> dict[str, Member]:
    """Tables in an empty directory, an `admin`, the guests, and people of the given names, each signed in."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.browser.people", *names],
        cwd=ROOT,
        env=clean_environment() | {"CHAT_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return {name: Member(name, **made_of) for name, made_of in json.loads(made.stdout).items()}


def main(*names: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
    django.setup()
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command
    from django.db import transaction

    call_command("migrate", verbosity=0)
    password = make_password(PASSWORD)
    guests = (f"guest{number}" for number in range(GUESTS))
    with transaction.atomic():
        json.dump({name: credentials(name, password) for name in ("admin", *names, *guests)}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
