"""manage.py verify_migration compares every field with the source, and names what differs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import psycopg
import pytest

from tests.legacy import old_databases
from tests.legacy.conftest import brought_over
from tests.legacy.novara import Done, Moved, Novara

PEOPLE, CHECKINS = 6, 12


@pytest.fixture(scope="module")
def moved(empty_novara: Novara) -> Iterator[Moved]:
    with brought_over(empty_novara, people=PEOPLE, checkins=CHECKINS, seed=9) as small:
        yield small


@pytest.fixture
def source(moved: Moved) -> Iterator[str]:
    with old_databases.database(Novara(moved.source).name) as address:
        yield address


@pytest.fixture
def novara(moved: Moved, committed_db: None) -> Iterator[Novara]:
    with old_databases.database(moved.novara.name) as address:
        yield Novara(address)


def change(source: str, statement: str, *values: Any) -> None:
    with psycopg.connect(source) as server:
        assert server.execute(statement.encode(), values).rowcount == 1


def a_checkin(novara: Novara, condition: str = "true", but: Iterable[str] = ()) -> str:
    keys = novara.rows(f"SELECT id FROM daily_checkins WHERE {condition} ORDER BY id")
    return next(str(key) for (key,) in keys if str(key) not in but)


def has_event(kind: str) -> str:
    return (
        "EXISTS (SELECT FROM health_events e WHERE e.correlation_id = daily_checkins.id"
        f" AND e.event_type = '{kind}')"
    )


def assert_found(done: Done, changed: Mapping[str, str]) -> None:
    """Compare with what was changed: keys of rows, and a column of each that must be named."""
    assert done.code == 1, done.said[-2000:]
    assert {key for _, key, _ in done.differences()} == changed.keys()
    named = {(key, column) for _, key, column in done.differences()}
    assert {place for place in changed.items() if place[1]} <= named
    for table, key, column in done.differences():
        assert f"{table} {key}" in done.out
        assert column in done.out


def test_finds_nothing_where_nothing_differs(novara, source):
    before = novara.versions()

    done = novara.verify(source)

    assert done.code == 0, done.said[-2000:]
    assert done.report["people"]["found"] == PEOPLE
    assert done.report["rows"]["daily_checkins"] == PEOPLE * CHECKINS
    assert done.report["fields_compared"] > PEOPLE * CHECKINS * 20
    assert done.report["differences"] == done.report["faults"] == []
    assert novara.versions() == before


# Columns of ours, changed behind the product's back: to what, and which rows have it.
IN_ROWS = {
    "anxiety_level": ("anxiety_level % 10 + 1", "anxiety_level IS NOT NULL"),
    "user_note": ("user_note || ' '", "user_note <> ''"),
    "missed_doses": ("NULL", "missed_doses = 0"),
    "partner_involved_today": ("NOT partner_involved_today", "partner_involved_today IS NOT NULL"),
    "side_effects": ("side_effects || ARRAY['x']", "side_effects IS NOT NULL"),
    "sentiment_confidence": ("sentiment_confidence / 2", "sentiment_confidence > 0.5"),
    "sentiment_scores": (
        """jsonb_set(sentiment_scores, '{huge}', '123456789012345678901234567891')""",
        "sentiment_scores ? 'huge'",
    ),
    "basal_temperature": (
        "extra || '{\"basal_temperature\": 36.61}'",
        "extra ? 'basal_temperature'",
    ),
    "weather": ("extra - 'weather'", "extra ? 'weather'"),
    "hobby": ("extra || '{\"hobby\": null}'", "extra ? 'device'"),
}


def test_finds_changed_values_of_rows(novara, source):
    changed: dict[str, str] = {}
    for column, (value, condition) in IN_ROWS.items():
        key = a_checkin(novara, condition, but=changed)
        place = "extra" if value.startswith("extra") else column
        novara.change(f"UPDATE daily_checkins SET {place} = {value} WHERE id = '{key}'")
        changed[key] = column

    done = novara.verify(source)

    assert_found(done, changed)


IN_EVENTS = {
    "confidence_today": ("mood", "jsonb_set(event_data, '{confidence}', '\"5\"')"),
    "user_note": ("mood", "jsonb_set(event_data, '{note}', '\"another note\"')"),
    "medication_taken": ("medication", "jsonb_set(event_data, '{reported}', '\"maybe\"')"),
    "phq4_score": ("assessment", "event_data - 'total_score'"),
    "side_effects": ("symptom", "jsonb_set(event_data, '{symptoms}', '[\"other\"]')"),
}


def test_finds_changed_values_of_events(novara, source):
    changed: dict[str, str] = {}
    for column, (kind, data) in IN_EVENTS.items():
        key = a_checkin(novara, f"{column} IS NOT NULL AND {has_event(kind)}", but=changed)
        novara.change(
            f"UPDATE health_events SET event_data = {data}"
            f" WHERE correlation_id = '{key}' AND event_type = '{kind}'"
        )
        changed[key] = column

    done = novara.verify(source)

    assert_found(done, changed)


def test_finds_missing_events(novara, source):
    missing: dict[str, str] = {}
    for kind, column in (("mood", "mood_today"), ("medication", "medication_taken")):
        key = a_checkin(novara, f"user_note <> '' AND {has_event(kind)}", but=missing)
        novara.change(
            f"DELETE FROM health_events WHERE correlation_id = '{key}' AND event_type = '{kind}'"
        )
        missing[key] = column

    done = novara.verify(source)

    assert_found(done, missing)


def test_finds_changed_profiles(novara, source):
    people = [str(key) for (key,) in novara.rows("SELECT user_id FROM user_profiles ORDER BY 1")]
    changes = {
        "top_concern": "'another one'",
        "confidence_meds": "confidence_meds % 10 + 1",
        "email_opt_in": "NOT email_opt_in",
        "nickname": "left(nickname, 50) || '.'",
        "timezone": "'Africa/Nairobi'",
    }
    changed = dict(zip(people, changes, strict=False))
    for key, column in changed.items():
        novara.change(
            f"UPDATE user_profiles SET {column} = {changes[column]} WHERE user_id = '{key}'"
        )

    done = novara.verify(source)

    assert_found(done, changed)


def test_finds_changed_accounts(novara, source):
    people = [str(key) for (key,) in novara.rows("SELECT id FROM users ORDER BY email DESC")]
    changes = {
        "status": "is_active = NOT is_active",
        "created_at": "created_at = created_at + interval '1 second'",
        "email": "email = id::text || '@example.com'",
    }
    changed = dict(zip(people, changes, strict=False))
    for key, column in changed.items():
        novara.change(f"UPDATE users SET {changes[column]} WHERE id = '{key}'")

    done = novara.verify(source)

    assert_found(done, changed)


def test_finds_a_value_that_changed_although_the_old_spelling_is_kept(novara, source):
    """What the product keeps word for word says nothing about what it made of it."""
    email = str(novara.value("SELECT id FROM users WHERE email LIKE 'mixed%' LIMIT 1"))
    zone = str(novara.value("SELECT user_id FROM user_profiles WHERE extra ? 'legacy_timezone'"))
    novara.change(f"UPDATE users SET email = 'other@example.com' WHERE id = '{email}'")
    novara.change(f"UPDATE user_profiles SET timezone = 'Africa/Nairobi' WHERE user_id = '{zone}'")

    done = novara.verify(source)

    assert done.code == 1
    assert {(key, column) for _, key, column in done.differences()} == {
        (email, "email"),
        (zone, "timezone"),
    }


def test_finds_changed_and_missing_insights(novara, source):
    keys = [str(key) for (key,) in novara.rows("SELECT id FROM insights ORDER BY id LIMIT 3")]
    novara.change(f"UPDATE insights SET title = 'Other' WHERE id = '{keys[0]}'")
    novara.change(f"UPDATE insights SET insight_type = 'x' WHERE id = '{keys[1]}'")
    novara.change(f"DELETE FROM insights WHERE id = '{keys[2]}'")

    done = novara.verify(source)

    assert_found(done, dict(zip(keys, ("insight_title", "insight_type", ""), strict=True)))


def test_finds_a_changed_and_a_missing_record(novara, source):
    tokens = (
        "SELECT id, source_key FROM legacy_records WHERE source_table = 'auth_tokens' ORDER BY 2"
    )
    (changed, changed_key), (gone, gone_key), *_ = novara.rows(tokens)
    novara.change(
        f'UPDATE legacy_records SET content = content || \'{{"token_hash": "x"}}\''
        f" WHERE id = '{changed}'; DELETE FROM legacy_records WHERE id = '{gone}'"
    )

    done = novara.verify(source)

    assert done.code == 1
    assert ("auth_tokens", changed_key, "token_hash") in done.differences()
    assert {key for _, key, _ in done.differences()} == {changed_key, gone_key}


def test_finds_a_value_that_changed_in_the_source(novara, source):
    key = a_checkin(novara, "anxiety_level < 9")
    change(source, "UPDATE daily_checkins SET anxiety_level = 10 WHERE id = %s", key)

    done = novara.verify(source)

    assert_found(done, {key: "anxiety_level"})


def test_finds_a_row_that_is_not_here(novara, source):
    key = "11111111-2222-4333-8444-555555555555"
    change(
        source,
        "INSERT INTO daily_checkins (id, user_id, mood_today, confidence_today, date_submitted)"
        " SELECT %s, id, 'good', 5, '2020-02-02' FROM users ORDER BY id LIMIT 1",
        key,
    )

    done = novara.verify(source)

    assert done.code == 1
    assert {found for _, found, _ in done.differences()} == {key}


def test_finds_a_row_that_the_source_does_not_have(novara, source):
    key = a_checkin(novara)
    change(source, "DELETE FROM daily_checkins WHERE id = %s", key)

    done = novara.verify(source)

    assert done.code == 1
    assert {found for _, found, _ in done.differences()} == {key}


def test_finds_a_missing_person(novara, source):
    key = str(novara.value("SELECT id FROM users ORDER BY id LIMIT 1"))
    novara.rows("SELECT erase_person(%s, 'a test', 'a test')", key)
    novara.change("DELETE FROM erasure_certificates")

    done = novara.verify(source)

    assert done.code == 1
    assert ("users", key) in {(table, found) for table, found, _ in done.differences()}


def test_does_not_bring_back_whom_we_have_erased(novara, source):
    key = str(novara.value("SELECT id FROM users ORDER BY id LIMIT 1"))
    novara.rows("SELECT erase_person(%s, 'the person', 'wish')", key)

    verified, brought = novara.verify(source), novara.bring(source)

    assert (verified.code, brought.code) == (0, 0), brought.said[-2000:]
    assert novara.tables_with(key) == set()
    for done in (verified, brought):
        assert any(key in note for note in done.report["notes"])


def test_finds_all_at_once_when_migrating_again(novara, source):
    keys = [a_checkin(novara, "anxiety_level IS NOT NULL"), a_checkin(novara, "missed_doses = 0")]
    novara.change(
        f"UPDATE daily_checkins SET anxiety_level = NULL WHERE id = '{keys[0]}';"
        f"UPDATE daily_checkins SET missed_doses = 1 WHERE id = '{keys[1]}'"
    )

    done = novara.bring(source)

    assert done.code == 1
    assert {(key, column) for _, key, column in done.differences()} >= {
        (keys[0], "anxiety_level"),
        (keys[1], "missed_doses"),
    }
