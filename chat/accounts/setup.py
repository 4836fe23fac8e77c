"""The first run: the page behind the setup link that the server prints while there is no user."""

from __future__ import annotations

from typing import ClassVar, Final

from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.forms import EmailInput
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chat.auth import first_run
from chat.models import User

WRONG_LINK = gettext_lazy(
    "This site is not set up yet. Open the setup link that the server printed at startup: it ends in /setup/?token=…"
)

IN_SESSION: Final = "setup_link"


class AdministratorForm(UserCreationForm):  # type: ignore[type-arg]
    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "email")
        widgets: ClassVar = {"email": EmailInput({"autocomplete": "email"})}


@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    if not first_run.is_open():
        raise Http404
    token = request.GET.get("token", "") or request.session.get(IN_SESSION, "")
    if not first_run.accepts(token):
        return render(request, "403.html", {"reason": WRONG_LINK}, status=403)
    if "token" in request.GET and request.method != "POST":
        return _without_token_in_the_address(request, token)
    form = AdministratorForm(request.POST or None)
    if not form.is_valid():
        return render(request, "setup.html", {"form": form})
    entered = form.cleaned_data
    administrator = first_run.claim(entered["username"], entered["email"], entered["password1"])
    if administrator is None:
        raise Http404
    request.session.pop(IN_SESSION, None)
    login(request, administrator)
    return redirect("chat:new")


def _without_token_in_the_address(request: HttpRequest, token: str) -> HttpResponse:
    """Keep the token in the session: a URL leaks through the Referer, the history and over a shoulder."""
    request.session[IN_SESSION] = token
    response = redirect("chat:setup")
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
