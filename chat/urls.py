"""URLs of the pages and the API."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from chat.accounts import setup
from chat.pages import chat, health, icon, images, manifest, theme

app_name = "chat"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", chat.new_chat, name="new"),
    path("c/<uuid:conversation_id>", chat.conversation, name="conversation"),
    path("image", images.image, name="image"),
    path("setup/", setup.setup, name="setup"),
    path("manifest.webmanifest", manifest.manifest, name="manifest"),
    path("favicon.ico", icon.favicon, name="favicon"),
    path("theme", theme.choose_theme, name="theme"),
    path("language", set_language, name="language"),
    path("api/", include("chat.api.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
