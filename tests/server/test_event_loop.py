"""Which event loop `manage.py serve` uses. In separate processes, because a process has only one reactor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.process import ROOT, clean_environment

# A stand-in for the package: only its name and this function are used.
UVLOOP = """
import asyncio

class Loop(asyncio.SelectorEventLoop):
    pass

def new_event_loop():
    return Loop()
"""
CHOOSE = """
import sys
from chatsite import event_loop
print(event_loop.choose(sys.argv))
import django
django.setup()
from twisted.internet import reactor
print(type(reactor._asyncioEventloop).__module__)
"""


@pytest.mark.parametrize(
    ("command", "installed", "chosen"), [("serve", True, True), ("migrate", True, False), ("serve", False, False)]
)
def test_uvloop_serves_where_it_is_installed(tmp_path: Path, command: str, installed: bool, chosen: bool) -> None:
    # None in sys.modules makes a module missing, even if it is installed.
    absent = "" if installed else "import sys\nsys.modules['uvloop'] = None\n"
    (tmp_path / "uvloop.py").write_text(UVLOOP)
    variables = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    result = subprocess.run(
        [sys.executable, "-c", absent + CHOOSE, command],
        cwd=ROOT,
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    is_chosen, module = result.stdout.split()
    assert is_chosen == str(chosen)
    assert (module == "uvloop") == chosen
