"""Insights, what was done with them and reports of use are a person's own, in every door."""

import uuid
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import services as accounts
from accounts.models import User
from core import gate
from insights.models import AnalyticsEvent, Insight, InsightInteraction
from tests.conftest import ApiClient, client_of
from tests.house.catalog import rows

TABLES = ("insights", "insight_interactions", "analytics_events")


@pytest.fixture
def hers(as_alice: ApiClient, alice: User) -> str:
    """Give Alice a row in each table; the id of an insight of hers."""
    form = {"mood_today": "worried", "confidence_today": 5, "user_note": "alices-own-words"}
    as_alice.call("POST", "/api/checkins", form)
    insights = as_alice.call("POST", "/api/v2/insights/generate", {}).json()["insights"]
    named: str = insights[0]["id"]
    as_alice.call("POST", f"/api/v2/insights/{named}/feedback", {"helpful": True})
    event = {"event_type": "page_view", "event_data": {"page": "home"}}
    as_alice.call("POST", "/api/analytics/events", event)
    for table in TABLES:
        assert rows(f"SELECT count(*) > 0 FROM {table} WHERE user_id = %s", [alice.id]) == [(True,)]
    return named


@pytest.fixture(params=["bob", "charlie"])
def stranger(request: Any) -> ApiClient:
    return client_of(request.getfixturevalue(request.param))


def refuses(sql: str, why: str) -> None:
    with (
        pytest.raises(DatabaseError, match=why),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def answer_of(response: Any) -> tuple[int, dict[str, Any]]:
    return response.status_code, {**response.json(), "request_id": None}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v2/insights/{id}", None),
        ("POST", "/api/v2/insights/{id}/interactions", {"action": "viewed"}),
        ("POST", "/api/v2/insights/{id}/feedback", {"helpful": True}),
    ],
)
def test_hides_an_insight_as_if_it_were_none(hers, stranger, method, path, body):
    theirs = stranger.call(method, path.format(id=hers), body)
    unknown = stranger.call(method, path.format(id=uuid.uuid4()), body)

    assert answer_of(theirs) == answer_of(unknown)
    assert theirs.status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        *("/api/v2/insights?include=all", "/api/insights?limit=100", "/api/insights/engagement"),
        *("/api/insights/micro", "/api/users/insight"),
    ],
)
def test_shows_nothing_of_hers_in_a_list(hers, stranger, alice, path):
    shown = stranger.call("GET", path).content.decode()

    for secret in (hers, str(alice.id), alice.email, "alices-own-words"):
        assert secret not in shown


def test_opens_each_table_to_its_person_alone(hers, alice, bob, charlie):
    for user, expected in ((alice, True), (bob, False), (charlie, False)):
        with gate.as_person(user.id):
            for model in (Insight, InsightInteraction, AnalyticsEvent):
                assert model._default_manager.filter(user_id=alice.id).exists() is expected


@pytest.mark.parametrize("table", TABLES)
def test_takes_no_row_for_somebody_else(hers, alice, bob, table):
    ((columns,),) = rows(
        "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND attname <> 'id'",
        [table],
    )
    copy = f"INSERT INTO {table} (id, {columns}) SELECT gen_random_uuid(), r.* FROM kept r"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT {columns} FROM {table}")
        cursor.execute("GRANT SELECT ON kept TO novara_api")

    with gate.as_person(bob.id):
        refuses(copy, "row-level security")


@pytest.mark.parametrize(
    "sql",
    [
        *(f"DELETE FROM {table}" for table in TABLES),
        *(f"UPDATE {table} SET created_at = now()" for table in TABLES if table != "insights"),
    ],
)
def test_lets_nobody_change_what_was_said(hers, alice, sql):
    with gate.as_person(alice.id):
        refuses(sql, "permission denied")


def test_ends_with_the_person(hers, alice, bob):
    client_of(bob).call("POST", "/api/v2/insights/generate", {})

    accounts.erase_person(user_id=alice.id, requested_by="test", reason="asked for")

    for table in TABLES:
        assert rows(f"SELECT count(*) FROM {table} WHERE user_id = %s", [alice.id]) == [(0,)]
    assert Insight.objects.filter(user_id=bob.id).exists()
