"""What a page may do in the browser: the Content-Security-Policy, and headers that Django does not set."""

from __future__ import annotations

import re
from typing import Final

from csp.constants import HEADER
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chat.middleware.on_loop import OnLoop

ADMIN: Final = "/admin/"
API: Final = "/api/"
# What django-csp calls a view's own changes to the policy.
OWN_POLICY: Final = ("_csp_config", "_csp_update", "_csp_replace")
# The admin's jQuery and SelectBox.js assign innerHTML. The rest of the policy applies there too.
WITHOUT_TRUSTED_TYPES: Final = {"require-trusted-types-for": None, "trusted-types": None}
# Browser features that no page of this site uses, disabled so that nothing injected into a page can use them.
PERMISSIONS: Final = ", ".join(
    [
        *(
            f"{feature}=()"
            for feature in (
                *("accelerometer", "browsing-topics", "camera", "display-capture", "geolocation"),
                *("gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb"),
            )
        ),
        "clipboard-write=(self)",
    ]
)
# Pages with a secret in the URL: the Referer names only the site. ("no-referrer" would make the CSRF check refuse
# their forms, see settings.py.)
SECRET_LINK: Final = re.compile(r"/(setup|accounts/password/reset)/")


class BrowserPolicyMiddleware(OnLoop, CSPMiddleware):  # type: ignore[misc]
    """Sets the policy of settings.py on every response. Only the admin goes without Trusted Types."""

    # What the API's answers have, from the first of them: it is built anew for each answer otherwise.
    _of_the_api = ""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(ADMIN):
            parts.replace = {**(parts.replace or {}), **WITHOUT_TRUSTED_TYPES}
        return parts

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        # A host name in an answer must not be resolved before someone clicks it: the name itself can leak text.
        response.headers.setdefault("X-DNS-Prefetch-Control", "off")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if SECRET_LINK.match(request.path_info):
            response.headers.setdefault("Referrer-Policy", "strict-origin")
        is_of_the_api = request.path_info.startswith(API) and not any(hasattr(response, name) for name in OWN_POLICY)
        if is_of_the_api and self._of_the_api:
            response.headers.setdefault(HEADER, self._of_the_api)
            return response
        processed: HttpResponseBase = super().process_response(request, response)
        if is_of_the_api:
            self._of_the_api = processed.headers.get(HEADER, "")
        return processed
