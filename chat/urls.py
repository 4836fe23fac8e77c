"""The pages and the API."""

from django.urls import URLPattern, URLResolver, path

from chat.views import theme

app_name = "chat"
urlpatterns: list[URLPattern | URLResolver] = [
    path("theme", theme.choose_theme, name="theme"),
]
