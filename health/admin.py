"""The console's pages about what people reported. Read only: the log is append-only."""

import datetime as dt
import json
import uuid
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

from accounts.models import User
from core.admin import ReadOnlyAdmin, actor, facts, in_words, label, pill, when
from core.times import local_date
from health import checkin_rows, checkins
from health.event_types import EVENT_TYPES
from health.models import DailyCheckin, HealthEvent, has_newer_version

STATES: Final[dict[str, str]] = {
    HealthEvent.Status.FINAL: "reported",
    HealthEvent.Status.CORRECTED: "corrected",
    HealthEvent.Status.ENTERED_IN_ERROR: "retracted",
}
REPLACED: Final = "replaced"
PERIODS: Final = {"1": "today", "7": "the last 7 days", "30": "the last 30 days"}


class PersonFilter(admin.SimpleListFilter):
    """Shown only when another page has linked to one person's rows."""

    title = "person"
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        user_id = as_uuid(self.value())
        if user_id is None:
            return []
        people = User.objects.filter(id=user_id)
        if not actor(request).is_superuser:
            people = people.filter(tenant_id=actor(request).tenant_id)
        person = people.first()
        return [(str(user_id), person.email if person else "unknown person")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        user_id = as_uuid(self.value())
        return queryset.filter(user_id=user_id) if user_id else queryset.none()


class CheckinFilter(admin.SimpleListFilter):
    """Shown only when a check-in has linked to its events; needs the person beside it."""

    title = "daily check-in"
    parameter_name = "checkin"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(self.value() or "", "events of one check-in")] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        checkin_id = as_uuid(self.value())
        # Together with the person there is an index for it.
        if checkin_id is None or "person" not in request.GET:
            return queryset.none()
        return queryset.filter(correlation_id=checkin_id, source=checkins.SOURCE)


class TypeFilter(admin.SimpleListFilter):
    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, label(name)) for name in EVENT_TYPES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(event_type=self.value()) if self.value() in EVENT_TYPES else queryset


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(str(status), label(words)) for status, words in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        status = self.value()
        if status in STATES and status != HealthEvent.Status.FINAL:
            # Only such rows relate to another one, for which there is a small index.
            return queryset.filter(status=status, related_event_id__isnull=False)
        return queryset.filter(status=status) if status in STATES else queryset


class DayFilter(admin.SimpleListFilter):
    title = "day"
    parameter_name = "days"
    field = "local_date"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(days, label(words)) for days, words in PERIODS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in PERIODS:
            return queryset
        first = local_date(timezone.now(), "UTC") - dt.timedelta(days=int(self.value() or "1") - 1)
        return queryset.filter(**{f"{self.field}__gte": first})


class CheckinDayFilter(DayFilter):
    field = "date_submitted"


class CheckinStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("waiting", "Events are waiting"), ("deleted", "Deleted by the person")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "waiting":
            return queryset.filter(revision__gt=F("events_revision"))
        if self.value() == "deleted":
            return queryset.filter(deleted_at__isnull=False)
        return queryset


class RecordAdmin(ReadOnlyAdmin[Any]):
    """Rows of persons. Lists walk one index: newest first, or one person's own."""

    list_select_related = ("user",)
    search_fields = ("user__email",)
    sortable_by = ()
    person_ordering: tuple[str, ...] = ()

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        is_of_one = "person" in request.GET or request.GET.get("q")
        return self.person_ordering if is_of_one else ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look for one person's e-mail address, or an id: nothing that reads the whole table."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if found := as_uuid(term):
            return queryset.filter(self.with_id(found)), False
        person = User.objects.filter(email=term.lower()).first()
        return (queryset.filter(user_id=person.pk) if person else queryset.none()), False

    def with_id(self, wanted: uuid.UUID) -> Q:
        return Q(id=wanted)

    @admin.display(description="person")
    def person(self, row: Any) -> str:
        email: str = row.user.email
        return email

    @admin.display(description="person")
    def person_link(self, row: Any) -> str:
        address = reverse("admin:accounts_user_change", args=[row.user_id])
        return format_html('<a href="{}">{}</a>', address, row.user.email)


@dataclass(frozen=True)
class Version:
    """One row of an event's history, as people read it."""

    number: int
    state: str
    recorded_at: dt.datetime
    reason: str | None
    changes: list[tuple[str, str, str]]
    text: str
    is_chosen: bool


@admin.register(HealthEvent)
class HealthEventAdmin(RecordAdmin):
    purpose = "What people reported, with every correction and retraction. Nothing here is lost."
    list_display = ("kind", "subtype", "person", "local_date", "state", "version", "recorded")
    list_filter = (PersonFilter, CheckinFilter, TypeFilter, StateFilter, DayFilter)
    search_help_text = "The person's whole e-mail address, or the id of an event."
    person_ordering = ("-occurred_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        every = super().get_queryset(request)
        rows: QuerySet[Any] = every.annotate(is_replaced=has_newer_version())
        return rows

    def with_id(self, wanted: uuid.UUID) -> Q:
        return Q(id=wanted) | Q(related_event_id=wanted)

    def heading(self, row: HealthEvent) -> str:
        return f"{label(row.event_type)}, {date_format(row.local_date)}"

    @admin.display(description="type")
    def kind(self, event: HealthEvent) -> str:
        return label(event.event_type)

    @admin.display(description="subtype", empty_value="-")
    def subtype(self, event: HealthEvent) -> str | None:
        return label(event.event_subtype) if event.event_subtype else None

    @admin.display(description="recorded")
    def recorded(self, event: HealthEvent) -> str:
        return when(event.recorded_at)

    @admin.display(description="state")
    def state(self, event: Any) -> str:
        words = REPLACED if event.is_replaced else STATES[event.status]
        kind = "replaced" if event.is_replaced else event.status
        return pill(kind, label(words))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Replace the form by what the event says now and how it came to that."""
        event: HealthEvent = kwargs["obj"]
        history = list(self.get_queryset(request).filter(self.with_id(event.root_id)))
        history.sort(key=lambda row: row.version)
        current = history[-1]
        context |= {
            "event": event,
            "current": current,
            "person_link": self.person_link(event),
            "state": label(STATES[current.status]),
            "is_retracted": current.status == HealthEvent.Status.ENTERED_IN_ERROR,
            "type": label(current.event_type),
            "subtype": label(current.event_subtype or ""),
            "happened": moment_in_words(current),
            "data": facts(current.event_data),
            "client_event_id": history[0].client_event_id,
            "versions": versions_of(history, chosen=event.pk),
            "checkin_id": event.correlation_id if event.source == checkins.SOURCE else None,
        }
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(DailyCheckin)
class DailyCheckinAdmin(RecordAdmin):
    purpose = "The daily form as the app sends it, one for each person and day."
    list_display = ("day", "person", "mood", "confidence", "medication", "state", "sent")
    list_filter = (PersonFilter, CheckinStateFilter, CheckinDayFilter)
    search_help_text = "The person's whole e-mail address, or the id of a check-in."
    person_ordering = ("-date_submitted", "-id")

    def heading(self, row: DailyCheckin) -> str:
        return f"Check-in of {date_format(row.date_submitted)}"

    @admin.display(description="day")
    def day(self, row: DailyCheckin) -> dt.date:
        return row.date_submitted

    @admin.display(description="sent")
    def sent(self, row: DailyCheckin) -> str:
        return when(row.created_at)

    @admin.display(description="mood")
    def mood(self, row: DailyCheckin) -> str:
        return row.mood_today.replace(",", ", ")

    @admin.display(description="confidence")
    def confidence(self, row: DailyCheckin) -> int:
        return row.confidence_today

    @admin.display(description="medication taken", empty_value="-")
    def medication(self, row: DailyCheckin) -> str | None:
        return label(row.medication_taken) if row.medication_taken else None

    @admin.display(description="state")
    def state(self, row: DailyCheckin) -> str:
        if row.revision > row.events_revision:
            kind, words = "waiting", "Events are waiting"
        elif row.deleted_at:
            kind, words = "entered-in-error", "Deleted"
        else:
            kind, words = "final", "In the log"
        return pill(kind, words)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        row: DailyCheckin = kwargs["obj"]
        events = reverse("admin:health_healthevent_changelist")
        context |= {
            "row": row,
            "person_link": self.person_link(row),
            "is_waiting": row.revision > row.events_revision,
            "data": facts(checkin_rows.form_of(row)),
            "happened": moment_in_words(row),
            "events_address": f"{events}?person={row.user_id}&checkin={row.pk}",
        }
        return super().render_change_form(request, context, *args, **kwargs)


def as_uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def versions_of(history: list[HealthEvent], *, chosen: uuid.UUID) -> list[Version]:
    """Turn the rows of an event into its history, newest first."""
    versions = []
    before: HealthEvent | None = None
    for row in history:
        versions.append(
            Version(
                number=row.version,
                state=label(STATES[row.status]),
                recorded_at=row.recorded_at,
                reason=row.reason,
                changes=differences(before, row) if before else [],
                text=json.dumps(row.event_data, ensure_ascii=False, indent=2, sort_keys=True),
                is_chosen=row.pk == chosen,
            )
        )
        before = row
    return versions[::-1]


def differences(before: HealthEvent, after: HealthEvent) -> list[tuple[str, str, str]]:
    """Name what one version says otherwise than the one before."""
    old, new = before.event_data, after.event_data
    found = [
        (label(key), _said(old, key), _said(new, key))
        for key in dict.fromkeys([*old, *new])
        # As JSON text, since True equals 1 in Python.
        if key not in old or key not in new or _canonical(old[key]) != _canonical(new[key])
    ]
    if before.occurred_at != after.occurred_at:
        found.append(("Happened", moment_in_words(before), moment_in_words(after)))
    return found


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _said(data: dict[str, Any], key: str) -> str:
    return in_words(data[key]) if key in data else "not said"


def moment_in_words(row: HealthEvent | DailyCheckin) -> str:
    """Say when something happened by the person's own clock, as far as it is known."""
    if row.time_zone:
        local = row.occurred_at.astimezone(zoneinfo.ZoneInfo(row.time_zone))
        return f"{date_format(local, 'N j, Y, H:i')} in {row.time_zone}"
    if row.utc_offset_minutes is not None:
        offset = dt.timezone(dt.timedelta(minutes=row.utc_offset_minutes))
        local = row.occurred_at.astimezone(offset)
        return f"{date_format(local, 'N j, Y, H:i')} ({local:UTC%z})"
    return "some time on that day; the person gave the date alone"
