"""`manage.py rotate_secrets`: encrypts the secrets of the database with a new key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat.models import ProviderAccount
from chat.models.sealing import NoKey, renew_key


class Command(BaseCommand):
    help = (
        "Encrypt the API keys of provider accounts again: with a new key in the data directory, or with the first key "
        "of CHAT_SECRETS_KEY=new,old. No server needs a restart."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            is_renewed = renew_key()
            count = ProviderAccount.objects.reseal()
        except NoKey as error:
            raise CommandError(f"Nothing was lost, but not all secrets were encrypted again: {error}") from None
        how = "a new key in the data directory" if is_renewed else "the first key of CHAT_SECRETS_KEY"
        self.stdout.write(f"The secrets of {count} provider accounts are encrypted with {how}.")
