"""The old clients' insights: every endpoint's keys and statuses, and what it refuses."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from core.times import local_date
from insights.models import Insight
from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.house.catalog import rows

FORM = {"mood_today": "hopeful", "confidence_today": 5}
READY = {"baseline_completed": True}
OF_INSIGHT = {
    *("id", "insight_id", "type", "insight_type", "title", "insight_title", "message"),
    *("insight_message", "icon", "confidence", "priority", "action_label", "action_type", "date"),
}
GARBAGE: list[Any] = [
    *("[]", '"text"', "7", "null", "true", "[[[]]]"),
    *('{"onboardingData":[]}', '{"onboardingData":7,"checkinData":"x"}'),
    '{"onboardingData":{"confidence_meds":"low","top_concern":{"a":1},"nickname":[1]}}',
    '{"checkinData":{"mood_today":{"a":[]},"confidence_today":"1e9","anxiety_level":-1}}',
    '{"checkinData":{"phq4_score":1e300,"side_effects":{"a":1},"sentiment_analysis":[]}}',
]


@pytest.fixture
def person(db: None) -> User:
    return make_user(profile=READY)


@pytest.fixture
def client(person: User) -> ApiClient:
    return client_of(person)


def everything() -> list[Any]:
    """Every row, with the transaction that wrote it."""
    return [
        rows(f"SELECT t.xmin::text, t.ctid::text, t::text FROM {table} t ORDER BY 3")
        for table in ("insights", "insight_interactions", "analytics_events", "daily_checkins")
    ]


def ok(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    assert body["success"] is True
    return body


def refused(response: Any) -> dict[str, Any]:
    assert response.status_code == 400, response.content
    body: dict[str, Any] = response.json()
    assert body["success"] is False
    assert body["error"].endswith(".")
    return body


# Read


def test_gives_the_day_in_the_keys_of_all_clients(person, client):
    client.call("POST", "/api/checkins", FORM)
    today = local_date(timezone.now(), "America/Los_Angeles")
    midnight = dt.datetime.combine(today, dt.time(), dt.UTC)

    answer = ok(client.call("GET", "/api/insights/daily"))

    insight = answer["insight"]
    assert insight.keys() == OF_INSIGHT | {"analysisData"}
    assert answer["insights"] == [insight]
    assert insight["insight_id"] == f"daily_{int(midnight.timestamp() * 1000)}"
    assert 0 <= insight["confidence"] <= 1
    for old, new in (("type", "insight_type"), ("title", "insight_title")):
        assert insight[old] == insight[new] != ""
    assert answer["analysis_data"].pop("generated_at")
    assert answer["analysis_data"] == insight["analysisData"]
    assert answer["analysis_data"] == {
        "checkins_analyzed": 1,
        "date_range": f"{today} to {today}",
        "user_id": str(person.id),
    }


def test_has_something_to_say_before_the_first_check_in(client):
    answer = ok(client.call("GET", "/api/insights/daily"))

    assert answer["insight"]["message"]
    assert answer["analysis_data"]["checkins_analyzed"] == 0


def test_lists_what_is_written_newest_first(client):
    client.call("POST", "/api/checkins", FORM)
    client.call("POST", "/api/insights/generate", {})

    answer = ok(client.call("GET", "/api/insights"))

    assert answer["count"] == len(answer["insights"]) > 0
    for insight in answer["insights"]:
        assert insight.keys() >= OF_INSIGHT | {"created_at", "expires_at", "status"}
    written = [insight["created_at"] for insight in answer["insights"]]
    assert written == sorted(written, reverse=True)
    assert len(ok(client.call("GET", "/api/insights?limit=1"))["insights"]) == 1


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1.5", "abc", "", "9" * 5000, "%00"])
def test_refuses_a_limit_that_is_none(client, limit):
    body = refused(client.call("GET", f"/api/insights?limit={limit}"))

    assert [error["field"] for error in body["errors"]] == ["limit"]


def test_generates_the_day_and_writes_it(person, client):
    client.call("POST", "/api/checkins", FORM)

    answers = [ok(client.call("POST", "/api/insights/generate", {})) for _ in range(3)]

    (row,) = Insight.objects.filter(user_id=person.id, occasion__startswith="daily:")
    assert {answer["insight"]["id"] for answer in answers} == {str(row.id)}
    assert answers[0]["message"] == "Insight generated successfully"
    assert row.trigger_type == "manual"


def test_wants_the_onboarding_before_it_generates(db):
    user = make_user()

    answer = client_of(user).call("POST", "/api/insights/generate", {})

    assert answer.status_code == 403
    assert answer.json()["requires_onboarding_completion"] is True
    assert not Insight.objects.filter(user_id=user.id).exists()


def test_is_complete_with_all_answers_too(db):
    answers = {"primary_need": "emotional_support", "cycle_stage": "transfer", "nickname": "Ann"}

    answer = client_of(make_user(profile=answers)).call("GET", "/api/insights/daily")

    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_gives_a_small_insight_in_the_keys_of_both_clients(person, client, method):
    answer = ok(client.call(method, "/api/insights/micro", {} if method == "POST" else None))

    assert answer["micro_insight"].keys() == {"type", "title", "message", "icon", "action"}
    assert answer["insight"].keys() == {"type", "message", "subMessage", "icon"}
    assert answer["insight"]["subMessage"] == answer["micro_insight"]["message"]
    action = answer["micro_insight"]["action"]
    assert action is None or action.keys() == {"label", "type"}
    assert answer["user_id"] == str(person.id)


@pytest.mark.parametrize("body", GARBAGE)
def test_makes_the_best_of_what_a_client_sends_along(client, body):
    answer = client.call("POST", "/api/insights/micro", body)

    assert answer.status_code == (400 if body[0] != "{" else 200)
    if answer.status_code == 200:
        assert answer.json()["micro_insight"]["message"]


def test_says_something_right_after_the_onboarding(db):
    client = client_of(make_user())

    answer = ok(client.call("GET", "/api/users/insight"))

    assert answer["insight"].keys() == {"title", "message"}
    assert all(answer["insight"].values())


def test_sums_up_ones_own_check_ins_alone(db):
    mine, other = make_user(profile=READY), make_user(profile=READY)
    for user in (mine, other):
        client_of(user).call("POST", "/api/checkins", FORM)
        client_of(user).call("POST", "/api/insights/generate", {})
    client_of(other).call("POST", "/api/checkins", FORM | {"date_submitted": "2026-01-05"})

    answer = client_of(mine).call("GET", "/api/insights/engagement")

    engagement = ok(answer)["engagement"]
    summary = {"activeUsers": 1, "totalCheckins": 1, "avgCheckinsPerUser": 1}
    assert engagement["summary"] == summary | {"period": "last_100_checkins"}
    assert [top["userId"] for top in engagement["topUsers"]] == [str(mine.id)]
    assert engagement["topUsers"][0].keys() == {"userId", "checkinsCount", "lastCheckin"}
    shown = answer.content.decode()
    for secret in (mine.email, other.email, "@", str(other.id)):
        assert secret not in shown


def test_sums_up_nothing_for_somebody_new(client):
    engagement = ok(client.call("GET", "/api/insights/engagement"))["engagement"]

    assert engagement["topUsers"] == []
    assert engagement["summary"]["totalCheckins"] == 0


def test_writes_nothing_on_a_get(person, client):
    client.call("POST", "/api/checkins", FORM)
    client.call("POST", "/api/insights/generate", {})

    before = everything()
    for path in ("", "/daily", "/micro", "/engagement"):
        ok(client.call("GET", f"/api/insights{path}"))
    named = str(Insight.objects.filter(user_id=person.id).latest("created_at").id)
    for path in ("/api/v2/insights", "/api/v2/insights?include=all", f"/api/v2/insights/{named}"):
        assert client.call("GET", path).status_code == 200
    ok(client.call("GET", "/api/users/insight"))

    assert everything() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", f"/api/insights{path}") for path in ("", "/daily", "/micro", "/engagement")),
        *(("POST", f"/api/insights/{path}") for path in ("generate", "micro", "engagement")),
        *(("POST", "/api/insights/feedback"), ("GET", "/api/users/insight")),
    ],
)
def test_wants_a_token(db, nobody, method, path):
    assert nobody.call(method, path, {} if method == "POST" else None).status_code == 401


def test_answers_for_a_name_that_is_nobodys_path(client):
    assert client.call("GET", f"/api/insights/{uuid.uuid4()}").status_code == 404
