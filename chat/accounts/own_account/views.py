"""The account page and its forms. Each view: user → validation → one change → back to the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat import mail
from chat.accounts.own_account import addresses, deletion, devices
from chat.accounts.own_account.forms import AddressForm, DeletionForm, NameForm, TokenForm
from chat.auth.credentials import user_of_session
from chat.auth.sign_in_watch import look_now
from chat.models import ApiToken, SignIn, User

PAGE = "account"
# Length of the list; "end all others" includes sessions beyond it.
SIGN_INS_SHOWN = 50


@login_required
@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    return _page(request)


@login_required
@never_cache
@require_POST
def rename(request: HttpRequest) -> HttpResponse:
    # A separate object, not the request's: the page must not show an invalid name as the user's.
    form = NameForm(request.POST, instance=User.objects.get(pk=_user(request).pk), auto_id="name_%s")
    if not form.is_valid():
        return _wrong(request, name_form=form)
    form.save()
    return _done(request, _("Name saved."))


@login_required
@never_cache
@sensitive_post_parameters("password")
@require_POST
def change_address(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    form = AddressForm(user, request.POST, auto_id="address_%s")
    if not form.is_valid():
        return _wrong(request, address_form=form)
    email = form.cleaned_data["email"]
    try:
        is_taken = addresses.ask(request, user, email)
    except addresses.TooManyMails:
        form.add_error("email", _("Too many links requested. Wait an hour, then try again."))
        return _wrong(request, address_form=form)
    if is_taken:
        return _done(request, _("Address saved.") if email else _("Address removed."))
    sent = _("We sent a link to %(address)s. Open it to confirm the address.")
    return _done(request, sent % {"address": email})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    token = request.POST.get("token", "") or request.GET.get("token", "")
    email = addresses.of_token(user, token)
    if email is None or request.method != "POST":
        return render(request, "account/confirm_address.html", {"email": email, "token": token})
    addresses.take(user, email)
    return _done(request, _("Address saved."))


@login_required
@never_cache
@require_POST
def end_sign_in(request: HttpRequest, sign_in_id: int) -> HttpResponse:
    chosen = _user(request).sign_ins.filter(pk=sign_in_id)
    if not chosen.exists():
        raise Http404
    if chosen.filter(session_key=request.session.session_key).exists():
        # Like signing out through the menu: the current session's own row goes last.
        chosen.delete()
        user_id = _user(request).pk
        logout(request)
        look_now(user_id)
        return redirect("account_login")
    chosen.end()
    look_now(_user(request).pk)
    return _done(request, _("Session ended."))


@login_required
@never_cache
@require_POST
def end_other_sign_ins(request: HttpRequest) -> HttpResponse:
    count = _user(request).sign_ins.live().exclude(session_key=request.session.session_key).end()
    look_now(_user(request).pk)
    said = ngettext("%(count)d other session ended.", "%(count)d other sessions ended.", count)
    return _done(request, said % {"count": count})


@login_required
@never_cache
@sensitive_post_parameters("password")
@require_POST
def make_token(request: HttpRequest) -> HttpResponse:
    """The secret is only in this response; a redirect would have to store it in the session."""
    form = TokenForm(_user(request), request.POST, auto_id="token_%s")
    if not form.is_valid():
        return _wrong(request, token_form=form)
    token, secret = form.issue()
    return _page(request, new_token=token, secret=secret)


@login_required
@never_cache
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    token: ApiToken | None = _user(request).api_tokens.filter(pk=token_id, revoked_at=None).first()
    if token is None:
        raise Http404
    token.revoke()
    look_now(_user(request).pk)
    return _done(request, _("Token revoked. Programs can no longer use it."))


def signed_in_only(view: Callable[[HttpRequest, User], Awaitable[HttpResponse]]) -> Callable[..., Any]:
    """Like login_required, for an async view, which can wait for answers to end."""

    @wraps(view)
    async def guarded(request: HttpRequest) -> HttpResponse:
        user = await request.auser()
        if not isinstance(user, User):
            return await sync_to_async(redirect_to_login)(request.get_full_path())
        return await view(request, user)

    return guarded


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in_only
async def delete(request: HttpRequest, user: User) -> HttpResponse:
    form = await sync_to_async(_checked)(request, user)
    if form is None:
        return await sync_to_async(_deletion_page)(request, user)
    if not form.is_valid():
        return await sync_to_async(_deletion_page)(request, user, form)
    try:
        await deletion.delete(user)
    except deletion.LastAdministrator:
        return await sync_to_async(_deletion_page)(request, user)
    return await sync_to_async(_farewell)(request, user.pk)


def _checked(request: HttpRequest, user: User) -> DeletionForm | None:
    """The validated form, which takes a while because of the password hash; None if there is nothing to check."""
    if request.method != "POST" or deletion.is_last_administrator(user):
        return None
    form = DeletionForm(user, request.POST)
    form.is_valid()
    return form


def _deletion_page(request: HttpRequest, user: User, form: DeletionForm | None = None) -> HttpResponse:
    shown = {
        "form": form or DeletionForm(user),
        "is_last_administrator": deletion.is_last_administrator(user),
        "conversation_count": user.conversations.kept().count(),
    }
    return render(request, "account/delete.html", shown)


def _farewell(request: HttpRequest, user_id: int) -> HttpResponse:
    """Sign out. The page also deletes what the browser stores for the user."""
    logout(request)
    return render(request, "account/deleted.html", {"left_id": user_id})


def _page(request: HttpRequest, **bound: Any) -> HttpResponse:
    user = _user(request)
    shown: dict[str, Any] = {
        "name_form": NameForm(instance=user, auto_id="name_%s"),
        "address_form": AddressForm(user, auto_id="address_%s"),
        "token_form": TokenForm(user, auto_id="token_%s"),
        "sign_ins": _sign_ins(request, user),
        "tokens": user.api_tokens.valid(),
        "has_mail": mail.is_configured(),
        "has_password": user.has_usable_password(),
    }
    return render(request, "account/account.html", {**shown, **bound})


def _wrong(request: HttpRequest, **bound: BaseForm) -> HttpResponse:
    """The page with the first invalid field in focus: it may be far down."""
    for form in bound.values():
        if wrong := next((name for name in form.errors if name in form.fields), None):
            form.fields[wrong].widget.attrs["autofocus"] = True
    return _page(request, **bound)


def _sign_ins(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    """The current session comes first. Sessions from before the last password change are no longer valid."""
    current = request.session.session_key
    live = [each for each in user.sign_ins.live()[:SIGN_INS_SHOWN] if user_of_session(each.session_key)]
    live.sort(key=lambda each: each.session_key != current)
    return [_shown(each, is_current=each.session_key == current) for each in live]


def _shown(sign_in: SignIn, *, is_current: bool) -> dict[str, Any]:
    return {"row": sign_in, "device": devices.name_of(sign_in.user_agent), "is_current": is_current}


def _done(request: HttpRequest, message: str) -> HttpResponse:
    messages.success(request, message)
    return redirect(PAGE)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
