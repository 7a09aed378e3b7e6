"""What stands here of a person, read as the product reads it, but with exact numbers."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast

from accounts.models import UserProfile
from health import checkins
from health.models import HealthEvent
from insights.models import Insight, InsightInteraction
from legacy.models import LegacyImport, LegacyRecord

CHECKINS: Final = "SELECT to_jsonb(c)::text FROM daily_checkins c WHERE c.user_id = %s"


@dataclass(frozen=True)
class Checkin:
    id: uuid.UUID
    date: dt.date
    row: Mapping[str, Any]
    form: checkins.Form
    events_form: checkins.Form | None  # None: its events wait to be written.

    @property
    def is_deleted(self) -> bool:
        return self.row["deleted_at"] is not None


@dataclass(frozen=True)
class Event:
    id: uuid.UUID
    columns: Mapping[str, Any]
    version: int

    @property
    def is_of_checkin(self) -> bool:
        return bool(self.columns["source"] == checkins.SOURCE)


class Here:
    """Everything of one person. Nothing at all if `known` is None: they are not here."""

    def __init__(self, known: LegacyImport) -> None:
        self.known = known
        user_id = known.user_id
        self.profile = UserProfile.objects.select_related("user").get(user_id=user_id)
        self.extra = _exact_columns(UserProfile, {"user_id": user_id}, "extra")[user_id]["extra"]
        self.events = self._read_events(user_id)
        self.checkins = self._read_checkins(user_id)
        self.insights = _exact_columns(Insight, {"user_id": user_id}, "data")
        self.interactions = _exact_columns(InsightInteraction, {"user_id": user_id}, "context")
        self.records = records_of({"user_id": user_id})

    @property
    def since(self) -> dt.datetime:
        """Tell when the person was first brought over: later rows are their own."""
        stood = self.known.after.get("since")
        return dt.datetime.fromisoformat(stood) if stood else self.known.imported_at

    @property
    def is_profile_changed(self) -> bool:
        stood = self.known.after.get("profile_updated_at")
        return bool(stood) and dt.datetime.fromisoformat(stood) != self.profile.updated_at

    def is_changed(self, checkin: Checkin) -> bool:
        """Tell whether the person changed a check-in since it was brought over."""
        updated = self.known.after.get("updated", {})
        return bool(checkin.row["revision"] != updated.get(str(checkin.id), 1))

    def form_as_imported(self, checkin: Checkin) -> checkins.Form | None:
        """Give what a check-in said when it was brought over, if its events still know it."""
        versions = (
            HealthEvent.objects.filter(
                user_id=self.known.user_id,
                correlation_id=checkin.id,
                source=checkins.SOURCE,
                recorded_at__lte=self.known.imported_at,
            )
            .order_by("version")
            .values_list("event_type", "event_subtype", Cast("event_data", TextField()), "status")
        )
        newest = {kind: (subtype, text, status) for kind, subtype, text, status in versions}
        if checkins.MOOD not in newest:
            return None
        return checkins.to_form(
            checkins.Part(kind, subtype or "", exact(text))
            for kind, (subtype, text, status) in newest.items()
            if status != HealthEvent.Status.ENTERED_IN_ERROR
        )

    @staticmethod
    def _read_events(user_id: uuid.UUID) -> dict[uuid.UUID, Event]:
        names = (
            *("id", "related_event_id", "event_type", "event_subtype", "occurred_at"),
            *("local_date", "recorded_at", "source", "source_version", "correlation_id"),
            *("version", "exact"),
        )
        events = HealthEvent.objects.filter(user_id=user_id).effective().order_by()
        found = {}
        for row in events.annotate(exact=Cast("event_data", TextField())).values_list(*names):
            columns = dict(zip(names, row, strict=True))
            columns["event_data"] = exact(columns.pop("exact"))
            event_id = columns.pop("related_event_id") or columns["id"]
            found[event_id] = Event(event_id, columns, columns["version"])
        return found

    def _read_checkins(self, user_id: uuid.UUID) -> dict[uuid.UUID, Checkin]:
        parts: dict[uuid.UUID, list[checkins.Part]] = {}
        for event in self.events.values():
            if event.is_of_checkin:
                said = event.columns
                part = checkins.Part(
                    said["event_type"], said["event_subtype"] or "", said["event_data"]
                )
                parts.setdefault(said["correlation_id"], []).append(part)
        with connection.cursor() as cursor:
            cursor.execute(CHECKINS, [user_id])
            rows = [exact(text) for (text,) in cursor]
        found = {}
        for row in rows:
            checkin_id = uuid.UUID(row["id"])
            waits = row["revision"] > row["events_revision"]
            form = checkins.to_form(parts.get(checkin_id, ()))
            found[checkin_id] = Checkin(
                id=checkin_id,
                date=dt.date.fromisoformat(row["date_submitted"]),
                row=row,
                form=checkins.from_row(row),
                events_form=None if waits else form,
            )
        return found


def records_of(owner: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    records = LegacyRecord.objects.filter(**owner).annotate(exact=Cast("content", TextField()))
    rows = records.values_list("source_table", "source_key", "exact")
    return {(table, key): exact(text) for table, key, text in rows}


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _exact_columns(model: Any, owner: Mapping[str, Any], name: str) -> dict[Any, dict[str, Any]]:
    """Read rows with their JSON column as exact as it stands."""
    rows = model.objects.filter(**owner).annotate(exact=Cast(name, TextField())).order_by()
    found = {}
    for row in rows.values():
        row[name] = exact(row.pop("exact"))
        found[row.get("id", row.get("user_id"))] = row
    return found
