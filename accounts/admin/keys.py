"""Pages about keys of servers."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts import services
from accounts.admin.clinics import ClinicFilter
from accounts.models import ApiKey, Tenant
from accounts.queries import ASKED_EVERY
from accounts.types import ApiScope
from core.admin import ForSuperusers, ReadOnlyAdmin, actor, label, pill, when

SCOPES_IN_WORDS: Final = {
    ApiScope.EVALUATE_FLAGS: "evaluate flags for anybody",
    ApiScope.EXPLAIN_FLAGS: "explain why somebody gets a flag",
}
KEY_LIFE: Final = dt.timedelta(days=365)
EXPIRES_SOON: Final = dt.timedelta(days=30)


def a_year_from_now() -> dt.date:
    return (timezone.now() + KEY_LIFE).date()


class ApiKeyForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        widget=forms.TextInput(attrs={"size": 40, "autocomplete": "off"}),
        help_text="The server that will use it, such as “Web server of North Clinic”.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(scope.value, label(words)) for scope, words in SCOPES_IN_WORDS.items()],
        initial=[ApiScope.EVALUATE_FLAGS.value],
        widget=forms.CheckboxSelectMultiple,
    )
    tenant = forms.ModelChoiceField(
        label="Clinic",
        queryset=Tenant.objects.filter(is_active=True).order_by("name"),
        required=False,
        empty_label="None: for a server of our own",
        help_text="For lists and conditions of flags, whomever the server names is of this clinic.",
    )
    environment = forms.CharField(
        max_length=50,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=f"Such as staging. Empty: that of this installation, {settings.ENVIRONMENT}.",
    )
    expires = forms.DateField(
        label="Works until",
        required=False,
        initial=a_year_from_now,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="To the end of this day, UTC. Empty: until it is revoked.",
    )

    def clean_expires(self) -> dt.datetime | None:
        day: dt.date | None = self.cleaned_data["expires"]
        if day is None:
            return None
        end = dt.datetime.combine(day, dt.time.max, tzinfo=dt.UTC)
        if end <= timezone.now():
            raise forms.ValidationError("This day is over. Choose a later one.")
        return end


class KeyStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("open", "Active"), ("soon", "Expiring soon"), ("over", "Expired or revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        now = timezone.now()
        is_over = Q(revoked_at__isnull=False) | Q(expires_at__lte=now)
        if self.value() == "over":
            return queryset.filter(is_over)
        if self.value() == "soon":
            return queryset.exclude(is_over).filter(expires_at__lte=now + EXPIRES_SOON)
        # Not exclude(): a key without an end is none that has ended.
        is_open = Q(expires_at=None) | Q(expires_at__gt=now)
        return queryset.filter(is_open, revoked_at=None) if self.value() == "open" else queryset


@admin.register(ApiKey)
class ApiKeyAdmin(ForSuperusers, ReadOnlyAdmin[ApiKey]):
    purpose = "Keys with which servers ask for people's flags: make one, see its use, revoke it."
    list_display = ("name", "state", "start", "may", "clinic", "until", "last_used")
    list_select_related = ("tenant",)
    list_filter = (KeyStateFilter, ClinicFilter)
    search_fields = ("name", "prefix")
    search_help_text = "Name, or the start of a key: nvk_ and 8 characters, never the whole key."
    ordering = ("-created_at", "-id")
    sortable_by = ("name", "until", "last_used")
    fields = (
        *("name", "state", "start", "may", "clinic", "in_environment"),
        *("made", "until", "last_used", "revoked"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).select_related("tenant", "created_by")

    def get_urls(self) -> list[Any]:
        revoke = self.admin_site.admin_view(self.revoke)
        return [
            path("<key_id>/revoke/", revoke, name="accounts_apikey_revoke"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_within_reach(request, None)

    # Columns

    @admin.display(description="key")
    def start(self, key: ApiKey) -> str:
        return format_html("<code>{}…</code>", key.prefix)

    @admin.display(description="may")
    def may(self, key: ApiKey) -> str:
        return label(", ".join(SCOPES_IN_WORDS[ApiScope(scope)] for scope in key.scopes))

    @admin.display(description="clinic")
    def clinic(self, key: ApiKey) -> str:
        return key.tenant.name if key.tenant else "None: our own server"

    @admin.display(description="state")
    def state(self, key: ApiKey) -> str:
        now = timezone.now()
        if key.revoked_at:
            return pill("replaced", "Revoked")
        if key.expires_at and key.expires_at <= now:
            return pill("entered-in-error", "Expired")
        if key.tenant and not key.tenant.is_active:
            return pill("entered-in-error", "Clinic is off")
        if key.expires_at and key.expires_at <= now + EXPIRES_SOON:
            return pill("waiting", "Expiring soon")
        return pill("final", "Active")

    @admin.display(description="works until", ordering=F("expires_at").asc(nulls_last=True))
    def until(self, key: ApiKey) -> str:
        return when(key.expires_at) if key.expires_at else "No end"

    @admin.display(description="last used", ordering=F("last_used_at").asc(nulls_first=True))
    def last_used(self, key: ApiKey) -> str:
        return when(key.last_used_at) if key.last_used_at else "Never"

    @admin.display(description="environment")
    def in_environment(self, key: ApiKey) -> str:
        return key.environment or f"{settings.ENVIRONMENT}, as this installation"

    @admin.display(description="made")
    def made(self, key: ApiKey) -> str:
        by = f" by {key.created_by.email}" if key.created_by else ""
        return when(key.created_at) + by

    @admin.display(description="revoked")
    def revoked(self, key: ApiKey) -> str:
        return when(key.revoked_at) if key.revoked_at else "No"

    # Pages of their own

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Make a key, and answer with the page that shows it, the only one that ever does.

        A redirect would have to carry it: in a cookie, an address or the session.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ApiKeyForm(request.POST if request.method == "POST" else None)
        page: dict[str, Any] = {"title": "Add an API key", "form": form}
        template = "admin/accounts/apikey/add.html"
        if request.method == "POST" and form.is_valid():
            key, secret = self._create(request, form.cleaned_data)
            page = {"title": f"The key of {key}", "key": key, "secret": secret}
            template = "admin/accounts/apikey/made.html"
        context = {**self.admin_site.each_context(request), **page, "opts": self.opts}
        return TemplateResponse(request, template, context)

    @transaction.atomic
    def _create(self, request: HttpRequest, told: dict[str, Any]) -> tuple[ApiKey, str]:
        key, secret = services.create_api_key(
            name=told["name"],
            scopes=told["scopes"],
            tenant_id=told["tenant"].pk if told["tenant"] else None,
            environment=told["environment"],
            expires_at=told["expires"],
            created_by_id=actor(request).pk,
        )
        self.log_addition(request, key, [{"added": {}}])
        return key, secret

    def revoke(self, request: HttpRequest, key_id: str) -> HttpResponse:
        """Ask once more, then revoke."""
        key = self.get_object(request, unquote(key_id))
        if key is None:
            return self.change_view(request, key_id)
        if request.method == "POST" or key.revoked_at:
            self._revoke(request, key)
            return HttpResponseRedirect(reverse("admin:accounts_apikey_change", args=[key.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Revoke the key of {key}",
            "key": key,
            "last_used": self.last_used(key),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/accounts/apikey/revoke.html", context)

    @transaction.atomic
    def _revoke(self, request: HttpRequest, key: ApiKey) -> None:
        if not services.revoke_api_key(key_id=key.pk, now=timezone.now()):
            self.message_user(request, "This key was revoked before.", messages.WARNING)
            return
        self.log_change(request, key, "Revoked.")
        seconds = int(ASKED_EVERY.total_seconds())
        done = f"The key is revoked. Within {seconds} seconds no server takes it any more."
        self.message_user(request, done, messages.SUCCESS)
