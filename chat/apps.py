from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from chat import checks  # noqa: F401  (registers the system checks)
        from chat.auth.sessions import signed_in

        user_logged_in.connect(signed_in)
