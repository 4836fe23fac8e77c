"""python -m tests.faults.hoard NAME: creates conversations as large as the limits allow for a user.

Runs in a separate process, like tests.members. Prints the ids of the conversations as JSON.
"""

from __future__ import annotations

import json
import os
import sys

import django

# What a user may have after some months, or an attacker after some hours.
LONG_MESSAGES = 200
LONG_CHARACTERS = 98_000
HUGE_MESSAGES = 100
HUGE_CHARACTERS = 400_000
WORDS = [f"{letter}{number:02}word" for letter in "abcdefgh" for number in range(2)]


def main(name: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
    django.setup()
    from chat.models import User

    owner = User.objects.get(username=name)
    filler = f"{' '.join(WORDS)} " * (LONG_CHARACTERS // (9 * len(WORDS)) + 1)
    found = {
        "long": _conversation(owner, [filler[:LONG_CHARACTERS]] * LONG_MESSAGES),
        # No search matches it: it costs by its size alone.
        "huge": _conversation(owner, ["é" * HUGE_CHARACTERS] * HUGE_MESSAGES),
    }
    json.dump(found, sys.stdout)


def _conversation(owner: object, texts: list[str]) -> str:
    from chat.models import Conversation, Message

    conversation = Conversation.objects.create(owner=owner, title="A hoard")
    last = None
    for number, text in enumerate(texts):
        role = Message.Role.ASSISTANT if number % 2 else Message.Role.USER
        last = Message.objects.create(conversation=conversation, owner=owner, parent=last, role=role, text=text)
    conversation.active_leaf = last
    conversation.save()
    return str(conversation.pk)


if __name__ == "__main__":
    main(sys.argv[1])
