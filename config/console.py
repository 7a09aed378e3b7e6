"""The console: Django's admin under our own name, look (templates/admin/) and log-in rules."""

import dataclasses
from typing import Any, Final

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.http import HttpRequest
from django.utils import timezone

from accounts import services, throttle
from accounts.models import Tenant
from config import looks
from core import gate, origin
from core.admin import actor
from core.api.base import caller_address
from core.errors import DomainError

# What people look for most often comes first.
ORDER: Final = (
    *("SafetyAlert", "AuditAlert", "Document", "FeatureFlag", "User", "DailyCheckin"),
    *("HealthEvent", "Insight", "InsightInteraction", "AssessmentDefinition", "Tenant", "ApiKey"),
    *("FeatureFlagRamp", "FeatureFlagChangeRequest", "RateLimitRule", "AuditLog"),
    *("AuditAlertRule", "AuditRetention", "AuditLegalHold", "ErasureCertificate"),
)


class ConsoleLogIn(AdminAuthenticationForm):
    """Log-in with the same limits as the API's; each attempt counts before it is looked at."""

    error_messages = AdminAuthenticationForm.error_messages | {
        "invalid_login": (
            "The e-mail address or the password is wrong, or the account may not open this console."
        ),
    }

    def clean_username(self) -> str:
        email: str = self.cleaned_data["username"]
        return email.strip().lower()

    def clean(self) -> dict[str, Any]:
        email = self.cleaned_data.get("username", "")
        address = caller_address(self.request) if self.request else ""
        attempt = throttle.LogIn(email, address)
        try:
            attempt.count()
        except DomainError as error:
            raise forms.ValidationError(error.detail, code=error.code) from error
        try:
            cleaned = super().clean()
        except forms.ValidationError:
            services.record_refused_log_in(email)
            raise
        # Only a right password makes room: an empty one must not.
        if self.get_user() is not None:
            attempt.succeed()
        return cleaned

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if not may_open_console(user):
            raise self.get_invalid_login_error()


class Console(AdminSite):
    site_title = "Novara console"
    site_header = "Novara console"
    index_title = "Overview"
    site_url = None
    enable_nav_sidebar = False
    login_form = ConsoleLogIn

    def has_permission(self, request: HttpRequest) -> bool:
        return may_open_console(request.user)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002  Django's.
        """Every page of the console leaves a trace of whose rows it shows."""
        return super().admin_view(looks.traced(view), cacheable)

    def get_urls(self) -> list[Any]:
        """Leave out Django's way from a row to its public page: there are none."""
        every = super().get_urls()
        return [page for page in every if getattr(page, "name", "") != "view_on_site"]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """List what there is, with a sentence about each page."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            for page in app["models"]:
                page["purpose"] = getattr(self._registry[page["model"]], "purpose", "")
            app["models"].sort(key=_place)
        return sorted(apps, key=lambda app: _place(app["models"][0]))

    @staticmethod
    def clinic_names() -> dict[str, str]:
        """Name the clinics for pages whose app does not know them."""
        return {str(pk): name for pk, name in Tenant.objects.values_list("id", "name")}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == 302:  # noqa: PLR2004
            _record_session("log-in", request)
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "POST" and request.user.is_authenticated:
            _record_session("log-out", request)
        return super().logout(request, extra_context)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """A new password ends the person's sessions in apps too, as the API's does."""
        with gate.as_system():
            response = super().password_change(request, extra_context)
            if request.method == "POST" and response.status_code == 302:  # noqa: PLR2004
                services.record_of_account("password-changed", actor(request))
                services.end_sessions(
                    user_id=actor(request).pk, reason="password changed", now=timezone.now()
                )
        return response


def _record_session(event: str, request: HttpRequest) -> None:
    """Write that somebody opened or left the console, as what they are in it."""
    user = actor(request)
    kind = "administrator" if user.is_superuser else "staff"
    came_in = origin.current.get() or origin.Origin()
    with (
        origin.acting(dataclasses.replace(came_in, kind=kind, actor_id=str(user.pk))),
        gate.as_system(),
    ):
        services.record_of_account(event, user, details={"door": "console"})


def may_open_console(user: Any) -> bool:
    """Tell whether somebody may open the console.

    Superusers may, whatever their tenant's state: one who turned it off must not be locked out.
    """
    if not (user.is_active and user.is_staff):
        return False
    return bool(user.is_superuser or user.tenant.is_active)


def _place(page: dict[str, Any]) -> int:
    name = page["object_name"]
    return ORDER.index(name) if name in ORDER else len(ORDER)
