"""Builders of the old service's SQLite files, and of folders of CSV exports."""

import csv
import random
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tests.legacy.old_databases import (
    FIRST_DAY,
    LONG,
    MOODS,
    SHORT,
    TEN,
    TEXTS,
    Row,
    schema,
    some_id,
)

# A list in a text column, and what it must be in the form.
LISTS: Final[tuple[tuple[Any, Any], ...]] = (
    (None, None),
    ("[]", []),
    ('["Headache", "Hot flashes"]', ["Headache", "Hot flashes"]),
    (
        '["a, b", "c\\"d", "e\\nf", null, "\\ud83d\\ude00"]',
        ["a, b", 'c"d', "e\nf", None, "\U0001f600"],
    ),
    ('["never closed', '["never closed'),
    ('["half \\ud800"]', '["half \\ud800"]'),
    ("Headache, Bloating", "Headache, Bloating"),
    ("", ""),
)
OBJECTS: Final[tuple[tuple[Any, Any], ...]] = (
    (None, None),
    ("{}", {}),
    ('{"positive": 0.25, "n": null, "deep": [[1, {"x": false}]]}',
     {"positive": 0.25, "n": None, "deep": [[1, {"x": False}]]}),
    ('{"huge": 123456789012345678901234567890}', {"huge": 123456789012345678901234567890}),
    ("{broken", "{broken"),
    ('{"nul": "\\u0000"}', '{"nul": "\\u0000"}'),
    ('{"twice": 1, "twice": 2}', '{"twice": 1, "twice": 2}'),
)  # fmt: skip
YES_NO: Final[tuple[tuple[Any, Any], ...]] = ((None, None), (0, False), (1, True))
# Numbers that no integer column of ours has a place for, kept as they are.
NUMBERS: Final[tuple[Any, ...]] = (*TEN, 0, 99, 2.5, "a lot", -1, 2**62)


def same(values: Iterable[Any]) -> tuple[tuple[Any, Any], ...]:
    return tuple((value, value) for value in values)


# Of each column: what stands in the file, and what it must be in the form.
FORM: Final[dict[str, Sequence[tuple[Any, Any]]]] = {
    "mood_today": same((*MOODS, "hopeful, overwhelmed", "excited")),
    "confidence_today": same(range(1, 11)),
    "medication_taken": same(("yes", "no", "partial", "not tracked", None)),
    "user_note": same((*TEXTS, LONG, None)),
    "primary_concern_today": same((*SHORT, None)),
    "anxiety_level": same(NUMBERS),
    "side_effects": LISTS,
    "missed_doses": same(NUMBERS),
    "injection_confidence": same(TEN),
    "appointment_within_3_days": YES_NO,
    "appointment_anxiety": same(TEN),
    "coping_strategies_used": LISTS,
    "partner_involved_today": YES_NO,
    "wish_knew_more_about": LISTS,
    "phq4_score": same((*range(13), None)),
    "phq4_anxiety": same((*range(7), 7, None)),
    "phq4_depression": same((*range(7), None)),
    "sentiment": same(("positive", "mixed", "unsure", None)),
    "sentiment_confidence": same((0.0, 0.1, 0.123456789, 1.0, 1.5, None)),
    "sentiment_scores": OBJECTS,
    "sentiment_processing_time": same((0, 12, 3.25, None)),
    "medication_confidence_today": same(TEN),
    "medication_concern_today": same((*TEXTS, None)),
    "medication_momentum": same((*TEXTS, None)),
    "medication_emergency_check": same((*SHORT, None)),
    "financial_stress_today": same(TEN),
    "financial_concern_today": same((*TEXTS, None)),
    "financial_momentum": same((*SHORT, None)),
    "financial_emergency_check": same((*SHORT, None)),
    "journey_readiness_today": same((*TEN, "ready enough")),
    "journey_reflection_today": same((*TEXTS, None)),
    "journey_momentum": same((*TEXTS, None)),
    "top_concern_today": same((*SHORT, None)),
}


def sqlite_file(
    path: Path, *, people: int, checkins: int, has_integer_ids: bool, seed: int = 1
) -> dict[Any, list[Row]]:
    """Make a file; give the forms that must come of it, by the person's id in the file."""
    rng = random.Random(seed)  # noqa: S311
    ids = iter(range(1, 10_000_000)) if has_integer_ids else _texts(rng)
    expected: dict[Any, list[Row]] = {}
    with sqlite3.connect(path) as file:
        file.executescript(
            schema("sqlite").replace("{id}", "INTEGER" if has_integer_ids else "TEXT")
        )
        for number in range(people):
            user = {
                "id": next(ids),
                "email": f" Person{number}@Example.com",
                "nickname": rng.choice(SHORT[1:]),
                "confidence_meds": rng.choice(range(1, 11)),
                "email_opt_in": number % 2,
                "baseline_completed": (number + 1) % 2,
                "cycle_stage": rng.choice(("considering", "ivf_prep", None)),
                "onboarding_path": rng.choice(("test", "control", None)),
                "timezone": "Europe/Berlin",
                "created_at": "2023-10-01 08:15:00",
                "updated_at": "2023-10-02T08:15:00.123Z",
            }
            _insert(file, "users", user)
            expected[user["id"]] = [
                _checkin(rng, file, next(ids), user["id"], day) for day in range(checkins)
            ]
            _insert(file, "insights", _insight(next(ids), user["id"], number))
            for table, row in _others(next(ids), user["id"]).items():
                _insert(file, table, row)
    return expected


def _texts(rng: random.Random) -> Any:
    while True:
        yield str(some_id(rng))


def _insert(file: sqlite3.Connection, table: str, row: Row) -> None:
    marks = ", ".join("?" * len(row))
    file.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", [*row.values()])


def _checkin(rng: random.Random, file: sqlite3.Connection, key: Any, user: Any, day: int) -> Row:
    picked = {name: rng.choice(pool) for name, pool in FORM.items()}
    date = str(FIRST_DAY.fromordinal(FIRST_DAY.toordinal() + day * 37))
    beside = {
        "id": key,
        "user_id": user,
        "date_submitted": date,
        "created_at": f"{date} 07:08:09" if day % 2 else f"{date}T07:08:09.000Z",
    }
    _insert(file, "daily_checkins", beside | {name: old for name, (old, _) in picked.items()})
    return beside | {name: new for name, (_, new) in picked.items() if new is not None}


def _insight(key: Any, user: Any, number: int) -> Row:
    return {
        "id": key,
        "user_id": user,
        "insight_type": "consistency",
        "insight_title": f"Title {number}",
        "insight_message": f"Message {number} \U0001f33b",
        "insight_id": f"daily_{number}",
        "date": "2024-01-05",
        "context_data": '{"n": 1}',
        "created_at": "2024-01-05 10:00:00",
    }


def _others(key: Any, user: Any) -> dict[str, Row]:
    return {
        "insight_engagement": {
            "id": key,
            "user_id": user,
            "insight_type": "consistency",
            "action": "liked",
            "insight_id": f"consistency_{key}",
        },
        "fmv_analytics": {
            "id": key,
            "user_id": user,
            "event_type": "checkin_completed",
            "event_timestamp": "2024-01-05T10:00:00Z",
            "date": "2024-01-05",
            "event_data": '{"seconds": 12.5, "tags": ["a", null]}',
        },
    }


# Airtable exports


def csv_folder(folder: Path, *, has_bom: bool) -> None:
    """Write the exports of two people; what must come of them stands in the test."""
    files = {
        "Users": [
            ["id", "Email", "Nickname", "Confidence Meds", "Email Opt In", "Time Zone Note",
             "Timezone", "Created At", "Loyalty Number", "Points"],
            ["recAda", "Ada@Example.com", 'Ada, "the first"', "7", "checked", "0042",
             "Europe/London", "2023-10-01T08:15:00.000Z", "007", "42"],
            ["recEve", "eve@example.com", "E\u0301ve \U0001f33b", "3", "", "", "", "", "", "4.5"],
        ],
        "Daily Checkins": [
            ["id", "User Id", "Email", "Mood Today", "Confidence Today", "Date Submitted",
             "User Note", "Side Effects", "Missed Doses", "Partner Involved Today",
             "Coping Strategies Used", "Anxiety Level", "Lab Code", "Weight"],
            ["recC1", "recAda", "", "hopeful, tired", "7", "2024-01-31", "12345",
             "Headache,Hot flashes", "0", "checked", '["a, b", "c"]', "3", "0012", "61.5"],
            ["recC2", "", "EVE@example.com", "anxious", "1", "2024-02-29",
             'two\nlines, "quoted"', "", "", "true", "Journaling", "", "A7", "60"],
            ["recC3", "recAda", "ada@example.com", "good", "10", "2024-02-01", " ", "Nausea",
             "2", "", "", "", "", ""],
        ],
        "FMV Analytics": [
            ["Event Type", "Email", "Event Data"],
            ["checkin_completed", "ada@example.com", '{"seconds": 12}'],
            ["page_opened", "", ""],
        ],
    }  # fmt: skip
    for name, lines in files.items():
        encoding = "utf-8-sig" if has_bom else "utf-8"
        with (folder / f"{name}.csv").open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows(lines)


def read_sqlite(path: Path, table: str) -> list[Row]:
    with sqlite3.connect(path) as file:
        file.row_factory = sqlite3.Row
        return [dict(row) for row in file.execute(f"SELECT * FROM {table}")]


def is_uuid(text: object) -> bool:
    try:
        return bool(uuid.UUID(str(text)))
    except ValueError:
        return False
