"""Pages about clinics."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.models import Tenant, User
from core.admin import ConsoleAdmin, ForSuperusers, pill, when


class ClinicFilter(admin.SimpleListFilter):
    title = "clinic"
    parameter_name = "clinic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(str(tenant.pk), tenant.name) for tenant in Tenant.objects.order_by("name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        clinic = self.value()
        known = {value for value, _ in self.lookup_choices}
        return queryset.filter(tenant_id=clinic) if clinic and clinic in known else queryset


@admin.register(Tenant)
class TenantAdmin(ForSuperusers, ConsoleAdmin[Tenant]):
    purpose = "The clinics, and the house itself for people who signed up on their own."
    list_display = ("name", "slug", "people", "state", "joined")
    search_fields = ("name", "slug")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        people = User.objects.filter(tenant=OuterRef("pk")).order_by().values("tenant")
        count = Subquery(people.annotate(total=Count("*")).values("total"))
        return Tenant.objects.order_by("name").annotate(people_count=count)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        return {} if obj else {"slug": ("name",)}

    def get_readonly_fields(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        """Sign-up finds its tenant by the short name."""
        return ("slug", "people", "joined") if obj else ()

    @admin.display(description="state", ordering="is_active")
    def state(self, tenant: Tenant) -> str:
        return pill("final", "Active") if tenant.is_active else pill("replaced", "Off")

    @admin.display(description="since", ordering="created_at")
    def joined(self, tenant: Tenant) -> str:
        return when(tenant.created_at)

    @admin.display(description="people", ordering=F("people_count").desc(nulls_last=True))
    def people(self, tenant: Any) -> str:
        address = reverse("admin:accounts_user_changelist")
        count = tenant.people_count or 0
        return format_html('<a href="{}?clinic={}">{}</a>', address, tenant.pk, count)
