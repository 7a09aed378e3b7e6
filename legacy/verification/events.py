"""Compares old events: those that are parts of check-ins here, and those of their own."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from legacy.mapping.values import our_id
from legacy.types import Row
from legacy.verification import equality
from legacy.verification.checkins import CheckinComparison
from legacy.verification.comparison import ABSENT, Comparison
from legacy.verification.here import Checkin, Event

# Where the answers of old events are found in a check-in, by type of event and key.
PLACES: Final[Mapping[tuple[str, str], str]] = {
    ("mood", "mood"): "mood_today",
    ("mood", "confidence"): "confidence_today",
    ("mood", "note"): "user_note",
    ("mood", "primary_concern"): "primary_concern_today",
    ("mood", "partner_involved"): "partner_involved_today",
    ("mood", "info_needs"): "wish_knew_more_about",
    ("mood", "coping_strategies"): "coping_strategies_used",
    ("mood", "strategies"): "coping_strategies_used",
    ("medication", "reported"): "medication_taken",
    ("symptom", "symptoms"): "side_effects",
    ("appointment", "within_3_days"): "appointment_within_3_days",
    ("appointment", "anxiety"): "appointment_anxiety",
    ("note", "strategies"): "coping_strategies_used",
    ("note", "coping_strategies"): "coping_strategies_used",
    ("assessment", "total_score"): "phq4_score",
    ("assessment", "anxiety_score"): "phq4_anxiety",
    ("assessment", "depression_score"): "phq4_depression",
    ("assessment", "feeling_nervous"): "phq4_feeling_nervous",
    ("assessment", "stop_worrying"): "phq4_stop_worrying",
    ("assessment", "little_interest"): "phq4_little_interest",
    ("assessment", "feeling_down"): "phq4_feeling_down",
}
TAKEN: Final = {"taken": "yes", "missed": "no"}
RULES: Final[Mapping[str, equality.Rule]] = {
    "event_type": equality.text,
    "event_subtype": equality.text,
    "event_data": equality.content,
    "occurred_at": equality.moment,
    "recorded_at": equality.moment,
    "created_at": equality.moment,
    "source": equality.text,
    "source_version": equality.text,
    "correlation_id": lambda source, here: str(source).lower() == str(here),
}


class EventComparison:
    def __init__(self, comparison: Comparison, checkins: CheckinComparison) -> None:
        self._told, self._here = comparison, comparison.here
        self._checkins = checkins

    def compare(self, rows: Sequence[Row]) -> None:
        for row in rows:
            event = self._here.events.get(our_id(row.table, row.key))
            checkin = self._checkin_of(row, event)
            if event is not None and not event.is_of_checkin:
                self._own(row, event)
            elif checkin is not None:
                self._part(row, checkin)
            elif not self._told.has_record(row):
                self._told.missing(row)
            if self._told.has_record(row):
                self._told.record(row)
        self._look_for_more(rows)

    def _checkin_of(self, row: Row, event: Event | None) -> Checkin | None:
        if event is not None and event.is_of_checkin:
            return self._here.checkins.get(event.columns["correlation_id"])
        named = row.get("correlation_id") or row.key
        return self._here.checkins.get(our_id("daily_checkins", str(named)))

    def _own(self, row: Row, event: Event) -> None:
        """Compare an event of its own. What has no column here stands in a record too."""
        if event.version > 1 and event.columns["recorded_at"] > self._here.known.imported_at:
            self._told.note(f"health_events {event.id}: was changed here since")
            return
        is_kept = self._told.has_record(row)
        for name, rule in RULES.items():
            value = row.get(name)
            if value is None or (is_kept and name not in {"event_data", "occurred_at"}):
                continue
            if event.version > 1 and name in {"recorded_at", "created_at"}:
                continue
            place = event.columns["recorded_at" if name == "created_at" else name]
            self._told.field(row, name, [place], rule)

    def _part(self, row: Row, checkin: Checkin) -> None:
        forms = self._checkins.forms(checkin)
        self._checkins.explain(
            checkin, "legacy_source", "legacy_occurred_at", "legacy_date_submitted"
        )
        kind = str(row.get("event_type"))
        data = row.get("event_data")
        is_kept = self._told.has_record(row)
        for key, value in data.items() if isinstance(data, dict) else ():
            names = self._names(kind, key)
            self._checkins.explain(checkin, *names)
            for form in () if is_kept else forms:
                said = TAKEN.get(value, value) if _is_status(kind, key, value) else value
                places = [form.get(name, ABSENT) for name in names]
                is_same = any(
                    place is not ABSENT and equality.verbatim(said, place) for place in places
                )
                self._told.same(row, f"event_data.{key}", is_same=is_same)
        if not is_kept:
            self._columns_of_part(row, checkin)

    def _columns_of_part(self, row: Row, checkin: Checkin) -> None:
        if self._checkins.is_changed(checkin):
            return
        for form in self._checkins.forms(checkin):
            if row.get("source") is not None:
                self._told.field(row, "source", [form.get("legacy_source")], equality.text)
            places = [form.get("legacy_occurred_at", ABSENT), checkin.date]
            self._told.field(row, "occurred_at", places, equality.moment)
        if row.get("recorded_at") is not None:
            self._told.field(row, "recorded_at", self._times(row, checkin), equality.moment)

    def _times(self, row: Row, checkin: Checkin) -> list[Any]:
        """Give when a part was recorded, by its event or, without events, by the check-in."""
        event = self._here.events.get(our_id(row.table, row.key))
        return [event.columns["recorded_at"] if event else checkin.row["created_at"]]

    @staticmethod
    def _names(kind: str, key: str) -> list[str]:
        name = PLACES.get((kind, key), key)
        names = [name, f"legacy_{name}", f"{kind}_{name}", f"{kind}_legacy_{name}"]
        if (kind, key) == ("medication", "status"):
            names = ["medication_taken", "medication_status_that_day"]
            names += ["medication_medication_status_that_day", "medication_medication_taken"]
        return names

    def _look_for_more(self, rows: Sequence[Row]) -> None:
        known: set[uuid.UUID] = {our_id(row.table, row.key) for row in rows}
        for event in self._here.events.values():
            is_old = event.columns["recorded_at"] <= self._here.since
            if not event.is_of_checkin and is_old and event.id not in known:
                self._told.too_much("health_events", event.id)


def _is_status(kind: str, key: str, value: Any) -> bool:
    return kind == "medication" and key == "status" and isinstance(value, str)
