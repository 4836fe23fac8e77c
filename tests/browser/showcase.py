"""python -m tests.browser.showcase: creates a site with one user and some conversations, and prints the user.

The screenshots in docs/ show it. It is the same each time, except for the dates, which are relative to today.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from typing import Final

import django

MODEL: Final = "llama-3.3-70b"
QUESTION: Final = "SQLite or PostgreSQL for a shop with 300 orders a day?"
ANSWER: Final = """For 300 orders a day, **SQLite in WAL mode is enough**, and it is one file to back up. \
Choose PostgreSQL when more than one machine has to write.

| | SQLite | PostgreSQL |
| --- | --- | --- |
| Runs as | a library in your process | a server of its own |
| Writers at once | one | many |
| Backup | `.backup copy.db` | `pg_dump` |

Two settings make the difference:

```sql
PRAGMA journal_mode = WAL;    -- readers do not wait for the writer
PRAGMA busy_timeout = 5000;   -- a second writer waits, it does not fail
```"""

# Days ago, and title.
EARLIER: Final = (
    (0, "Merge overlapping intervals in Python"),
    (0, "Subject lines for the autumn newsletter"),
    (1, "A weekend in Porto, by train"),
    (1, "Why is the night sky dark?"),
    (3, "Refund policy in plain words"),
    (5, "nginx in front of two workers"),
    (6, "Names for a heron"),
    (19, "Reading list on distributed systems"),
)


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from chat.models import Assistant, Conversation, Message
    from tests.cast import credentials, make_conversation, make_user

    call_command("migrate", verbosity=0)
    ada = make_user("ada")
    assistant = Assistant.objects.create(
        name="Llama", slug="llama", provider="openai", model=MODEL, is_default=True, is_detected=False
    )
    shown = make_conversation(ada, QUESTION, ANSWER, title="SQLite or PostgreSQL for a shop")
    Message.objects.filter(role="assistant").update(assistant=assistant, model=MODEL)
    Conversation.objects.filter(pk=shown.pk).update(assistant=assistant)
    for order, (days, title) in enumerate(EARLIER, start=1):
        made = make_conversation(ada, title, "…")
        at = timezone.now() - timedelta(days=days, seconds=order)
        Conversation.objects.filter(pk=made.pk).update(updated_at=at, created_at=at)
    json.dump({"member": credentials(ada), "conversation_id": str(shown.pk)}, sys.stdout)


if __name__ == "__main__":
    main()
