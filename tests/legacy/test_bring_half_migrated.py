"""manage.py migrate_v1 from the old service's database as its own move to V2 left it."""

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.legacy import half_migrated, old_databases
from tests.legacy.expected import answers_in, assert_same, client, instant
from tests.legacy.half_migrated import (
    EARLIER,
    INSIGHT,
    LAST,
    LATER,
    LEFT_BEHIND,
    MIA,
    MIA_V1,
    MOVED,
    NORA,
    OLGA,
    PIA,
    REWRITTEN,
    SERVICE,
    UNTRACKED,
    day,
    mark,
)
from tests.legacy.novara import Done, Novara
from tests.legacy.old_databases import read


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    with half_migrated.half_migrated() as address:
        yield address


@pytest.fixture(scope="module")
def brought(source: str, empty_novara: Novara) -> Iterator[tuple[Novara, Done]]:
    with old_databases.database(empty_novara.name) as address:
        novara = Novara(address)
        yield novara, novara.bring(source)


@pytest.fixture
def moved(brought: tuple[Novara, Done], committed_db: None) -> Novara:
    assert brought[1].code == 0, brought[1].said[-2000:]
    return brought[0]


def checkins_of(novara: Novara, email: str) -> dict[uuid.UUID, dict[str, Any]]:
    with novara.opened():
        shown = client(email=email).call("GET", "/api/checkins?limit=1000").json()["checkins"]
    return {uuid.UUID(item["id"]): item for item in shown}


def assert_says(item: dict[str, Any], **expected: Any) -> None:
    found = answers_in(item)
    assert_same(expected, {name: found.get(name) for name in expected})


def test_brings_everybody_once(moved, brought, source):
    report = brought[1].report

    ids = {row[0] for row in moved.rows("SELECT id FROM users")}
    assert ids == {MIA, NORA, OLGA, PIA}
    assert report["people"] == {"found": 4, "brought": 4, "already_here": 0, "refused": 0}
    assert report["faults"] == report["differences"] == []
    assert report["notes"]
    assert report["rows"]["health_events"] == len(read(source, "TABLE health_events"))


def test_keeps_the_newer_id_and_remembers_the_older(moved):
    extra = moved.value("SELECT extra FROM user_profiles WHERE user_id = %s", MIA)

    assert extra["legacy_v1_id"] == str(MIA_V1)


def test_gives_back_what_the_old_move_lost_of_a_profile(moved):
    with moved.opened():
        mia = client(email="mia@example.com").call("GET", "/api/users/me").json()["user"]
        nora = client(email="nora@example.com").call("GET", "/api/users/me").json()["user"]

    assert mia["id"] == str(MIA)
    assert mia["nickname"] == f"mia {mark(30)}"
    assert (mia["top_concern"], mia["medication_status"]) == (mark(1), "taking")
    assert (mia["cycle_stage"], mia["primary_need"]) == ("transfer", "egg_quality")
    assert (mia["confidence_meds"], mia["timezone"]) == (2, "Europe/Paris")
    assert mia["email_opt_in"] is False
    assert nora["cycle_stage"] == "tww"
    assert moved.rows("SELECT is_active FROM users WHERE id = %s", PIA) == [(False,)]


def test_joins_an_old_row_with_its_events(moved):
    found = checkins_of(moved, "mia@example.com")

    assert found.keys() == {MOVED, UNTRACKED, REWRITTEN}
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
    assert_says(found[MOVED], **full, user_note=mark(10), related_to=mark(41))
    assert_says(
        found[UNTRACKED],
        mood_today="tired",
        confidence_today=1,
        medication_taken="not tracked",
        user_note=mark(11),
    )
    assert_says(found[REWRITTEN], **full, user_note=mark(12))
    assert found[MOVED]["date_submitted"] == "2024-05-01"
    assert instant(found[MOVED]["created_at"]) == day(1, dt.time(21, 5, 6)).replace(tzinfo=dt.UTC)


def test_brings_those_whom_the_old_move_left_behind(moved):
    found = checkins_of(moved, "olga@example.com")

    assert found.keys() == {LEFT_BEHIND}
    assert_says(found[LEFT_BEHIND], user_note=mark(13), partner_involved_today=False)


def test_puts_check_ins_together_whoever_wrote_them(moved):
    found = checkins_of(moved, "nora@example.com")

    assert found.keys() == {SERVICE, LATER, LAST}
    assert_says(
        found[SERVICE],
        mood_today="hopeful, anxious",
        confidence_today=4,
        anxiety_level=8,
        user_note=mark(50),
        sleep_hours=6.5,
        custom={"deep": [mark(51), None, False]},
        medication_taken="yes",
        side_effects=["Nausea", "Cramping"],
        coping_strategies_used=["Journaling", "Meditation/\nmindfulness"],
    )
    assert_says(found[LATER], mood_today="tired", confidence_today=3, user_note=mark(56))
    assert_says(
        found[LAST],
        mood_today="grateful",
        confidence_today=9,
        anxiety_level=0,
        user_note=mark(57),
        coping_strategies_used=[],
        wish_knew_more_about=["Next steps in treatment"],
        partner_involved_today=False,
        medication_taken="yes",
    )
    dates = {key: item["date_submitted"] for key, item in found.items()}
    assert dates == {SERVICE: "2024-05-01", LATER: "2024-05-02", LAST: "2024-05-04"}


def test_keeps_the_ids_of_the_events_of_a_check_in(moved, source):
    old = {
        (row["correlation_id"], row["event_type"]): row["id"]
        for row in read(source, f"SELECT * FROM health_events WHERE user_id = '{NORA}'")
        if row["correlation_id"] in {SERVICE, LATER, LAST}
    }

    ours = {
        (group, kind): key
        for key, kind, group in moved.rows(
            "SELECT id, event_type, correlation_id FROM health_events"
            " WHERE user_id = %s AND source = 'checkin'",
            NORA,
        )
    }

    assert {place: ours[place] for place in old} == old


def test_keeps_other_events_as_they_are(moved, source):
    old = {
        row["id"]: row
        for row in read(source, f"SELECT * FROM health_events WHERE user_id = '{NORA}'")
        if row["correlation_id"] in {None, EARLIER}
    }

    ours = {
        row["id"]: row
        for row in moved.dicts(
            "SELECT *, event_data::text AS data FROM health_events"
            " WHERE user_id = %s AND source <> 'checkin'",
            NORA,
        )
    }

    assert ours.keys() == old.keys()
    for key, row in old.items():
        found = ours[key]
        assert found["data"] == row["event_data"]
        for name in ("event_type", "event_subtype", "correlation_id", "source"):
            assert found[name] == row[name], name
        for name in ("occurred_at", "recorded_at"):
            assert found[name] == row[name].replace(tzinfo=dt.UTC), name
        # What was stored as a day's midnight counts for that day, wherever the person lives.
        if row["occurred_at"].time() == dt.time():
            assert found["local_date"] == row["occurred_at"].date()


def test_loses_no_event(moved, source):
    old = {str(row["id"]) for row in read(source, "SELECT id FROM health_events")}

    events = {str(key) for (key,) in moved.rows("SELECT id FROM health_events")}
    records = moved.rows(
        "SELECT source_key FROM legacy_records WHERE source_table = 'health_events'"
    )

    assert old <= events | {key for (key,) in records}


def test_loses_no_text_of_anybody(moved, source):
    tables = [
        row["table_name"]
        for row in read(
            source,
            "SELECT table_name::text FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
        )
    ]
    old = set()
    for table in tables:
        for row in read(source, f"SELECT to_jsonb(t)::text AS text FROM {table} t"):
            old |= set(re.findall(r"mark-\d{3}", row["text"]))

    ours = set()
    for table in (
        *("user_profiles", "daily_checkins", "health_events", "insights"),
        *("insight_interactions", "legacy_records"),
    ):
        for (text,) in moved.rows(f"SELECT to_jsonb(t)::text FROM {table} t"):
            ours |= set(re.findall(r"mark-\d{3}", text))

    assert len(old) > 40
    assert old - ours == set()


def test_keeps_insights_and_what_people_did_with_them(moved):
    (found,) = moved.dicts("SELECT * FROM insights WHERE id = %s", INSIGHT)
    (done,) = moved.dicts("SELECT * FROM insight_interactions")

    assert found["user_id"] == NORA
    assert (found["insight_type"], found["category"]) == ("assessment_alert", "risk")
    assert (found["title"], found["message"], found["priority"]) == (mark(75), mark(76), 8)
    assert found["expires_at"] == day(9).replace(tzinfo=dt.UTC)
    assert found["created_at"] == day(2, dt.time(9)).replace(tzinfo=dt.UTC)
    assert (done["id"], done["user_id"], done["insight_id"]) == (
        uuid.UUID(int=0xB300),
        NORA,
        INSIGHT,
    )
    assert done["action"] == "dismissed"
    assert done["created_at"] == day(3, dt.time(1)).replace(tzinfo=dt.UTC)
    assert moved.value("SELECT count(*) FROM insights WHERE user_id = %s", MIA) == 1


def test_keeps_rows_that_have_no_other_place(moved):
    owners = (
        "SELECT source_table, user_id FROM legacy_records WHERE source_table <> 'health_events'"
    )
    records = set(moved.rows(owners))

    assert records >= {
        ("user_medications", NORA),
        ("medication_adherence", NORA),
        ("assessment_responses", NORA),
        ("assessment_definitions", None),
        ("audit_log", NORA),
        ("audit_log", None),
        ("feature_flags", None),
        ("schema_migrations", None),
    }


def test_changes_nothing_the_second_time(moved, source):
    before = moved.versions()

    again = moved.bring(source)

    assert again.code == 0, again.said[-2000:]
    assert again.report["people"]["already_here"] == 4
    assert moved.versions() == before


def test_finds_what_changed_here(source, brought, committed_db):
    with old_databases.database(brought[0].name) as address:
        ours = Novara(address)
        ours.change(
            f'UPDATE health_events SET event_data = \'{{"text": "x"}}\''
            f" WHERE id = '{uuid.UUID(int=NORA.int * 0x10000 + 22)}'"
        )

        done = ours.verify(source)

    assert done.code == 1
    assert {key for _, key, _ in done.differences()} == {
        str(uuid.UUID(int=NORA.int * 0x10000 + 22))
    }


@pytest.mark.parametrize(
    "claims", [{}, {"id": str(MIA)}, {"userId": str(MIA)}, {"id": str(MIA_V1)}]
)
def test_lets_mia_in_by_her_address_and_beside_it_by_both_ids(moved, claims):
    token = {"email": "mia@example.com", "iat": 1_760_000_000, **claims}

    with moved.opened():
        answer = client(**token).call("GET", "/api/users/me")

    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == str(MIA)


def test_lets_nobody_in_by_an_older_id_alone_or_beside_another_address(moved):
    with moved.opened():
        for claims in ({}, {"email": "nora@example.com"}):
            answer = client(id=str(MIA_V1), iat=1_760_000_000, **claims).call(
                "GET", "/api/users/me"
            )

            assert answer.status_code == 403


def test_undoes_all_of_it(novara, source):
    before = novara.content()
    assert novara.bring(source).code == 0

    done = novara.undo()

    assert done.code == 0, done.said[-2000:]
    assert novara.content() == before
