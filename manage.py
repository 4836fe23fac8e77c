#!/usr/bin/env python
"""Django's command line for this site. Reads `.env` (or the file that CHAT_ENV_FILE names) first."""

import os
import sys
from pathlib import Path

from chatsite import event_loop
from chatsite.env_file import load_env_file


def main() -> None:
    env_file = os.environ.get("CHAT_ENV_FILE", str(Path(__file__).resolve().parent / ".env"))
    if env_file:
        try:
            load_env_file(Path(env_file), os.environ)
        except (OSError, ValueError) as error:
            sys.exit(str(error))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    event_loop.choose(sys.argv)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
