import django.core.validators
from django.db import migrations, models

import chat.models.user


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("chat", "0014_part"),
    ]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="name",
            field=models.CharField(
                blank=True, help_text="What the token is for.", max_length=100, verbose_name="name"
            ),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="prefix",
            field=models.CharField(editable=False, max_length=10, verbose_name="prefix"),
        ),
        migrations.AlterField(
            model_name="assistant",
            name="groups",
            field=models.ManyToManyField(
                blank=True,
                help_text="Groups that may use it. Leave empty for everyone.",
                related_name="assistants",
                to="auth.group",
                verbose_name="groups",
            ),
        ),
        migrations.AlterField(
            model_name="assistant",
            name="is_available",
            field=models.BooleanField(
                default=True,
                editable=False,
                help_text="Whether its server's latest list includes the model.",
                verbose_name="available",
            ),
        ),
        migrations.AlterField(
            model_name="assistant",
            name="is_default",
            field=models.BooleanField(
                default=False, help_text="Used when no other assistant is chosen.", verbose_name="default"
            ),
        ),
        migrations.AlterField(
            model_name="assistant",
            name="is_detected",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Created automatically for a model that its server lists.",
                verbose_name="detected",
            ),
        ),
        migrations.AlterField(
            model_name="assistant",
            name="is_found_default",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Became the default because it was found first, not because someone chose it.",
                verbose_name="automatic default",
            ),
        ),
        migrations.AlterField(
            model_name="assistant",
            name="max_output_tokens",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Leave empty for the model's limit.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="maximum output tokens",
            ),
        ),
        migrations.AlterField(
            model_name="assistant",
            name="position",
            field=models.PositiveIntegerField(
                default=0, help_text="Lower numbers come first.", verbose_name="position"
            ),
        ),
        migrations.AlterField(
            model_name="assistant",
            name="temperature",
            field=models.FloatField(
                blank=True,
                help_text="0 to 2. Leave empty for the model's default.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(0.0),
                    django.core.validators.MaxValueValidator(2.0),
                ],
                verbose_name="temperature",
            ),
        ),
        migrations.AlterField(
            model_name="conversation",
            name="is_named",
            field=models.BooleanField(
                default=False, editable=False, help_text="A person chose the title.", verbose_name="named"
            ),
        ),
        migrations.AlterField(
            model_name="conversation",
            name="is_unread",
            field=models.BooleanField(
                default=False, help_text="Has an answer that its owner has not seen.", verbose_name="unread"
            ),
        ),
        migrations.AlterField(
            model_name="suggestion",
            name="position",
            field=models.PositiveIntegerField(
                default=0, help_text="Lower numbers come first.", verbose_name="position"
            ),
        ),
        migrations.AlterField(
            model_name="suggestion",
            name="text",
            field=models.TextField(
                help_text="The message to put in the message box.", max_length=2000, verbose_name="text"
            ),
        ),
        migrations.AlterField(
            model_name="suggestion",
            name="title",
            field=models.CharField(help_text="The suggestion in a few words.", max_length=100, verbose_name="title"),
        ),
        migrations.AlterField(
            model_name="user",
            name="display_name",
            field=models.CharField(
                blank=True,
                help_text="Shown instead of the username. Not used to sign in.",
                max_length=60,
                validators=[chat.models.user.check_display_name],
                verbose_name="display name",
            ),
        ),
    ]
