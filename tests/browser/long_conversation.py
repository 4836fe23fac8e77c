"""python -m tests.browser.long_conversation OWNER_ID COUNT BLANK_LINES SIZE: creates a conversation. Prints its id."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Final

import django

from tests.server.process import ROOT, clean_environment

# Of different heights, like real answers.
ANSWERS: Final = (
    "Yes.",
    "A heron stands **still** for minutes, and strikes within a twentieth of a second.\n\n" * 3,
    "| bird | height |\n| --- | ---: |\n| grey heron | 98 cm |\n| little egret | 60 cm |",
    "```python\ndef strike(prey: str) -> str:\n    return prey\n```\n\n1. It waits.\n2. It strikes.\n3. It eats.",
    "## In short\n\n" + "Patience is bitter, but its fruit is sweet. " * 20,
)


def write(data_dir: Path, owner_id: int, count: int, *, blank_lines: int = 0, size: int = 0) -> str:
    """Writes a conversation directly to the database of a site. Returns its id.

    `blank_lines`: added at the end of each answer, as bytes that are not drawn. `size`: minimum length of each answer
    in characters, all of which are drawn.
    """
    made = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.browser.long_conversation",
            str(owner_id),
            str(count),
            *map(str, (blank_lines, size)),
        ],
        cwd=ROOT,
        env=clean_environment() | {"CHAT_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def main(owner_id: int, count: int, blank_lines: int, size: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
    django.setup()
    from django.db import transaction
    from django.utils import timezone

    from chat.models import Conversation, Message

    begun = timezone.now() - timedelta(seconds=count)
    with transaction.atomic():
        conversation = Conversation.objects.create(owner_id=owner_id, title=f"{count} messages")
        parent = None
        messages = []
        for number in range(count):
            asks = number % 2 == 0
            message = Message(
                id=uuid.uuid4(),
                conversation=conversation,
                owner_id=owner_id,
                parent_id=parent,
                role=Message.Role.USER if asks else Message.Role.ASSISTANT,
                text=f"Question {number // 2}" if asks else _answer(number // 2, size) + "\n" * blank_lines,
                created_at=begun + timedelta(seconds=number),
            )
            parent = message.pk
            messages.append(message)
        Message.objects.bulk_create(messages, batch_size=500)
        Conversation.objects.filter(pk=conversation.pk).update(active_leaf=parent)
    sys.stdout.write(str(conversation.pk))


def _answer(number: int, size: int) -> str:
    answer = ANSWERS[number % len(ANSWERS)]
    while len(answer) < size:
        number += 1
        answer += f"\n\n{ANSWERS[number % len(ANSWERS)]}"
    return answer


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]))
