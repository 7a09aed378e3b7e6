"""The list of all documents. What is in them, and how they are called, is not shown here."""

import datetime as dt
import re
import uuid
from collections.abc import Iterable
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, Right
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from accounts.models import Tenant, User
from core.admin import ReadOnlyAdmin, actor, capital
from documents.admin import words
from documents.models import NOT_SHOWN, Document
from documents.statuses import Status

PERIODS: Final = {"1": "the last 24 hours", "7": "the last 7 days", "30": "the last 30 days"}
SHORT_ID: Final = re.compile(r"[0-9a-f]{12}")


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(status.value, words.stage_name(status)) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=self.value()) if self.value() in Status.values else queryset


class KindFilter(admin.SimpleListFilter):
    title = "kind of file"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return words.KINDS.items()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = self.value() in words.KINDS
        return queryset.filter(content_type=self.value()) if known else queryset


class UploadedFilter(admin.SimpleListFilter):
    title = "when it was uploaded"
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(days, capital(period)) for days, period in PERIODS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in PERIODS:
            return queryset
        since = timezone.now() - dt.timedelta(days=int(self.value() or "1"))
        return queryset.filter(created_at__gte=since)


class ClinicFilter(admin.SimpleListFilter):
    """For superusers: staff have one clinic."""

    title = "clinic"
    parameter_name = "clinic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return clinics(request)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return narrowed(queryset, "tenant_id", self.value())


class PersonFilter(admin.SimpleListFilter):
    """Shown only when the story of a document has linked to all of its person."""

    title = "person"
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(self.value() or "", "one person")] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return narrowed(queryset, "user_id", self.value())


class DocumentList(ReadOnlyAdmin[Document]):
    purpose = "How documents get on, which failed or are stuck, and what became of each."
    is_for_support = True
    list_display = ("short_id", "file", "clinic", "state", "on_the_way", "uploaded")
    list_filter = (StateFilter, KindFilter, UploadedFilter, ClinicFilter, PersonFilter)
    list_select_related = ("tenant",)
    search_fields = ("id",)
    search_help_text = (
        "The id of a document, whole or as shown here, or the person's whole e-mail address."
    )
    ordering = ("-created_at", "-id")
    sortable_by = ()
    actions = None

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.changelist_view)
        return [path("all/", page, name="documents_document_all"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return super().changelist_view(
            request, {"title": "All documents", "tab": "all"} | (extra_context or {})
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return super().get_queryset(request).defer(*NOT_SHOWN)

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """Nobody changes a row by hand, and still the pages are there to act on."""
        return super().get_model_perms(request) | {"change": self.is_within_reach(request, None)}

    def get_list_display(self, request: HttpRequest) -> Any:
        is_of_all = actor(request).is_superuser
        return tuple(name for name in self.list_display if is_of_all or name != "clinic")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look for an id or one person's address: nothing that reads the whole table."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if found := as_uuid(term):
            return queryset.filter(id=found), False
        if SHORT_ID.fullmatch(term.lower()):
            return queryset.filter(id__in=ending_with(queryset, term.lower())), False
        person = User.objects.filter(email=term.lower()).only("id").first()
        return (queryset.filter(user_id=person.pk) if person else queryset.none()), False

    @admin.display(description="document")
    def short_id(self, document: Document) -> str:
        return words.short_id(document.id)

    @admin.display(description="file")
    def file(self, document: Document) -> str:
        return f"{words.file_kind(document.content_type)}, {words.size(document.file_size)}"

    @admin.display(description="clinic")
    def clinic(self, document: Document) -> str:
        return document.tenant.name

    @admin.display(description="state")
    def state(self, document: Document) -> str:
        return words.state(document.status)

    @admin.display(description="progress")
    def on_the_way(self, document: Document) -> str:
        if document.status == Status.FAILED:
            return words.failure_title(document.error_code)
        return f"{document.progress_percentage} %"

    @admin.display(description="uploaded")
    def uploaded(self, document: Document) -> str:
        return words.ago(document.created_at, timezone.now())

    # What the pages have in common

    def document_of(self, request: HttpRequest, document_id: uuid.UUID | str) -> Document:
        found = as_uuid(str(document_id))
        rows = self.get_queryset(request).select_related("tenant", "user").defer("user__password")
        document = rows.filter(id=found).first() if found else None
        if document is None:
            raise Http404("There is no such document.")
        return document

    def render(self, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponse:
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "is_of_all": actor(request).is_superuser,
            "may_look": not actor(request).is_support,
            **page,
        }
        return TemplateResponse(request, f"admin/documents/document/{name}.html", context)


def ending_with(rows: QuerySet[Any], short_id: str) -> list[uuid.UUID]:
    """Give the ids that are shown like this. It reads all ids, so that it is asked once a page."""
    ends = Right(Cast("id", TextField()), len(short_id))
    return list(
        rows.order_by().annotate(end=ends).filter(end=short_id).values_list("id", flat=True)
    )


def as_uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def narrowed(rows: QuerySet[Any], column: str, value: str | None) -> QuerySet[Any]:
    """Keep the rows of one id; none of them, if it is no id."""
    if value is None:
        return rows
    found = as_uuid(value)
    return rows.filter(**{column: found}) if found else rows.none()


def clinics(request: HttpRequest) -> list[tuple[str, str]]:
    """Give the clinics that somebody may choose from; staff have but one."""
    if not actor(request).is_superuser:
        return []
    found = Tenant.objects.order_by("name").values_list("id", "name")
    return [(str(clinic_id), name) for clinic_id, name in found]
