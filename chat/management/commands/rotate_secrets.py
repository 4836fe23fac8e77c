"""`manage.py rotate_secrets`: encrypts the secrets of the database with a new key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat.models import McpServer, ProviderAccount
from chat.models.sealing import NoKey, drop_old_keys, renew_key, rotation


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of provider accounts and MCP servers again: with a new key in the data directory, or "
        "with the first key of CHAT_SECRETS_KEY=new,old. No server needs a restart."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with rotation():
                is_renewed = renew_key()
                # Saved before any key is dropped.
                count, unreadable = ProviderAccount.objects.reseal()
                servers, unreadable_servers = McpServer.objects.reseal()
                unreadable |= {f"MCP server {slug}": error for slug, error in unreadable_servers.items()}
                if not unreadable:
                    drop_old_keys()
        except NoKey as error:
            raise CommandError(f"Nothing was lost, but not all secrets were encrypted again: {error}") from None
        how = "a new key in the data directory" if is_renewed else "the first key of CHAT_SECRETS_KEY"
        self.stdout.write(
            f"The secrets of {count} provider accounts and {servers} MCP servers are encrypted with {how}."
        )
        if unreadable:
            skipped = " ".join(f"{slug}: {error}" for slug, error in unreadable.items())
            raise CommandError(
                f"{len(unreadable)} cannot be read and were skipped; all keys stay where they are. {skipped}"
            )
