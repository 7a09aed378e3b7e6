"""The audit log, told in sentences. Whoever looks at it leaves an entry in it."""

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html

from audit import catalogue, queries, services
from audit.admin.export import ExportPages
from audit.admin.pages import ChoiceFilter
from audit.admin.words import Names, differences, sentence
from audit.models import AuditAlert, AuditLog
from audit.types import HOUSE, ActorKind, Category, Looked, Outcome
from core.admin import CheapPaginator, actor, facts, pill, when

PERIODS: Final[Mapping[str, tuple[str, dt.timedelta]]] = {
    "hour": ("the last hour", dt.timedelta(hours=1)),
    "day": ("the last 24 hours", dt.timedelta(days=1)),
    "week": ("the last 7 days", dt.timedelta(days=7)),
    "month": ("the last 30 days", dt.timedelta(days=30)),
}
IS_ENTRY: Final = re.compile(r"[0-9]{1,18}")
LISTED: Final = "admin:audit_auditlog_changelist"
PAGES: Final[Mapping[str, str]] = {
    "users": "admin:accounts_user_change",
    "documents": "admin:documents_document_change",
    "health_events": "admin:health_healthevent_change",
    "daily_checkins": "admin:health_dailycheckin_change",
    "feature_flags": "admin:flags_featureflag_change",
    "audit_alerts": "admin:audit_auditalert_change",
    "audit_alert_rules": "admin:audit_auditalertrule_change",
}


class LogPaginator(CheapPaginator):
    """Counts along the index that the list walks along: without it the oldest come first.

    Further back than these pages goes the link to older entries, which costs no more.
    """

    exact_up_to = 2_000

    @cached_property
    def count(self) -> int:
        counted = self.object_list.values("pk")[: self.exact_up_to + 1].count()
        if counted <= self.exact_up_to or self._is_filtered:
            return counted
        return max(counted, self._estimate())


class CategoryFilter(ChoiceFilter):
    """Each walks along an index: looks of people at their own record are nearly all of them."""

    title = "kind of thing"
    parameter_name = "category"
    words: Mapping[str, str] = {
        "looks": "looks of staff and others",
        "own": "looks of people at their own",
        Category.CHANGE: "changes of rows",
        Category.SECURITY: "log-ins, rights, keys",
        Category.ADMINISTRATION: "work in the console",
        Category.SYSTEM: "the log itself",
    }

    def condition(self, value: str) -> Q:
        if value in {"looks", "own"}:
            return Q(category=Category.ACCESS, is_notable=value == "looks")
        if value == Category.CHANGE:
            return Q(category=value)
        return Q(category=value, is_notable=True)


class EventFilter(ChoiceFilter):
    title = "event"
    parameter_name = "event"
    template = "admin/insights/long_filter.html"
    words: Mapping[str, str] = {**catalogue.EVENTS, **catalogue.ROWS}

    def condition(self, value: str) -> Q:
        return Q(event=value) if value in catalogue.ROWS else Q(event=value, is_notable=True)


class KindFilter(ChoiceFilter):
    title = "who"
    parameter_name = "kind"
    words: Mapping[str, str] = dict(ActorKind.choices)

    def condition(self, value: str) -> Q:
        rare = Q() if value == ActorKind.PERSON else ~Q(actor_kind=ActorKind.PERSON)
        return Q(actor_kind=value) & rare


class OutcomeFilter(ChoiceFilter):
    title = "outcome"
    parameter_name = "outcome"
    words: Mapping[str, str] = dict(Outcome.choices)

    def condition(self, value: str) -> Q:
        return Q(outcome=value)


class TimeFilter(ChoiceFilter):
    title = "when"
    parameter_name = "when"
    words: Mapping[str, str] = {name: words for name, (words, _) in PERIODS.items()}

    def condition(self, value: str) -> Q:
        return Q(recorded_at__gte=timezone.now() - PERIODS[value][1])


class LinkFilter(admin.SimpleListFilter):
    """Shown only when another page has linked to the entries of one thing."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(self.value() or "", self.named(self.value() or ""))] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        wanted = self.condition(value)
        return queryset.none() if wanted is None else queryset.filter(wanted)

    def condition(self, value: str) -> Q | None:
        raise NotImplementedError

    def named(self, value: str) -> str:
        return value


class PersonFilter(LinkFilter):
    title = "whose record"
    parameter_name = "person"

    def condition(self, value: str) -> Q | None:
        found = queries.as_uuid(value)
        return Q(subject_id=found) if found else None

    def named(self, value: str) -> str:
        return Names(further=[value]).person(queries.as_uuid(value))


class ActorFilter(PersonFilter):
    title = "who did it"
    parameter_name = "actor"

    def condition(self, value: str) -> Q | None:
        found = queries.as_uuid(value)
        return queries.by_actor(found) if found else None


class ObjectFilter(LinkFilter):
    title = "object"
    parameter_name = "object"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        self.person = queries.as_uuid(request.GET.get("person"))
        return super().lookups(request, model_admin)

    def condition(self, value: str) -> Q | None:
        return queries.about_object(value, self.person)


class RequestFilter(LinkFilter):
    title = "request"
    parameter_name = "request"

    def condition(self, value: str) -> Q | None:
        return Q(request_id=value)


class BeforeFilter(LinkFilter):
    title = "older than"
    parameter_name = "before"

    def condition(self, value: str) -> Q | None:
        return queries.older_than(int(value)) if IS_ENTRY.fullmatch(value) else None

    def named(self, value: str) -> str:
        return f"entry {value}"


class AlertFilter(LinkFilter):
    title = "alert"
    parameter_name = "alert"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        self.reader = actor(request)
        return super().lookups(request, model_admin)

    def condition(self, value: str) -> Q | None:
        alert = self._alert(value)
        return queries.entries_of(alert) if alert else None

    def named(self, value: str) -> str:
        alert = self._alert(value)
        return alert.rule_name if alert else "unknown alert"

    def _alert(self, value: str) -> AuditAlert | None:
        found = queries.as_uuid(value)
        alerts = AuditAlert.objects.filter(id=found) if found else AuditAlert.objects.none()
        if not self.reader.is_superuser:
            alerts = alerts.filter(tenant_id=self.reader.tenant_id)
        return alerts.first()


# What a filter can ask for that is nobody's.
WORDS: Final = {
    each.parameter_name: each.words
    for each in (TimeFilter, CategoryFilter, EventFilter, KindFilter, OutcomeFilter)
}
NUMBERS: Final = frozenset({"before", "p"})
TYPED: Final = frozenset({"q", "person", "actor", "object", "request", "alert"})
FILTERS: Final = WORDS.keys() | NUMBERS | TYPED


@admin.register(AuditLog)
class LogAdmin(ExportPages):
    purpose = "Who did what, and who looked at whose record. Nobody can change it."
    list_display = ("told", "happened", "clinic", "door", "result")
    list_display_links = ("told",)
    list_filter = (
        *(PersonFilter, ActorFilter, ObjectFilter, RequestFilter, AlertFilter, BeforeFilter),
        *(TimeFilter, CategoryFilter, EventFilter, KindFilter, OutcomeFilter),
    )
    search_fields = ("id",)
    search_help_text = (
        "A person's whole e-mail address, or the whole id of a person, an object or a request."
    )
    sortable_by = ()
    paginator = LogPaginator

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-recorded_at", "-id") if _walks_in_time(request) else ("-id",)

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return shown if actor(request).is_superuser else [n for n in shown if n != "clinic"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = queries.meant_by(self.get_queryset(request), term)
        return (queryset.none() if wanted is None else queryset.filter(wanted)), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        title = {"title": "Audit log"}
        response: Any = super().changelist_view(request, title | (extra_context or {}))
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            rows = list(shown["cl"].result_list)
            self._name(rows)
            shown["cl"].result_list = rows
            shown["cl"].older = _older(request, rows) if len(rows) == self.list_per_page else ""
            self._note_look(request, rows)
        return response

    @staticmethod
    def _name(rows: list[Any]) -> None:
        names, clinics = Names(rows), queries.clinics()
        for row in rows:
            row.names, row.clinics = names, clinics

    @staticmethod
    def _note_look(request: HttpRequest, rows: list[AuditLog]) -> None:
        services.record(
            event="audit-viewed",
            category=Category.ADMINISTRATION,
            object_type="audit_logs",
            object_count=max(len(rows), 1),
            details={"filters": _kept(request)},
        )
        services.record_looks(
            event="audit-viewed", object_type="audit_logs", records=_people_in(request, rows)
        )

    @admin.display(description="what happened")
    def told(self, entry: Any) -> str:
        return sentence(entry, entry.names)

    @admin.display(description="when")
    def happened(self, entry: AuditLog) -> str:
        return when(entry.recorded_at)

    @admin.display(description="clinic")
    def clinic(self, entry: Any) -> str:
        return str(entry.clinics.get(entry.tenant_id, "a clinic that is gone"))

    @admin.display(description="door")
    def door(self, entry: AuditLog) -> str:
        return " ".join(filter(None, (entry.source, entry.network))) or "-"

    @admin.display(description="outcome")
    def result(self, entry: AuditLog) -> str:
        if entry.outcome == Outcome.FAILURE:
            return pill("entered-in-error", "Refused")
        return "Done"

    def heading(self, row: AuditLog) -> str:
        return f"Entry {row.pk}"

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        entry: Any = kwargs["obj"]
        self._name([entry])
        services.record(
            event="audit-viewed",
            category=Category.ADMINISTRATION,
            subject_id=entry.subject_id,
            object_type="audit_logs",
            object_id=entry.pk,
            tenant_id=entry.tenant_id,
        )
        details = dict(entry.details or {})
        details.pop("changed", None)
        ids = details.pop("ids", [])
        context |= {
            "entry": entry,
            "told": sentence(entry, entry.names),
            "who": entry.names.who(entry),
            "person": entry.names.person(entry.subject_id) if entry.subject_id else "",
            "clinic": self.clinic(entry),
            "event": catalogue.EVENTS.get(entry.event) or catalogue.ROWS.get(entry.event),
            "outcome": self.result(entry),
            "what": catalogue.what(entry.object_type, entry.object_count),
            "differences": differences(entry),
            "further": facts(details) if details else "",
            "ids": ids,
            "is_erased": entry.salt is None,
            "link": queries.link_of(entry),
            "timelines": _timelines(entry),
            "object_link": object_link(entry),
            "is_house": entry.tenant_id == HOUSE,
        }
        return super().render_change_form(request, context, *args, **kwargs)


def _kept(request: HttpRequest) -> dict[str, str]:
    """Tell what was asked for; of what was typed ids alone, as it may be anything of anybody."""
    kept = {}
    for name in sorted(request.GET.keys() & FILTERS):
        value = request.GET[name]
        found = queries.as_uuid(value)
        is_plain = value in WORDS.get(name, ()) or (name in NUMBERS and IS_ENTRY.fullmatch(value))
        kept[name] = str(found) if found else value if is_plain else "not kept"
    return kept


def _people_in(request: HttpRequest, rows: list[AuditLog]) -> list[Looked]:
    """Give whose entries the reader sees: not their own, nor what tells of these very looks."""
    reader = actor(request).pk
    seen: dict[uuid.UUID, list[AuditLog]] = {}
    for row in rows:
        is_own = row.event == "audit-viewed" and row.actor_id == reader
        if row.subject_id not in {None, reader} and not is_own:
            seen.setdefault(row.subject_id, []).append(row)
    return [
        Looked(
            subject_id,
            # What is not of a clinic may be in the log of the house.
            max(row.tenant_id for row in own),
            str(own[0].pk) if len(own) == 1 else "",
            len(own),
        )
        for subject_id, own in seen.items()
    ]


def _walks_in_time(request: HttpRequest) -> bool:
    """Tell whether an index of events or of a person serves, which go by time."""
    event = request.GET.get("event", "")
    others = {"person", "actor", "object", "request", "q", "outcome"} & request.GET.keys()
    if {"alert", "person"} & request.GET.keys():
        return True
    return event in catalogue.EVENTS and not others


def _older(request: HttpRequest, rows: list[Any]) -> str:
    """Give the address of what is older than a page, however far back that is."""
    chosen = request.GET.copy()
    chosen.pop("p", None)
    chosen["before"] = str(min(row.pk for row in rows))
    return f"?{chosen.urlencode()}"


def _timelines(entry: AuditLog) -> list[tuple[str, str]]:
    listed = reverse(LISTED)
    found = []
    if entry.subject_id:
        found.append(("All about this person", f"{listed}?person={entry.subject_id}"))
    if entry.actor_id and entry.actor_kind != ActorKind.PERSON:
        found.append(("All they did", f"{listed}?actor={entry.actor_id}"))
    if entry.object_id:
        of = f"&person={entry.subject_id}" if entry.subject_id else ""
        found.append(("All about this object", f"{listed}?object={entry.object_id}{of}"))
    if entry.request_id:
        found.append(("All of this request", f"{listed}?request={entry.request_id}"))
    return found


def object_link(entry: AuditLog) -> str:
    """Link to the page of what an entry is about, where there is one."""
    page = PAGES.get(entry.object_type)
    if not page or not entry.object_id or entry.event in {"row-deleted", "person-erased"}:
        return entry.object_id
    if entry.object_type != "feature_flags" and queries.as_uuid(entry.object_id) is None:
        return entry.object_id
    address = reverse(page, args=[entry.object_id])
    return format_html('<a href="{}">{}</a>', address, entry.object_id)
