"""URLs of the account page, and of the django-allauth pages that this site uses. Its other pages are not served."""

from __future__ import annotations

from allauth.account import views
from django.urls import URLPattern, path, re_path

from chat.accounts.adapter import (
    PasswordResetFromKeyView,
    after_first_run,
    if_mail_is_sent,
    with_secret_address,
)
from chat.accounts.own_account import views as own

urlpatterns: list[URLPattern] = [
    path("", own.account, name="account"),
    path("name/", own.rename, name="account_rename"),
    path("address/", own.change_address, name="account_change_address"),
    path("address/confirm/", own.confirm_address, name="account_confirm_address"),
    path("sessions/others/end/", own.end_other_sign_ins, name="account_end_other_sessions"),
    path("sessions/<int:sign_in_id>/end/", own.end_sign_in, name="account_end_session"),
    path("tokens/", own.make_token, name="account_make_token"),
    path("tokens/<int:token_id>/revoke/", own.revoke_token, name="account_revoke_token"),
    path("delete/", own.delete, name="account_delete"),
    path("login/", after_first_run(views.login), name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("signup/", after_first_run(views.signup), name="account_signup"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    # For an account without a password; the page above sends it here.
    path("password/set/", views.password_set, name="account_set_password"),
    path("password/reset/", if_mail_is_sent(views.password_reset), name="account_reset_password"),
    path("password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        with_secret_address(PasswordResetFromKeyView.as_view()),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]
