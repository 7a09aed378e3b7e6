"""Where old columns go, and how old values are read: without a database."""

import datetime as dt
import string
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health import checkins as fields
from legacy.mapping import checkins, events, people, values
from legacy.sources.values import HAS_NUL, NOT_UTF8, NotJson, read_json, read_text
from legacy.types import Row
from legacy.verification import equality

NOW = dt.datetime(2026, 11, 21, 8, tzinfo=dt.UTC)
USER = uuid.UUID(int=7)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=3)
answers = st.none() | st.booleans() | numbers | texts | st.lists(texts, max_size=3)
unknown = st.text(string.ascii_lowercase + "_", min_size=1, max_size=12)
columns = st.sampled_from(sorted(checkins.KINDS)) | st.sampled_from(sorted(fields.RESERVED))
rows = st.dictionaries(columns | unknown, answers, max_size=12)


def a_row(**changes: object) -> Row:
    said: dict[str, object] = {
        "id": str(uuid.UUID(int=1)),
        "user_id": str(USER),
        "mood_today": "hopeful",
        "confidence_today": 7,
        "date_submitted": dt.date(2024, 2, 29),
        "created_at": dt.datetime(2024, 2, 29, 20),  # noqa: DTZ001  Old times have no zone.
    }
    said |= changes
    return Row("daily_checkins", str(said["id"]), said)


def an_event(number: int, kind: str, subtype: str, **data: object) -> Row:
    said = {
        "id": str(uuid.UUID(int=number)),
        "event_type": kind,
        "event_subtype": subtype,
        "event_data": data,
        "occurred_at": dt.datetime(2024, 2, 29),  # noqa: DTZ001  Old times have no zone.
        "recorded_at": dt.datetime(2024, 3, 1, 1),  # noqa: DTZ001
        "correlation_id": str(uuid.UUID(int=99)),
    }
    return Row("health_events", str(said["id"]), said)


@given(rows)
def test_loses_no_answer_of_any_row(answered):
    own = {"id", "user_id", "created_at", "updated_at", "date_submitted"}
    row = a_row(**{name: value for name, value in answered.items() if name not in own})
    row = a_row(**dict(row.values) | {"mood_today": "hopeful", "confidence_today": 7})

    checkin = checkins.from_row(row, has_only_texts=False)

    assert fields.from_row(fields.to_row(checkin.form)) == checkin.form
    for name, value in row.values.items():
        if name not in own and value is not None:
            place = checkin.form[checkins.key_of(name)]
            rule = equality.content if isinstance(place, dict | list) else equality.anything
            assert (
                rule(value, place) or equality.flag(value, place) or equality.number(value, place)
            )


@given(st.recursive(st.none() | st.booleans() | numbers | texts, st.lists, max_leaves=8))
def test_calls_a_value_the_same_as_itself_alone(value):
    assert equality.verbatim(value, value)
    assert not equality.verbatim(value, [value])


def test_tells_answers_apart_that_python_does_not():
    assert not equality.verbatim(1, True)
    assert not equality.verbatim(source=False, here=0)
    assert not equality.verbatim("7", 7)
    assert equality.number("7", 7)
    assert not equality.number("7", True)
    assert equality.verbatim(Decimal("0.10"), Decimal("0.1"))
    assert not equality.texts('["a", "b"]', ["b", "a"])


@pytest.mark.parametrize("text", ["0.10", "12345678901234567890.123", "-0.0", "1e-7"])
def test_reads_numbers_exactly(text):
    assert read_json(f"[{text}]") == [Decimal(text)]


@pytest.mark.parametrize(
    "text", ["{", "NaN", '{"a": 1, "a": 2}', '"\\u0000"', '"\\ud800"', "[" * 200 + "]" * 200]
)
def test_refuses_json_that_would_not_come_back(text):
    with pytest.raises(NotJson):
        read_json(text)


def test_says_what_is_wrong_with_a_text():
    assert read_text("ä".encode()) == "ä"
    assert read_text(b"\xff") is NOT_UTF8
    assert read_text(b"a\x00b") is HAS_NUL


@pytest.mark.parametrize(
    ("column", "value", "detail"),
    [
        ("date_submitted", "yesterday", "is no date"),
        ("mood_today", None, "is missing"),
        ("mood_today", 3, "is no text"),
        ("confidence_today", "abc", "is no whole number from 1 to 10"),
        ("confidence_today", 11, "is no whole number from 1 to 10"),
    ],
)
def test_refuses_a_row_that_cannot_be_a_check_in(column, value, detail):
    with pytest.raises(checkins.Refused) as refusal:
        checkins.from_row(a_row(**{column: value}), has_only_texts=False)

    assert (refusal.value.finding.column, refusal.value.finding.detail) == (column, detail)


def test_keeps_an_id_that_is_no_uuid_and_makes_always_the_same_one():
    first = checkins.from_row(a_row(id=5), has_only_texts=False)
    second = checkins.from_row(a_row(id=5), has_only_texts=False)

    assert first.id == second.id == values.our_id("daily_checkins_v1", "5")
    assert first.form["legacy_id"] == 5


def test_places_a_check_in_when_it_was_written_or_at_noon_of_its_day():
    checkin = checkins.from_row(a_row(), has_only_texts=False)

    there, elsewhere = checkin.when("America/Los_Angeles"), checkin.when("Pacific/Kiritimati")

    assert there["occurred_at"] == checkin.created_at
    assert elsewhere["occurred_at"] == dt.datetime(2024, 2, 28, 22, tzinfo=dt.UTC)
    assert elsewhere["utc_offset_minutes"] is None


def test_puts_a_check_in_together_from_events_of_every_writer():
    found = events.sort(
        [
            an_event(1, "mood", "daily_checkin", mood="good", confidence=4, info_needs=["x"]),
            an_event(2, "medication", "daily_status", status="missed", missed_doses=0),
            an_event(3, "note", "coping_strategies", strategies=["walk"]),
            an_event(4, "vital", "pulse", value=60),
        ]
    )

    (checkin,) = found.checkins
    assert checkin.id == uuid.UUID(int=99)
    assert checkin.date == dt.date(2024, 2, 29)
    assert checkin.form == {
        "mood_today": "good",
        "confidence_today": 4,
        "wish_knew_more_about": ["x"],
        "medication_taken": "no",
        "missed_doses": 0,
        "coping_strategies_used": ["walk"],
    }
    assert [row.key for row in found.events] == [str(uuid.UUID(int=4))]


def test_keeps_a_repeated_event_once():
    twice = [an_event(number, "vital", "pulse", value=60) for number in (1, 2)]

    found = events.sort(twice)

    assert (len(found.events), len(found.records)) == (1, 1)


def test_refuses_people_whose_addresses_differ_in_case_only():
    rows = [
        Row("users", str(number), {"id": number, "email": email})
        for number, email in enumerate(("a@example.com", "A@Example.com", "b@example.com"))
    ]

    found = people.identify(rows)

    assert [bool(person.faults) for person in found] == [True, True, False]


def test_takes_a_row_of_the_older_generation_for_the_same_person():
    newer = Row("users", str(USER), {"id": str(USER), "email": "a@example.com"})
    older = Row("users_v1", "3", {"id": 3, "email": "A@example.com "})

    (person,) = people.identify([newer, older])

    assert person.id == USER
    assert set(person.refs) == {str(USER), "3", "a@example.com"}
    assert not person.faults


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "UTC", "Pacific/Kiritimati"])
@pytest.mark.parametrize("days", [-40, -1, 0, 1, 2, 400])
def test_happen_when_their_day_is_looked_for(zone, days):
    """The figures of a day look for its events between UTC+14 and UTC-12."""
    date = dt.date(2024, 2, 29) + dt.timedelta(days=days)
    checkin = checkins.from_row(a_row(date_submitted=date), has_only_texts=False)

    at = checkin.when(zone)["occurred_at"]

    begin = dt.datetime.combine(date, dt.time(), dt.UTC)
    assert begin - dt.timedelta(hours=14) <= at < begin + dt.timedelta(hours=36)
