"""What people do with insights and say of them is stored, with their mood and confidence."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from core.times import local_date
from insights import services
from insights.models import Insight, InsightInteraction, insight_id
from tests.conftest import ApiClient, client_of
from tests.factories import make_user

ENGAGEMENT = "/api/insights/engagement"
FEEDBACK = "/api/insights/feedback"
READY = {"baseline_completed": True}
ZONE = "America/Los_Angeles"


@pytest.fixture
def person(db: None) -> User:
    return make_user(profile=READY)


@pytest.fixture
def client(person: User) -> ApiClient:
    return client_of(person)


def check_in(client: ApiClient, **form: Any) -> None:
    sent = {"mood_today": "hopeful", "confidence_today": 7} | form
    assert client.call("POST", "/api/checkins", sent).status_code == 201


def stored(person: User) -> InsightInteraction:
    return InsightInteraction.objects.get(user_id=person.id)


def none_stored(person: User) -> bool:
    return not InsightInteraction.objects.filter(user_id=person.id).exists()


def of_the_day(client: ApiClient) -> dict[str, Any]:
    insight: dict[str, Any] = client.call("GET", "/api/insights/daily").json()["insight"]
    return insight


def days_ago(days: int) -> dt.date:
    return local_date(timezone.now(), ZONE) - dt.timedelta(days=days)


# Version 1


@pytest.mark.parametrize(
    "action", ["viewed", "clicked", "dismissed", "refreshed", "liked", "saved", "not_helpful", "x"]
)
def test_are_stored_under_a_name_that_the_client_made(person, client, action):
    sent = {
        "insight_type": "encouragement",
        "action": action,
        "insight_id": "encouragement_1795230138708",
        "context": {"screen": "home", "n": 0, "none": None},
    }

    answer = client.call("POST", ENGAGEMENT, sent)

    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is True
    assert body["message"] == "Engagement tracked successfully"
    row = stored(person)
    assert body["engagement"]["id"] == str(row.id)
    assert body["engagement"]["insight_id"] == row.client_insight_id == sent["insight_id"]
    assert (row.insight_id, row.insight_type, row.action) == (None, "encouragement", action)
    assert row.context == sent["context"]


def test_need_no_insight_to_name(person, client):
    sent = {"insight_type": "encouragement", "action": "refreshed", "insight_id": None}

    assert client.call("POST", ENGAGEMENT, sent).status_code == 200

    assert stored(person).client_insight_id is None


@pytest.mark.parametrize("key", ["id", "insight_id"])
def test_find_the_insight_of_the_day_by_both_its_names_and_write_it(person, client, key):
    check_in(client)
    daily = of_the_day(client)
    assert not Insight.objects.filter(user_id=person.id).exists()

    answer = client.call("POST", FEEDBACK, {"insight_id": daily[key], "helpful": True})

    assert answer.status_code == 200
    assert answer.json()["message"] == "Feedback submitted successfully"
    row = stored(person)
    assert answer.json()["feedback_id"] == str(row.id)
    assert str(row.insight_id) == daily["id"]
    assert row.client_insight_id == daily[key]
    assert row.insight_type == daily["type"]


def test_find_the_insight_of_the_day_before_by_its_old_name(person, client):
    day = days_ago(1)
    client.call("POST", "/api/insights/generate", {})
    Insight.objects.filter(user_id=person.id).update(occasion=f"daily:{day}")
    theirs = Insight.objects.get(user_id=person.id)
    moved = insight_id(person.id, f"daily:{day}")
    Insight.objects.filter(pk=theirs.pk).update(id=moved)

    sent = {"insight_id": services.old_name(day), "helpful": False}
    assert client.call("POST", FEEDBACK, sent).status_code == 200

    assert stored(person).insight_id == moved


@pytest.mark.parametrize("ago", [1, 7])
def test_keep_the_name_of_a_day_that_nobody_wrote(person, client, ago):
    day = days_ago(ago)
    for name in (services.old_name(day), str(insight_id(person.id, f"daily:{day}"))):
        sent = {"insight_id": name, "helpful": True}
        assert client.call("POST", FEEDBACK, sent).status_code == 200
        assert InsightInteraction.objects.get(user_id=person.id, client_insight_id=name)

    assert not Insight.objects.filter(user_id=person.id).exists()


def test_take_the_kind_from_what_the_client_says_of_its_own_insight(person, client):
    context = {"sentiment": "neutral", "copy_variant_used": "encouragement"}
    sent = {"insight_id": "encouragement_1", "helpful": True, "insight_context": context}

    assert client.call("POST", FEEDBACK, sent).status_code == 200

    assert stored(person).insight_type == "encouragement"
    assert stored(person).context == context


def test_trust_the_kind_of_the_insight_more_than_the_client(person, client):
    check_in(client)
    daily = of_the_day(client)
    sent = {
        "insight_id": daily["id"],
        "helpful": True,
        "insight_context": {"insight_type": "something else"},
    }

    client.call("POST", FEEDBACK, sent)

    assert stored(person).insight_type == daily["type"]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (ENGAGEMENT, {"insight_type": None}, "insight_type"),
    (ENGAGEMENT, {"insight_type": ["x"]}, "insight_type"),
    (ENGAGEMENT, {"action": ""}, "action"),
    (ENGAGEMENT, {"action": "x" * 101}, "action"),
    (ENGAGEMENT, {"insight_id": 5}, "insight_id"),
    (ENGAGEMENT, {"insight_id": int("1" * 32)}, "insight_id"),
    (ENGAGEMENT, {"insight_id": "x" * 101}, "insight_id"),
    (ENGAGEMENT, {"context": "x"}, "context"),
    (ENGAGEMENT, {"context": {"a": "x" * 70_000}}, "context"),
    (ENGAGEMENT, {"context": {"a": "\x00"}}, "context/a"),
    (FEEDBACK, {"insight_id": None}, "insight_id"),
    (FEEDBACK, {"insight_id": "  "}, "insight_id"),
    (FEEDBACK, {"insight_id": {"a": 1}}, "insight_id"),
    (FEEDBACK, {"helpful": None}, "helpful"),
    (FEEDBACK, {"helpful": "true"}, "helpful"),
    (FEEDBACK, {"helpful": 1}, "helpful"),
    (FEEDBACK, {"comment": 7}, "comment"),
    (FEEDBACK, {"comment": "x" * 5001}, "comment"),
    (FEEDBACK, {"comment": "a\x00b"}, "comment"),
    (FEEDBACK, {"insight_context": [1]}, "insight_context"),
]
SENT: dict[str, dict[str, Any]] = {
    ENGAGEMENT: {"insight_type": "encouragement", "action": "viewed", "insight_id": "x_1"},
    FEEDBACK: {"insight_id": "x_1", "helpful": True},
}


@pytest.mark.parametrize(("path", "change", "named"), REFUSED)
def test_refuse_a_field_by_name(person, client, path, change, named):
    answer = client.call("POST", path, SENT[path] | change)

    assert answer.status_code == 400
    body = answer.json()
    assert body["success"] is False
    assert [error["field"] for error in body["errors"]] == [named]
    assert none_stored(person)


@pytest.mark.parametrize("path", SENT)
@pytest.mark.parametrize("body", ["[]", "null", "7", "{", "", '"x"'])
def test_refuse_a_body_that_is_no_object(person, client, path, body):
    assert client.call("POST", path, body).status_code == 400

    assert none_stored(person)


def test_refuse_what_is_nested_too_deeply(person, client):
    deep: Any = 0
    for _ in range(150):
        deep = [deep]

    answer = client.call("POST", FEEDBACK, SENT[FEEDBACK] | {"insight_context": {"a": deep}})

    assert answer.status_code == 400
    assert none_stored(person)


def test_keep_a_long_comment_word_for_word(person, client):
    comment = "Ünïcode 🌟 \u202e\n<b>'\"; DROP TABLE insights; --" + "x" * 4900

    assert client.call("POST", FEEDBACK, SENT[FEEDBACK] | {"comment": comment}).status_code == 200

    assert stored(person).comment == comment


# Both


@pytest.mark.parametrize("version", [1, 2])
def test_have_the_mood_and_confidence_of_the_newest_check_in(person, client, version):
    check_in(client, mood_today="anxious,hopeful", confidence_today=3)
    check_in(client, mood_today="calm", confidence_today=9, date_submitted=str(days_ago(3)))
    client.call("POST", "/api/v2/insights/generate", {})
    insight = Insight.objects.filter(user_id=person.id).latest("priority")

    if version == 1:
        path, body = FEEDBACK, {"insight_id": str(insight.id), "helpful": False}
    else:
        path, body = f"/api/v2/insights/{insight.id}/feedback", {"helpful": False}
    answer = client.call("POST", path, body | {"comment": "Not for me."})

    assert answer.status_code in {200, 201}
    row = stored(person)
    assert (row.mood, row.confidence) == ("anxious,hopeful", 3)
    assert (row.insight_id, row.insight_type) == (insight.id, insight.insight_type)
    assert (row.is_helpful, row.comment, row.action) == (False, "Not for me.", "feedback")


def test_have_no_mood_where_nobody_checked_in(person, client):
    client.call("POST", FEEDBACK, SENT[FEEDBACK])

    assert (stored(person).mood, stored(person).confidence) == (None, None)


def test_copy_no_more_of_a_mood_than_anybody_reads(person, client):
    check_in(client, mood_today="m" * 100_000)

    client.call("POST", FEEDBACK, SENT[FEEDBACK])

    assert stored(person).mood == "m" * services.LONGEST_MOOD


def test_can_be_asked_for_by_kind_and_mood(person, client):
    check_in(client, mood_today="anxious")
    for kind, helpful in (("a", True), ("a", False), ("a", True), ("b", False)):
        context = {"insight_type": kind}
        sent = {"insight_id": f"{kind}_1", "helpful": helpful, "insight_context": context}
        client.call("POST", FEEDBACK, sent)

    found = InsightInteraction.objects.filter(
        tenant_id=person.tenant_id, user_id=person.id, insight_type="a", mood="anxious"
    )

    assert [row.is_helpful for row in found.order_by("id")] == [True, False, True]


@pytest.mark.parametrize("version", [1, 2])
def test_are_unknown_for_an_insight_that_is_none_or_somebody_elses(person, client, version):
    other = make_user(profile=READY)
    theirs = client_of(other).call("POST", "/api/insights/generate", {}).json()["insight"]["id"]
    answers = []

    for named in (theirs, str(uuid.uuid4())):
        if version == 1:
            sent: list[tuple[str, dict[str, Any]]] = [
                (ENGAGEMENT, SENT[ENGAGEMENT] | {"insight_id": named}),
                (FEEDBACK, {"insight_id": named, "helpful": True}),
            ]
        else:
            sent = [
                (f"/api/v2/insights/{named}/interactions", {"action": "viewed"}),
                (f"/api/v2/insights/{named}/feedback", {"helpful": True}),
            ]
        for path, body in sent:
            answer = client.call("POST", path, body)
            assert answer.status_code == 404
            answers.append({**answer.json(), "request_id": None})

    assert answers[:2] == answers[2:]
    assert {answer.get("error") or answer.get("detail") for answer in answers} == {
        "Insight not found."
    }
    assert none_stored(person)
    assert none_stored(other)
