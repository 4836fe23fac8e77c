"""`manage.py purge_conversations`: permanently removes deleted conversations. For cron, or before a backup."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from chat.models import Conversation
from chatsite import sqlite_space


class Command(BaseCommand):
    help = "Permanently remove deleted conversations that can no longer be restored (CHAT_UNDO_SECONDS)."

    def handle(self, *args: Any, **options: Any) -> None:
        count = Conversation.objects.purge()
        while sqlite_space.give_back(connection):
            """In small steps, so that others can write in between."""
        self.stdout.write(f"{count} deleted conversation{'' if count == 1 else 's'} removed.")
