"""python -m tests.upstreams.accounts: makes a provider account of the JSON object on stdin.

In a process of its own, under the site's real settings, as `tests.members`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import django

from tests.server.process import ROOT, clean_environment


def make_account(data_dir: Path, *, kind: str, base_url: str, key: str) -> None:
    """In the database of a site that has its tables. Its assistants are made when the site sees it."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.upstreams.accounts"],
        cwd=ROOT,
        env=clean_environment() | {"CHAT_DATA_DIR": str(data_dir)},
        input=json.dumps({"kind": kind, "base_url": base_url, "key": key}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert made.returncode == 0, made.stderr


def main(*, kind: str, base_url: str, key: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
    django.setup()
    from chat.models import ProviderAccount

    account = ProviderAccount(name=kind, slug=f"a-{kind}", kind=kind, base_url=base_url)
    account.set_key(key)
    account.full_clean()
    account.save()


if __name__ == "__main__":
    main(**json.load(sys.stdin))
