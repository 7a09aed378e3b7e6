"""The old service as its own move from V1 to V2 left it: both generations side by side.

Four people: Mia was moved twice, with a new id, and has a check-in rewritten in place since;
Nora came later and has events of every writer; Olga was left behind; Pia is suspended.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from tests.legacy.old_databases import Row, copy, database, run, schema

MIA_V1: Final = uuid.UUID(int=0xA1)
MIA: Final = uuid.UUID(int=0xA2)
NORA: Final = uuid.UUID(int=0xB2)
OLGA: Final = uuid.UUID(int=0xC1)
PIA: Final = uuid.UUID(int=0xD2)
# Check-ins of Mia: V1 rows that were moved. The last one was rewritten in place afterwards.
MOVED, UNTRACKED, REWRITTEN = (uuid.UUID(int=0xA100 + number) for number in range(3))
# Check-ins of Nora: by the service of V2, two on one day by the adapter for V1, by the last one.
SERVICE, EARLIER, LATER, LAST = (uuid.UUID(int=0xB100 + number) for number in range(4))
LEFT_BEHIND: Final = uuid.UUID(int=0xC100)
INSIGHT: Final = uuid.UUID(int=0xB200)
RENAME: Final = """
    ALTER TABLE users RENAME TO users_v1;
    ALTER TABLE daily_checkins RENAME TO daily_checkins_v1;
    ALTER TABLE insights RENAME TO insights_v1;
"""
MIDNIGHT: Final = dt.time()


def mark(number: int) -> str:
    """A text that stands once in the whole database."""
    return f"mark-{number:03d}-\U0001f33b"


def day(number: int, time: dt.time = MIDNIGHT) -> dt.datetime:
    return dt.datetime.combine(dt.date(2024, 5, number), time)


@contextmanager
def half_migrated() -> Iterator[str]:
    with database() as address:
        run(address, schema("v1") + RENAME + schema("v2"))
        with psycopg.connect(address) as server:
            server.execute("SET timezone TO 'UTC'")
            _first_generation(server)
            _accounts(server)
            copy(server, "health_events", [*_moved_twice(), *_of_nora()])
            _around(server)
        yield address


def _first_generation(server: psycopg.Connection[Any]) -> None:
    made_at = dt.datetime(2024, 4, 1, 8, 0, 0, 5, tzinfo=dt.UTC)
    copy(
        server,
        "users_v1",
        [
            {
                "id": person,
                "email": email,
                "nickname": name,
                "confidence_meds": 2,
                "cycle_stage": "transfer",
                "primary_need": "egg_quality",
                "top_concern": concern,
                "timezone": "Europe/Paris",
                "email_opt_in": False,
                "medication_status": "taking",
                "created_at": made_at,
                "updated_at": made_at,
            }
            for person, email, name, concern in (
                (MIA_V1, "Mia@Example.com", "Mia", mark(1)),
                (OLGA, "olga@example.com", "Olga", mark(2)),
            )
        ],
    )
    full = {
        "mood_today": "good",
        "confidence_today": 6,
        "medication_taken": "no",
        "anxiety_level": 4,
        "side_effects": ["Headache", None],
        "missed_doses": 0,
        "injection_confidence": 7,
        "appointment_within_3_days": True,
        "appointment_anxiety": 9,
        "partner_involved_today": False,
        "phq4_score": 0,
    }
    bare: Row = dict.fromkeys(full) | {"mood_today": "tired", "confidence_today": 1}
    rows = (
        (MOVED, MIA_V1, 1, full, mark(10)),
        (UNTRACKED, MIA_V1, 2, bare | {"medication_taken": "not tracked"}, mark(11)),
        (REWRITTEN, MIA_V1, 3, full, mark(12)),
        (LEFT_BEHIND, OLGA, 1, full, mark(13)),
    )
    copy(
        server,
        "daily_checkins_v1",
        [
            {
                "id": key,
                "user_id": person,
                "date_submitted": day(number).date(),
                "user_note": note,
                "created_at": day(number, dt.time(21, 5, 6)).replace(tzinfo=dt.UTC),
                "updated_at": day(number, dt.time(21, 5, 6)).replace(tzinfo=dt.UTC),
                **form,
            }
            for key, person, number, form, note in rows
        ],
    )
    copy(
        server,
        "insights_v1",
        [
            {
                "id": uuid.UUID(int=0xA200),
                "user_id": MIA_V1,
                "insight_type": "consistency",
                "insight_title": mark(20),
                "insight_message": mark(21),
                "insight_id": "daily_1",
                "date": day(3).date(),
                "created_at": day(3).replace(tzinfo=dt.UTC),
            }
        ],
    )


def _accounts(server: psycopg.Connection[Any]) -> None:
    people = ((MIA, "mia"), (NORA, "Nora"), (PIA, "pia"))
    made_at = day(4, dt.time(3, 4, 5, 6))
    copy(
        server,
        "users",
        [
            {
                "id": key,
                "email": f"{name}@example.com",
                "created_at": made_at,
                "updated_at": made_at,
            }
            for key, name in people
        ],
    )
    copy(
        server,
        "user_profiles",
        [
            {
                "user_id": key,
                "nickname": f"{name} {mark(number)}",
                "timezone": "America/Los_Angeles",
                "status": "suspended" if key == PIA else "active",
                "cycle_stage": "tww" if key == NORA else None,
                "created_at": made_at,
                "updated_at": made_at,
            }
            for number, (key, name) in enumerate(people, 30)
        ],
    )


def _event(
    person: uuid.UUID,
    number: int,
    kind: str,
    subtype: str | None,
    data: Row,
    *,
    group: uuid.UUID | None = None,
    at: dt.datetime,
    recorded_at: dt.datetime | None = None,
    source: str = "web_app",
) -> Row:
    return {
        "id": uuid.UUID(int=person.int * 0x10000 + number),
        "user_id": person,
        "event_type": kind,
        "event_subtype": subtype,
        "event_data": data,
        "occurred_at": at,
        "recorded_at": recorded_at or at,
        "source": source,
        "correlation_id": group,
        "created_at": recorded_at or at,
    }


def _moved_twice() -> Iterator[Row]:
    """What the old script made of Mia's rows: it ran twice."""
    number = 0
    for run_number in (1, 2):
        for group, at, note in ((MOVED, 1, 10), (UNTRACKED, 2, 11), (REWRITTEN, 3, 12)):
            parts: list[tuple[str, str, Row]] = [
                ("mood", "daily_checkin", {"mood": "good", "confidence": 6, "note": mark(note)})
            ]
            if group != UNTRACKED:
                parts[0][2].update(anxiety_level=4, injection_confidence=7)
                parts.append(("medication", "daily_status", {"status": "missed"}))
                symptoms = {"symptoms": ["Headache"], "severity": None, "related_to": mark(40 + at)}
                parts.append(("symptom", "side_effect", symptoms))
            else:
                parts[0][2].update(mood="tired", confidence=1)
            if group == REWRITTEN and run_number == 2:
                parts[0][2].update(mood="worried", confidence=2, note=mark(45))
            for kind, subtype, data in parts:
                number += 1
                yield _event(
                    MIA, number, kind, subtype, data, group=group, at=day(at),
                    recorded_at=day(5 + run_number, dt.time(2, 0, 0, number)), source="migration",
                )  # fmt: skip


def _of_nora() -> Iterator[Row]:
    afternoon = dt.time(14, 30, 0, 1)
    yield _event(
        NORA, 1, "mood", "daily_checkin",
        {"mood": "hopeful, anxious", "confidence": 4, "anxiety_level": 8, "note": mark(50),
         "sleep_hours": 6.5, "custom": {"deep": [mark(51), None, False]}},
        group=SERVICE, at=day(1, afternoon),
    )  # fmt: skip
    medication = {"status": "taken", "all_medications": True}
    yield _event(NORA, 2, "medication", "daily_status", medication, group=SERVICE,
                 at=day(1, afternoon))  # fmt: skip
    symptoms = {"symptoms": ["Nausea", "Cramping"], "severity": None, "related_to": mark(52)}
    yield _event(NORA, 3, "symptom", "side_effect", symptoms, group=SERVICE, at=day(1, afternoon))
    strategies = {"strategies": ["Journaling", "Meditation/\nmindfulness"], "context": mark(53)}
    yield _event(NORA, 4, "note", "coping_strategies", strategies, group=SERVICE,
                 at=day(1, afternoon))  # fmt: skip
    yield _event(
        NORA, 5, "mood", "daily_checkin",
        {"mood": "anxious", "confidence": 5, "note": mark(54), "primary_concern": mark(55),
         "appointment_within_3_days": True, "appointment_anxiety": 5, "partner_involved": True,
         "coping_strategies": ["Support group"], "info_needs": ["Success rates"]},
        group=EARLIER, at=day(2), recorded_at=day(2, dt.time(9)), source="api",
    )  # fmt: skip
    yield _event(NORA, 6, "medication", "daily_status", {"status": "missed", "missed_doses": 2},
                 group=EARLIER, at=day(2), recorded_at=day(2, dt.time(9)), source="api")  # fmt: skip
    yield _event(
        NORA, 7, "assessment", "phq4",
        {"total_score": 7, "anxiety_score": 4, "depression_score": 3,
         "responses": {"q1": 2, "q2": 2, "q3": 3, "q4": 0}},
        group=EARLIER, at=day(2), recorded_at=day(2, dt.time(9)), source="api",
    )  # fmt: skip
    yield _event(NORA, 8, "mood", "daily_checkin",
                 {"mood": "tired", "confidence": 3, "user_note": mark(56)},
                 group=LATER, at=day(2), recorded_at=day(2, dt.time(20)), source="api")  # fmt: skip
    yield _event(
        NORA, 9, "mood", "daily_checkin",
        {"mood": "grateful", "confidence": 9, "note": mark(57), "anxiety_level": 0,
         "coping_strategies_used": [], "wish_knew_more_about": ["Next steps in treatment"],
         "partner_involved_today": False},
        group=LAST, at=day(4), recorded_at=day(4, dt.time(8)),
    )  # fmt: skip
    yield _event(NORA, 10, "medication", "daily_status", {"status": "taken"}, group=LAST,
                 at=day(4), recorded_at=day(4, dt.time(8)))  # fmt: skip
    # Events that are no check-ins.
    yield _event(NORA, 20, "vital", "blood_pressure", {"systolic": 120, "note": mark(60)},
                 at=day(3, dt.time(7)), source="mobile_app")  # fmt: skip
    yield _event(NORA, 21, "treatment", None, {"what": mark(61)}, at=day(3, dt.time(8)))
    yield _event(NORA, 22, "note", "free", {"text": mark(62)}, at=day(3, dt.time(9)))
    yield _event(NORA, 23, "mood", "quick", {"mood": mark(63)}, at=day(3, dt.time(10)))
    yield _event(NORA, 24, "medication", "oral", {"medication_id": str(uuid.UUID(int=5)),
                 "status": "taken", "note": mark(64)}, at=day(3, dt.time(11)))  # fmt: skip


def _around(server: psycopg.Connection[Any]) -> None:
    medication, definition = uuid.UUID(int=5), uuid.UUID(int=6)
    copy(
        server,
        "user_medications",
        [
            {
                "id": medication,
                "user_id": NORA,
                "medication_name": mark(70),
                "start_date": day(1).date(),
                "notes": mark(71),
            }
        ],
    )
    copy(
        server,
        "medication_adherence",
        [
            {
                "user_id": NORA,
                "medication_id": medication,
                "health_event_id": uuid.UUID(int=NORA.int * 0x10000 + 24),
                "status": "taken",
                "notes": mark(72),
            }
        ],
    )
    copy(
        server,
        "assessment_definitions",
        [
            {
                "id": definition,
                "name": "PHQ-4",
                "assessment_type": "screening",
                "questions": {"q1": mark(73)},
                "scoring_logic": {},
            }
        ],
    )
    copy(
        server,
        "assessment_responses",
        [
            {
                "user_id": NORA,
                "assessment_id": definition,
                "responses": {"q1": mark(74)},
                "started_at": day(2),
            }
        ],
    )
    copy(
        server,
        "insights",
        [
            {
                "id": INSIGHT,
                "user_id": NORA,
                "insight_type": "assessment_alert",
                "insight_category": "risk",
                "title": mark(75),
                "message": mark(76),
                "insight_data": {"why": mark(77)},
                "trigger_type": "event_based",
                "trigger_data": {"event": mark(78)},
                "priority": 8,
                "expires_at": day(9),
                "created_at": day(2, dt.time(9)),
            }
        ],
    )
    copy(
        server,
        "insight_interactions",
        [
            {
                "id": uuid.UUID(int=0xB300),
                "user_id": NORA,
                "insight_id": INSIGHT,
                "action": "dismissed",
                "action_data": {"why": mark(79)},
                "created_at": day(3, dt.time(1)),
            }
        ],
    )
    copy(
        server,
        "audit_log",
        [
            {"user_id": NORA, "action": "log_in", "user_agent": mark(80), "ip_address": "10.0.0.1"},
            {"user_id": None, "action": "clean", "user_agent": mark(81), "ip_address": None},
        ],
    )
    copy(
        server,
        "feature_flags",
        [{"flag_name": "new_form", "enabled": True, "metadata": {"by": mark(82)}}],
    )
    copy(server, "schema_migrations", [{"version": "2.0", "description": mark(83)}])
