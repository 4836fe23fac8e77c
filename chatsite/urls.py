"""Every address of the site."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("chat.urls")),
    path("accounts/", include("chat.accounts.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "chat.views.errors.bad_request"
handler403 = "chat.views.errors.forbidden"
handler404 = "chat.views.errors.not_found"
handler429 = "chat.views.errors.too_many_requests"
handler500 = "chat.views.errors.server_error"
