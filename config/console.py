"""The console: Django's admin under our own name, look (templates/admin/) and log-in rules."""

from typing import Any, Final

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.http import HttpRequest
from django.utils import timezone

from accounts import services, throttle
from core.admin import actor
from core.api.base import caller_address
from core.errors import DomainError
from ratelimits.types import Scope

# What people look for most often comes first.
ORDER: Final = (
    *("SafetyAlert", "Document", "FeatureFlag", "User", "DailyCheckin", "HealthEvent", "Insight"),
    *("InsightInteraction", "AssessmentDefinition", "Tenant", "ApiKey", "FeatureFlagRamp"),
    *("FeatureFlagChangeRequest", "ErasureCertificate"),
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
        by_email, by_address = f"email:{email}", f"address:{throttle.network(address)}"
        try:
            throttle.count([(by_address, Scope.LOGIN_NETWORK), (by_email, Scope.LOGIN_EMAIL)])
        except DomainError as error:
            raise forms.ValidationError(error.detail, code=error.code) from error
        cleaned = super().clean()
        # Only a right password makes room: an empty one must not.
        if self.get_user() is not None:
            throttle.forget(by_email)
            throttle.take_back(by_address)
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

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """List what there is, with a sentence about each page."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            for page in app["models"]:
                page["purpose"] = getattr(self._registry[page["model"]], "purpose", "")
            app["models"].sort(key=_place)
        return sorted(apps, key=lambda app: _place(app["models"][0]))

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """A new password ends the person's sessions in apps too, as the API's does."""
        response = super().password_change(request, extra_context)
        if request.method == "POST" and response.status_code == 302:  # noqa: PLR2004
            services.end_sessions(
                user_id=actor(request).pk, reason="password changed", now=timezone.now()
            )
        return response


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
