"""All URLs of the site."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("chat.urls")),
    path("accounts/", include("chat.accounts.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "chat.pages.errors.bad_request"
handler403 = "chat.pages.errors.forbidden"
handler404 = "chat.pages.errors.not_found"
handler429 = "chat.pages.errors.too_many_requests"
handler500 = "chat.pages.errors.server_error"
