"""What a person's days come to, computed in Python from the rows of the log alone.

Written from the meaning of the columns, not from fold_events(), so that both cannot err alike.
"""

import datetime as dt
import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

Row = Mapping[str, Any]
Figures = dict[str, Any]

TYPES = (
    *("mood", "medication", "symptom", "assessment", "vital", "treatment"),
    *("appointment", "note", "sleep", "exercise"),
)
# What clinics add up, and from which figure of their people.
SUMS = {
    "event_count": "event_count",
    "medications_taken": "medications_taken",
    "medications_missed": "medications_missed",
    "symptoms_reported": "symptoms_reported",
    "assessment_entries": "assessment_entries",
    "confidence_count": "confidence_count",
    "confidence_sum": "confidence_sum",
    "anxiety_count": "anxiety_count",
    "anxiety_sum": "anxiety_sum",
}


def connect(url: str, **options: Any) -> psycopg.Connection[dict[str, Any]]:
    """Open a connection whose numbers within JSON are read exactly."""
    connection = psycopg.connect(url, row_factory=dict_row, **options)
    set_json_loads(lambda text: json.loads(text, parse_float=Decimal), connection)
    return connection


def days_of(events: Iterable[Row]) -> dict[dt.date, Figures]:
    """Give the figures of each day that has events, by all versions of all events of a person."""
    newest: dict[uuid.UUID, Row] = {}
    for row in events:
        root = row["related_event_id"] or row["id"]
        if root not in newest or newest[root]["version"] < row["version"]:
            newest[root] = row
    days: dict[dt.date, list[Row]] = defaultdict(list)
    for row in newest.values():
        if row["status"] != "entered-in-error":
            days[row["local_date"]].append(row)
    return {date: _figures(date, rows) for date, rows in days.items()}


def clinic_days_of(days: Iterable[Row]) -> dict[tuple[uuid.UUID, dt.date], Figures]:
    """Add up the figures of the days of clinics' people."""
    clinics: dict[tuple[uuid.UUID, dt.date], Figures] = {}
    for day in days:
        key = day["tenant_id"], day["local_date"]
        figures = clinics.setdefault(
            key, dict.fromkeys(("person_count", "checkin_count", *SUMS), 0)
        )
        figures["person_count"] += 1
        figures["checkin_count"] += day["has_checkin"]
        for name, of_person in SUMS.items():
            figures[name] += day[of_person] or 0
    return clinics


def _figures(date: dt.date, events: list[Row]) -> Figures:
    events = sorted(events, key=lambda row: (row["occurred_at"], row["id"]))
    of_type = {name: [row for row in events if row["event_type"] == name] for name in TYPES}
    moods = [_text(row["event_data"].get("mood")) for row in of_type["mood"]]
    moods = [mood for mood in moods if mood is not None]
    concerns = [_text(row["event_data"].get("primary_concern")) for row in of_type["mood"]]
    concerns = [concern for concern in concerns if concern is not None]
    doses = [_dose(row["event_data"]) for row in of_type["medication"]]
    symptoms = _lists(of_type["symptom"], "symptoms")
    minutes = _numbers(of_type["exercise"], "minutes")
    return {
        "tenant_id": events[0]["tenant_id"],
        "user_id": events[0]["user_id"],
        "local_date": date,
        "event_count": len(events),
        **{f"{name}_entries": len(rows) for name, rows in of_type.items()},
        "has_checkin": any(row["source"] == "checkin" for row in events),
        "latest_mood": moods[-1] if moods else None,
        "moods": moods or None,
        **_spread("confidence", _numbers(of_type["mood"], "confidence"), "min", "max", "last"),
        **_spread("anxiety", _numbers(of_type["mood"], "anxiety_level"), "min", "max", "last"),
        **{
            f"medications_{state}": doses.count(state)
            for state in ("taken", "missed", "skipped", "partial")
        },
        "missed_doses": sum(_numbers(of_type["medication"], "missed_doses")),
        "symptoms_reported": sum(map(len, symptoms)),
        "symptoms": symptoms or None,
        "triggers": _lists(events, "triggers") or None,
        "concerns": concerns or None,
        **_spread("severity", _numbers(of_type["symptom"], "severity"), "min", "max"),
        "assessments": [
            [row["event_subtype"], row["event_data"].get("total_score")]
            for row in of_type["assessment"]
        ]
        or None,
        **_spread("sleep_hours", _numbers(of_type["sleep"], "hours")),
        **_spread("sleep_quality", _numbers(of_type["sleep"], "quality")),
        "exercise_minutes": sum(minutes),
        "first_event_at": events[0]["occurred_at"],
        "last_event_at": events[-1]["occurred_at"],
        "last_updated": max(row["recorded_at"] for row in events),
    }


def _spread(name: str, values: list[Any], *which: str) -> Figures:
    figures = {f"{name}_count": len(values), f"{name}_sum": sum(values) if values else None}
    if not values:
        return figures | {f"{name}_{one}": None for one in which}
    found = {"min": min(values), "max": max(values), "last": values[-1]}
    return figures | {f"{name}_{one}": found[one] for one in which}


def _numbers(events: list[Row], key: str) -> list[Any]:
    found = [row["event_data"].get(key) for row in events]
    return [value for value in found if isinstance(value, int | Decimal) and value is not True]


def _lists(events: list[Row], key: str) -> list[list[Any]]:
    found = [row["event_data"].get(key) for row in events]
    return [value for value in found if isinstance(value, list)]


def _dose(data: Row) -> str | None:
    if "status" in data:
        return _text(data["status"])
    reported = data.get("reported")
    return {"yes": "taken", "no": "missed", "partial": "partial"}.get(str(reported))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


ENTER = "SELECT user_id FROM enter_gate(%s, NULL, NULL, 'infinity')"


def shown_to(user_id: uuid.UUID, url: str) -> dict[dt.date, Figures]:
    """Read a person's days as their own requests do, and see that they are what the log says."""
    with connect(url) as snapshot:
        snapshot.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert snapshot.execute(ENTER, [user_id]).fetchone()
        shown = snapshot.execute("SELECT * FROM exact_daily_metrics").fetchall()
        events = snapshot.execute("SELECT * FROM health_events").fetchall()
    days = {row["local_date"]: row for row in shown}
    assert len(days) == len(shown)
    assert days == days_of(events)
    return days


def stored_of(user_id: uuid.UUID, url: str) -> dict[dt.date, Figures]:
    """Read what is folded, as the owner."""
    with connect(url) as owner:
        query = "SELECT * FROM user_daily_metrics WHERE user_id = %s"
        return {row["local_date"]: row for row in owner.execute(query, [user_id])}


def marked_of(user_id: uuid.UUID, url: str) -> list[dt.date]:
    """Tell which days wait to be folded, each as often as it was marked."""
    with connect(url) as owner:
        query = "SELECT local_date FROM metric_marks WHERE user_id = %s ORDER BY 1"
        return [row["local_date"] for row in owner.execute(query, [user_id])]
