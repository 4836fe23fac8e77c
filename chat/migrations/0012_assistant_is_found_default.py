from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
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
    ]
