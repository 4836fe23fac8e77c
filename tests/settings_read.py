"""Settings under environment variables other than those of this process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def setting(name: str, data_dir: Path, **variables: str) -> str:
    """The printed value of a setting, in a process that has only these variables."""
    told = subprocess.run(
        [sys.executable, "-c", f"from chatsite import settings; print(settings.{name})"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "SECRET_KEY": "x" * 40, "CHAT_DATA_DIR": str(data_dir), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()
