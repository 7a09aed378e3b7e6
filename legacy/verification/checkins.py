"""Compares check-ins: with the row of the old form, and with its events."""

import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from health.checkins import Form
from legacy.mapping.values import our_id
from legacy.types import Row
from legacy.verification import equality
from legacy.verification.comparison import ABSENT, Comparison
from legacy.verification.here import Checkin

NUMBERS: Final = (
    *("confidence_today", "anxiety_level", "missed_doses", "injection_confidence"),
    *("appointment_anxiety", "phq4_score", "phq4_anxiety", "phq4_depression"),
    *("phq4_feeling_nervous", "phq4_stop_worrying", "phq4_little_interest", "phq4_feeling_down"),
    *("sentiment_confidence", "sentiment_processing_time", "medication_confidence_today"),
    *("financial_stress_today", "journey_readiness_today"),
)
RULES: Final[Mapping[str, equality.Rule]] = {
    **dict.fromkeys(NUMBERS, equality.number),
    **dict.fromkeys(("mood_today", "medication_taken", "user_note"), equality.text),
    **dict.fromkeys(("primary_concern_today", "sentiment", "top_concern_today"), equality.text),
    **dict.fromkeys(("medication_concern_today", "financial_concern_today"), equality.text),
    **dict.fromkeys(("appointment_within_3_days", "partner_involved_today"), equality.flag),
    **dict.fromkeys(
        ("side_effects", "coping_strategies_used", "wish_knew_more_about"), equality.texts
    ),
    "sentiment_scores": equality.content,
}
TIMES: Final = ("created_at", "updated_at")
# Of these the same type and value are the same: most answers need no rule.
PLAIN: Final = frozenset({bool, int, str})


@cache
def _explained(columns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(f"{prefix}{name}" for name in columns for prefix in ("", "legacy_"))


class CheckinComparison:
    """Collects which keys of each check-in the source explains; the rest is too much."""

    def __init__(self, comparison: Comparison) -> None:
        self._told, self._here = comparison, comparison.here
        self._explained: dict[uuid.UUID, set[str]] = {}
        self._forms: dict[uuid.UUID, list[Form]] = {}
        self._changed: set[uuid.UUID] = set()

    def compare(self, rows: Sequence[Row]) -> None:
        for row in rows:
            found = self._here.checkins.get(our_id(row.table, row.key))
            if found is None or self._told.has_record(row):
                self._without_place(row)
                continue
            forms = self.forms(found)
            said = tuple(name for name, value in row.values.items() if value is not None)
            self._explained.setdefault(found.id, set()).update(_explained(said))
            # For a NULL nothing may stand here: `finish` finds it if something does.
            self._told.count(len(row.values) - len(said))
            for name in said:
                self._column(row, name, found, forms)

    def forms(self, checkin: Checkin) -> list[Form]:
        """Give what a check-in said when it was brought over: in its row, and in its events.

        Nothing if it was changed here since and nobody knows any more.
        """
        if checkin.id not in self._forms:
            self._forms[checkin.id] = self._read_forms(checkin)
        return self._forms[checkin.id]

    def explain(self, checkin: Checkin, *names: str) -> None:
        self._explained.setdefault(checkin.id, set()).update(names)

    def is_changed(self, checkin: Checkin) -> bool:
        return checkin.id in self._changed

    def finish(self) -> None:
        """Look for check-ins, and for answers of them, that the source does not have."""
        for checkin in self._here.checkins.values():
            explained = self._explained.get(checkin.id)
            if explained is None:
                is_later = equality.instant(checkin.row["created_at"])
                if is_later and is_later <= self._here.since:
                    self._told.too_much("daily_checkins", checkin.id)
                continue
            answers = {name for form in self.forms(checkin) for name in form}
            for name in answers - explained:
                self._told.too_much("daily_checkins", checkin.id, name)

    def _read_forms(self, checkin: Checkin) -> list[Form]:
        if not self._here.is_changed(checkin):
            events = [] if checkin.events_form is None else [checkin.events_form]
            return [checkin.form, *events]
        self._changed.add(checkin.id)
        self._told.note(f"daily_checkins {checkin.id}: was changed here since")
        form = self._here.form_as_imported(checkin)
        return [] if form is None else [form]

    def _without_place(self, row: Row) -> None:
        if self._told.has_record(row):
            self._told.record(row)
        else:
            self._told.missing(row)

    def _column(self, row: Row, name: str, found: Checkin, forms: Sequence[Form]) -> None:
        if name in {"id", "user_id"}:
            self._id(row, name, found)
        elif name == "date_submitted":
            self._date(row, found, forms)
        elif name in TIMES:
            self._time(row, name, found, forms)
        else:
            for form in forms:
                self._answer(row, name, form)

    def _answer(self, row: Row, name: str, form: Form) -> None:
        value, place = row.get(name), form.get(name, ABSENT)
        if type(value) in PLAIN and type(place) is type(value) and place == value:
            self._told.count(1)
        else:
            places = [place, form.get(f"legacy_{name}", ABSENT)]
            self._told.field(row, name, places, RULES.get(name, equality.anything))

    def _id(self, row: Row, name: str, found: Checkin) -> None:
        value = row.get(name)
        if name == "user_id":
            self._told.same(row, name, is_same=value is not None)
        else:
            is_kept = str(value).lower() == str(found.id)
            forms = self.forms(found)
            is_told = all(equality.verbatim(value, form.get("legacy_id")) for form in forms)
            self._told.same(row, name, is_same=is_kept or is_told)

    def _date(self, row: Row, found: Checkin, forms: Sequence[Form]) -> None:
        if self.is_changed(found):
            return
        value = row.get("date_submitted")
        kept = [form.get("legacy_date_submitted", ABSENT) for form in forms]
        is_same = equality.day(value, found.date) or any(
            place is not ABSENT and equality.verbatim(value, place) for place in kept
        )
        self._told.same(row, "date_submitted", is_same=is_same)

    def _time(self, row: Row, name: str, found: Checkin, forms: Sequence[Form]) -> None:
        value: Any = row.get(name)
        if value is None or (self.is_changed(found) and name == "updated_at"):
            return
        updated = self._here.known.after.get("updated", {})
        if name == "updated_at" and str(found.id) in updated:
            return
        places = [found.row[name], *(form.get(f"legacy_{name}", ABSENT) for form in forms)]
        self._told.field(row, name, places, equality.moment)
