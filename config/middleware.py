"""Django's stock middleware. What only pages of the console need is skipped for the API."""

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

from config.routes import APIS
from core import gate, origin


class PagesOnly:
    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(APIS):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]  # The stock class beside it.


class Cors(CorsMiddleware):
    def check_preflight(self, request: HttpRequest) -> Any:
        """Answer 204, as the old service did and its clients assert; the library says 200."""
        response = super().check_preflight(request)
        if response is not None:
            response.status_code = 204
        return response


class StaticFiles(PagesOnly, WhiteNoiseMiddleware): ...  # type: ignore[misc]  # It has no types.


class Sessions(PagesOnly, SessionMiddleware): ...


class Common(PagesOnly, CommonMiddleware):
    def __call__(self, request: HttpRequest) -> Any:
        """Hold the API to ALLOWED_HOSTS too: the stock class would, and it is skipped there."""
        request.get_host()
        return super().__call__(request)


class Csrf(PagesOnly, CsrfViewMiddleware):
    def process_view(self, request: HttpRequest, *args: Any) -> Any:
        """The API takes no cookies, so there is nothing to forge."""
        if request.path_info.startswith(APIS):
            return None
        return super().process_view(request, *args)


class Authentication(PagesOnly, AuthenticationMiddleware): ...


class Messages(PagesOnly, MessageMiddleware): ...


class ClickjackingProtection(PagesOnly, XFrameOptionsMiddleware): ...


OUTSIDE_THE_STAFF_GATE = (
    *("/admin/login/", "/admin/logout/", "/admin/password_change/"),
    # It enters the gate of the clinic itself, and then that of a person.
    "/admin/documents/document/content/",
)


def staff_gate(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Let staff who are not superusers use the console inside their own tenant's gate.

    Pages are rendered within; the session is saved without. Logging in and out and a person's
    own password are about sessions, which belong to no tenant.
    """

    def gated(request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if not path.startswith("/admin/") or not request.user.is_authenticated:
            return get_response(request)
        user = request.user
        came_in = origin.current.get() or origin.Origin()
        kind = "administrator" if user.is_superuser else "staff"
        with origin.acting(dataclasses.replace(came_in, kind=kind, actor_id=str(user.pk))):
            if path.startswith(OUTSIDE_THE_STAFF_GATE):
                return get_response(request)
            with gate_of(user):
                return get_response(request)

    return gated


def gate_of(user: Any) -> AbstractContextManager[None]:
    if user.is_superuser:
        return gate.as_administrator()
    enter = gate.as_support if user.is_support else gate.as_staff
    return enter(user.tenant_id)
