"""`manage.py create_api_token USERNAME`: creates an API token and prints only the token."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.models import ApiToken, User
from chat.models.api_token import NAME_LENGTH


class Command(BaseCommand):
    help = "Create an API token for a user and print it. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="What the token is for.")

    def handle(self, *args: Any, **options: Any) -> None:
        username, name = options["username"], options["name"]
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user named {username}.")
        if not user.is_active:
            raise CommandError(f"{username} is not active, so a token would not work.")
        if len(name) > NAME_LENGTH:
            raise CommandError(f"The name is too long: at most {NAME_LENGTH} characters.")
        _, secret = ApiToken.objects.issue(user, name)
        self.stdout.write(secret)
