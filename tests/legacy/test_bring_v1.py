"""manage.py migrate_v1 from the old service's first Postgres database.

Each thing that must hold is a test of a small database; the last test asks all of them of one
of full size.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.legacy import old_databases
from tests.legacy.expected import (
    assert_account_equal,
    assert_checkins_equal,
    assert_profile_equal,
    client,
    form_of,
)
from tests.legacy.novara import Done, Novara
from tests.legacy.old_databases import Row, read


@dataclass(frozen=True)
class Brought:
    """An old database, brought over."""

    source: str
    novara: Novara
    done: Done
    users: list[Row]
    checkins: dict[str, list[Row]]

    @property
    def row_count(self) -> int:
        return sum(map(len, self.checkins.values()))


@contextmanager
def brought_over(empty_novara: Novara, *, people: int, checkins: int) -> Iterator[Brought]:
    with (
        old_databases.v1(people=people, checkins=checkins) as source,
        old_databases.database(empty_novara.name) as address,
    ):
        novara = Novara(address)
        done = novara.bring(source)
        rows = read(source, "SELECT * FROM daily_checkins ORDER BY user_id")
        by_person = {
            str(user_id): list(found)
            for user_id, found in itertools.groupby(rows, key=lambda row: row["user_id"])
        }
        users = read(source, "SELECT * FROM users ORDER BY id")
        yield Brought(source, novara, done, users, by_person)


@pytest.fixture(scope="module")
def brought(empty_novara: Novara) -> Iterator[Brought]:
    with brought_over(empty_novara, people=10, checkins=15) as small:
        yield small


def test_says_that_everybody_came(brought):
    report = brought.done.report

    assert brought.done.code == 0, brought.done.said[-2000:]
    assert report["people"] == {
        "found": len(brought.users),
        "brought": len(brought.users),
        "already_here": 0,
        "refused": 0,
    }
    assert report["rows"]["daily_checkins"] == brought.row_count
    assert report["faults"] == report["differences"] == []
    filled = sum(len(form_of(row)) for rows in brought.checkins.values() for row in rows)
    assert report["fields_compared"] >= filled
    assert str(brought.row_count) in brought.done.out.replace(",", "")


def test_shows_every_field_through_the_v1_api(brought, committed_db):
    active = [user for user in brought.users if user["status"] == "active"]

    with brought.novara.opened():
        for number, user in enumerate(active):
            # Tokens as the old service and its scripts signed them.
            claims = (
                {"id": str(user["id"]), "email": user["email"], "iat": 1_760_000_000},
                {"email": user["email"].lower(), "iat": 1_760_000_000},
                {"userId": str(user["id"]), "email": user["email"].lower()},
                {"email": user["email"]},
            )[number % 4]
            api = client(**claims)
            assert_profile_equal(user, api)
            assert_checkins_equal(user["id"], api, brought.checkins[str(user["id"])])

    assert len(active) == len(brought.users) * 3 // 5


def test_lets_nobody_in_who_was_locked_out(brought, committed_db):
    locked_out = [user for user in brought.users if user["status"] != "active"]

    with brought.novara.opened():
        answers = [
            client(email=user["email"].lower()).call("GET", "/api/users/me") for user in locked_out
        ]

    assert {answer.status_code for answer in answers} == {403}
    assert len(locked_out) == len(brought.users) * 2 // 5


def test_keeps_all_of_an_account(brought, committed_db):
    for user in brought.users:
        assert_account_equal(user, brought.novara)

    ids = {str(user["id"]) for user in brought.users}
    assert {str(user_id) for (user_id,) in brought.novara.rows("SELECT id FROM users")} == ids


def test_writes_rows_and_events_that_belong_together(brought, committed_db):
    novara = brought.novara

    stray_rows = novara.value("""
        SELECT count(*)
          FROM daily_checkins c
          JOIN users u ON u.id = c.user_id
         WHERE c.revision <> 1 OR c.events_revision <> 1 OR c.deleted_at IS NOT NULL
            OR c.tenant_id <> u.tenant_id
    """)
    stray_events = novara.value("""
        SELECT count(*)
          FROM health_events e
          LEFT JOIN daily_checkins c ON c.id = e.correlation_id AND c.user_id = e.user_id
         WHERE c.id IS NULL OR e.source <> 'checkin' OR e.source_version <> 'migrate_v1'
            OR e.version <> 1 OR e.status <> 'final' OR e.tenant_id <> c.tenant_id
            OR e.local_date <> c.date_submitted OR e.recorded_at <> c.created_at
            OR e.occurred_at <> c.occurred_at
    """)
    per_checkin = novara.rows("""
        SELECT count(*), count(DISTINCT event_type), count(*) FILTER (WHERE event_type = 'mood')
          FROM health_events
         GROUP BY correlation_id
    """)

    assert (stray_rows, stray_events) == (0, 0)
    assert len(per_checkin) == brought.row_count
    assert {moods for _, _, moods in per_checkin} == {1}
    assert all(1 <= count == types <= 6 for count, types, _ in per_checkin)


def test_keeps_the_times_of_each_row(brought, committed_db):
    old = {
        row["id"]: (row["created_at"], row["updated_at"], row["date_submitted"], row["user_id"])
        for rows in brought.checkins.values()
        for row in rows
        if row["created_at"]
    }
    ours = brought.novara.rows(
        "SELECT id, created_at, updated_at, date_submitted, user_id FROM daily_checkins"
    )

    assert len(ours) == brought.row_count
    assert {row[0]: row[1:] for row in ours if row[0] in old} == old


def test_keeps_the_row_apart_from_its_events_equal(brought, committed_db):
    """The V1 row must say by itself what its events say: in V1 mode it is all there is."""
    active = [user for user in brought.users if user["status"] == "active"][:25]

    with brought.novara.opened(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.USE_SCHEMA_V2", False)
        for user in active:
            api = client(email=user["email"])
            assert_checkins_equal(user["id"], api, brought.checkins[str(user["id"])])


NUMBERS = """
    SELECT c.id, md5(c.sentiment_scores::text), md5((c.extra -> 'device')::text),
           md5((e.event_data #> '{extra,sentiment_scores}')::text),
           md5((e.event_data #> '{extra,device}')::text),
           (c.extra ->> 'basal_temperature')::numeric
      FROM daily_checkins c
      JOIN health_events e ON e.correlation_id = c.id AND e.event_type = 'mood'
"""
OLD_NUMBERS = """
    SELECT id, md5(sentiment_scores::text) AS scores, md5(device::text) AS device,
           basal_temperature
      FROM daily_checkins
"""


def test_keeps_every_digit_of_json(brought, committed_db):
    old = {
        row["id"]: (
            *(row["scores"], row["device"], row["scores"], row["device"]),
            row["basal_temperature"],
        )
        for row in read(brought.source, OLD_NUMBERS)
    }

    ours = {row[0]: row[1:] for row in brought.novara.rows(NUMBERS)}

    assert len(ours) == len(old)
    assert [key for key in old if old[key] != ours[key]] == []


def test_keeps_every_insight(brought, committed_db):
    ours = {row["id"]: row for row in brought.novara.dicts("SELECT * FROM insights")}
    old = read(brought.source, "SELECT * FROM insights")
    contexts = dict(brought.novara.rows("SELECT id, data::text FROM insights"))

    assert ours.keys() == {row["id"] for row in old}
    for row in old:
        found = ours[row["id"]]
        assert found["user_id"] == row["user_id"]
        assert found["occasion"] == f"imported:{row['id']}"
        assert found["trigger_type"] == "migration"
        assert found["insight_type"] == row["insight_type"]
        assert (found["title"], found["message"]) == (row["insight_title"], row["insight_message"])
        assert (found["action_label"], found["action_type"]) == (
            row["action_label"],
            row["action_type"],
        )
        assert found["local_date"] == row["date"]
        assert found["created_at"] == row["created_at"]
        assert row["insight_id"] in contexts[row["id"]]
        assert (row["context_data"] or "") in contexts[row["id"]]


def test_keeps_rows_that_have_no_other_place(brought, committed_db):
    novara, source = brought.novara, brought.source
    records = novara.rows(
        "SELECT source_table, user_id, content, content::text FROM legacy_records"
    )
    tables = {table for table, *_ in records}
    of = {
        table: [
            (user_id, content, text) for name, user_id, content, text in records if name == table
        ]
        for table in tables
    }

    assert tables == {"auth_tokens", "partners", "reminders", "clinic_news"}
    hashes = {(row["user_id"], row["token_hash"]) for row in read(source, "TABLE auth_tokens")}
    assert {(user_id, content["token_hash"]) for user_id, content, _ in of["auth_tokens"]} == hashes
    partners = {row["user_id"]: row for row in read(source, "TABLE partners")}
    assert {user_id for user_id, _, _ in of["partners"]} == partners.keys()
    for user_id, content, text in of["partners"]:
        old = partners[user_id]
        assert content["name"] == old["name"]
        assert content["born"] == "1988-02-29"
        assert "71.50" in text
        assert old["details"] in text
        assert bytes(old["photo"]).hex() in text
        assert content["id"] == old["id"]
    first = min((user for user in brought.users if user["email"].startswith("MiXed.0.")), key=str)[
        "id"
    ]
    said = sorted((str(user_id), content["said"]) for user_id, content, _ in of["reminders"])
    assert said == sorted(
        [(str(first), "Drink water."), (str(first), "Drink water."), ("None", "To everybody.")]
    )
    ((owner, news, _),) = of["clinic_news"]
    assert owner is None
    assert news == {"code": "a/b c", "headline": old_databases.TEXTS[16], "shown": False}


def test_changes_nothing_the_second_time(brought, committed_db):
    before = brought.novara.versions()

    again = brought.novara.bring(brought.source)

    assert again.code == 0, again.said[-2000:]
    assert again.report["people"] == {
        "found": len(brought.users),
        "brought": 0,
        "already_here": len(brought.users),
        "refused": 0,
    }
    assert again.report["fields_compared"] == brought.done.report["fields_compared"]
    assert brought.novara.versions() == before


@pytest.mark.parametrize(("people", "checkins"), [(200, 400)])
def test_does_all_of_it_for_many(empty_novara, committed_db, people, checkins):
    with brought_over(empty_novara, people=people, checkins=checkins) as full:
        test_says_that_everybody_came(full)
        test_shows_every_field_through_the_v1_api(full, None)
        test_lets_nobody_in_who_was_locked_out(full, None)
        test_keeps_all_of_an_account(full, None)
        test_writes_rows_and_events_that_belong_together(full, None)
        test_keeps_the_times_of_each_row(full, None)
        test_keeps_the_row_apart_from_its_events_equal(full, None)
        test_keeps_every_digit_of_json(full, None)
        test_keeps_every_insight(full, None)
        test_keeps_rows_that_have_no_other_place(full, None)
        test_changes_nothing_the_second_time(full, None)

        assert full.row_count == people * checkins
