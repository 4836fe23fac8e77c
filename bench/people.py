"""python -m bench.people COUNT: makes the tables and the people of a site, and prints their API tokens as JSON.

In a process of its own, under the site's real settings. Nobody has a password.
"""

from __future__ import annotations

import json
import os
import sys

import django


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
    django.setup()
    from django.core.management import call_command
    from django.db import transaction

    from chat.models import ApiToken, User

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        people = User.objects.bulk_create(
            User(username=f"person{number}", email=f"person{number}@example.org", password="!")
            for number in range(int(sys.argv[1]))
        )
        json.dump([ApiToken.objects.issue(person, "bench")[1] for person in people], sys.stdout)


if __name__ == "__main__":
    main()
