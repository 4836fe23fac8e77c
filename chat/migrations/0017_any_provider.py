from __future__ import annotations

from typing import Any, Final

from django.db import migrations, models

# The order in which assistants with the same position were shown until now: by provider.
PLACES: Final = {"openai": 0, "ollama": 10, "demo": 20}
STEP: Final = 30
LARGEST: Final = 2**31 - 1
# Of a provider's name, before.
SHORT: Final = 20


def keep_the_order(apps: Any, schema_editor: Any) -> None:
    """From now on, only the position and the name decide it."""
    assistants = apps.get_model("chat", "Assistant").objects
    for pk, position, provider in list(assistants.values_list("pk", "position", "provider")):
        place = min(position * STEP + PLACES.get(provider, STEP - 1), LARGEST)
        assistants.filter(pk=pk).update(position=place)


def as_before(apps: Any, schema_editor: Any) -> None:
    """Positions that an upgrade multiplies again, and names that fit into the shorter column."""
    assistants = apps.get_model("chat", "Assistant").objects
    for pk, position, provider in list(assistants.values_list("pk", "position", "provider")):
        assistants.filter(pk=pk).update(position=position // STEP, provider=provider[:SHORT])


class Migration(migrations.Migration):
    dependencies = [("chat", "0016_step")]

    operations = [
        migrations.AlterField("assistant", "provider", models.CharField(max_length=50, verbose_name="provider")),
        migrations.RunPython(keep_the_order, as_before),
    ]
