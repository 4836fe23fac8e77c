from django.db import migrations, models


def mark_found(apps, schema_editor):
    """The default of a site that is older than the mark counts as found where nothing speaks for a person's choice.

    An administrator's choice may never be replaced, so it must be certain: the server's first model, which is what was
    made the default when it was found, and no change of its field in the log of the admin. That log alone does not do:
    it goes with the account of whoever wrote it. Any other default stays a choice.
    """
    Assistant = apps.get_model("chat", "Assistant")
    LogEntry = apps.get_model("admin", "LogEntry")
    default = Assistant.objects.filter(is_default=True, is_detected=True).first()
    if default is None:
        return
    siblings = Assistant.objects.filter(provider=default.provider, is_detected=True)
    if siblings.filter(pk__lt=default.pk).exists():
        return
    changes = LogEntry.objects.filter(
        content_type__app_label="chat", content_type__model="assistant", object_id=str(default.pk)
    )
    # The label of the field, in English whoever did it: "Is default" at first, "Default" later.
    if not changes.filter(change_message__icontains='default"').exists():
        Assistant.objects.filter(pk=default.pk).update(is_found_default=True)


class Migration(migrations.Migration):
    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("chat", "0011_names_in_every_language"),
    ]

    operations = [
        migrations.AddField(
            model_name="assistant",
            name="is_found_default",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="The default because it was found first, not by anybody's choice.",
                verbose_name="default that was found",
            ),
        ),
        migrations.AlterField(
            model_name="assistant",
            name="is_available",
            field=models.BooleanField(
                default=True,
                editable=False,
                help_text="Whether its server listed the model last.",
                verbose_name="available",
            ),
        ),
        migrations.AlterField(
            model_name="assistant",
            name="is_detected",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Made for a model that its server lists.",
                verbose_name="detected",
            ),
        ),
        migrations.RunPython(mark_found, migrations.RunPython.noop),
    ]
