"""An answer about self-harm raises exactly one alert: for the person, and for their clinic."""

import dataclasses
import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from assessments import services as assessments
from assessments.instruments import PHQ9
from core import gate
from health.models import HealthEvent
from insights import tasks, writing
from insights.generators import alerts, choosing, daily
from insights.generators.assessments import is_unsafe
from insights.models import Insight, SafetyAlert
from insights.types import Facts, Finding
from tests.assessments.answers import SLEEP, complete, make_definition
from tests.conftest import ApiClient, client_of
from tests.factories import make_tenant, make_user
from tests.health.threads import at_once
from tests.insights.facts import checkin, event, facts
from tests.insights.log import read_log
from tests.log import wait_for_log

CALM = {f"q{n}": 0 for n in range(1, 9)}


# The rule


@pytest.mark.parametrize("name", ["self_harm_thoughts", "q9", "phq9_q9", "44260-8"])
@pytest.mark.parametrize("place", [None, "answers", "responses", "items"])
@pytest.mark.parametrize("value", [1, 2, 3, 2.0, "1"])
def test_is_found_under_every_name_and_in_every_place(name, place, value):
    data = {name: value} if place is None else {place: {name: value}}
    answered = event("assessment", 0, "PHQ-9", total_score=1, **data)

    (found,) = alerts(facts(events=[answered]))

    assert (found.type, found.category, found.priority) == ("safety_alert", "risk", 10)
    assert found.occasion == f"safety_alert:{answered.id}"
    assert [link.id for link in found.evidence] == [answered.id]


@pytest.mark.parametrize(
    ("kind", "subtype", "data"),
    [
        ("assessment", "phq9", {"self_harm_thoughts": 0, "total_score": 4}),
        ("assessment", "phq9", {"self_harm_thoughts": None}),
        ("assessment", "phq9", {"q8": 3}),
        ("assessment", "gad7", {"q9": 3}),
        ("assessment", "phq9", {"safety_items": []}),
        ("mood", "phq9", {"q9": 3, "answers": [3] * 9}),
        ("mood", "daily_checkin", {"mood": "tired", "extra": {"self_harm_thoughts": 0, "q9": 3}}),
        ("note", None, {"text": "self_harm_thoughts"}),
    ],
)
def test_is_not_found_where_nothing_says_so(kind, subtype, data):
    assert alerts(facts(events=[event(kind, 0, subtype, **data)])) == []


@pytest.mark.parametrize(
    ("subtype", "data"),
    [
        ("mental_health", {"instrument": "phq9", "q9": 2}),
        ("mental_health", {"q9": 2}),
        ("PHQ-9 weekly", {"q9": 2}),
        ("gad7", {"instrument": "PHQ-9", "q9": 2}),
        (None, {"q9": 2}),
        (None, {"q9": "I do not want to say"}),
        (None, {"answers": {"Item_9": 1}}),
        (None, {"selfHarmThoughts": 1}),
        (None, {"answers": [{"linkId": "44260-8", "value": 3}]}),
        (None, {"items": [{"question": "q9", "code": "LA6569-3"}]}),
        (None, {"answers": [{"q8": 0}, {"q9": 1}]}),
        ("phq9", {"q9": True}),
        ("phq9", {"answers": {"self_harm_thoughts": True}}),
        ("phq9", {"q9": "Nearly every day"}),
        ("phq9", {"q9": "LA6569-3"}),
        ("phq9", {"q9": "いつも"}),
        ("phq9", {"Q9": 3}),
        ("phq9", {"responses": {"q9": {"value": 3}}}),
        ("phq9", {"q9": {"value": None, "code": "LA6571-9"}}),
        ("phq9", {"Answers": {"PHQ9_Q9": {"valueInteger": 1}}}),
        ("phq9", {"answers": [0, 0, 0, 0, 0, 0, 0, 0, 3]}),
        ("phq9", {"answers": [*[{"value": 0}] * 8, {"value": 1}]}),
        ("phq9", {"answers": [{"link_id": "q9", "answer": [{"valueInteger": 2}]}]}),
        ("phq9", {"item": [{"linkId": "all", "item": [{"linkId": "/44260-8", "answer": 1}]}]}),
    ],
)
def test_is_found_in_every_shape(subtype, data):
    assert is_unsafe(event("assessment", 0, subtype, **data), {})


@pytest.mark.parametrize(
    ("subtype", "data"),
    [
        *[
            ("phq9", {"q9": calm})
            for calm in (
                0,
                0.0,
                -1,
                "0",
                "0.0",
                "",
                " ",
                False,
                None,
                "NOT at all",
                "not_at_all",
                "No",
                "never",
                "None",
                "false",
            )
        ],
        ("phq9", {"q9": "LA6568-5"}),
        ("phq9", {"q9": {"value": 0, "text": "Thoughts"}}),
        ("phq9", {"q9": {}}),
        ("phq9", {"answers": [0] * 9}),
        ("phq9", {"answers": [0, 0, 0, 0, 0, 0, 0, 3, 0, 3]}),
        ("phq9", {"answers": [*[{"linkId": "x", "value": 3}] * 8, {"linkId": "q1", "value": 3}]}),
        ("phq9", {"answers": [{"linkId": "q3", "id": 9, "value": 3}]}),
        ("phq9", {"answers": [{"code": "44260-8", "value": 0}, {"code": "q9", "value": None}]}),
        ("phq9", {"item": [{"linkId": "q9", "answer": [{"valueCoding": {"code": "LA6568-5"}}]}]}),
        ("phq9", {"missing": ["q9"], "tags": list("abcdefghi")}),
        ("mental_health", {"q9": 0, "q8": 3}),
        (None, {"answers": [3] * 9}),
        ("phq4", {"q4": 3, "q9": 3}),
        ("PHQ-4 weekly", {"q9": 3}),
        ("GAD-7", {"q9": "sleepless", "answers": [3] * 9, "items": {"9": 3}}),
        ("anxiety", {"instrument": "gad7", "q9": 3}),
        ("Sleep-Quality", {"q9": 3, "felt_unsafe": 0}),
        ("weekly", {"instrument": "sleep_quality", "answers": {"q9": "late"}}),
    ],
)
def test_is_not_found_where_the_answer_is_no_or_anothers(subtype, data):
    own: dict[Any, frozenset[str]] = {("sleepquality", None): frozenset({"felt_unsafe"})}

    assert not is_unsafe(event("assessment", 0, subtype, **data), own)


@pytest.mark.parametrize(
    ("version", "item", "is_found"),
    [
        ("1", "felt_unsafe", True),
        ("2", "felt_unsafe", False),
        ("2", "hurt", True),
        (None, "felt_unsafe", True),
        (None, "hurt", True),
        ("7", "felt_unsafe", True),
    ],
)
def test_is_found_by_what_the_version_asked(version, item, is_found):
    own: dict[Any, frozenset[str]] = {
        ("sleepquality", "1"): frozenset({"felt_unsafe"}),
        ("sleepquality", "2"): frozenset({"hurt"}),
        ("sleepquality", None): frozenset({"felt_unsafe", "hurt"}),
    }
    said = {item: 2} | ({"instrument_version": version} if version else {})

    assert is_unsafe(event("assessment", 0, "sleep_quality", **said), own) is is_found


@pytest.mark.parametrize(
    "said",
    [
        {"self_harm_thoughts": 3},
        {"selfHarmThoughts": "Several days"},
        {"phq9_q9": 1},
        {"phq9_self_harm_thoughts": True},
        {"phq-9 item 9": "2"},
        {"44260-8": 1},
        {"phq9": {"q9": 1}},
        {"phq9": {"answers": {"q9": 1}}},
        {"phq9": [0, 0, 0, 0, 0, 0, 0, 0, 1]},
        {"phq9_answers": {"9": 1}},
        {"phq9": [{"linkId": "q9", "value": 1}]},
    ],
)
@pytest.mark.parametrize("place", ["top", "extra"])
def test_is_found_in_a_daily_form_under_names_that_nothing_else_has(place, said):
    data = said if place == "top" else {"mood": "tired", "extra": said}

    assert is_unsafe(event("mood", 0, "daily_checkin", **data), {})


@pytest.mark.parametrize("subtype", [None, "gad7", "depression"])
@pytest.mark.parametrize("name", ["44260-8", "self_harm_thoughts"])
def test_is_found_by_its_code_in_any_questionnaire(subtype, name):
    (found,) = alerts(facts(events=[event("assessment", 0, subtype, **{name: 1})]))

    assert found.type == "safety_alert"


def test_stands_alone_where_the_score_would_raise_an_alert_of_its_own():
    severe = event("assessment", 0, "phq9", total_score=22, self_harm_thoughts=3)

    assert [found.type for found in alerts(facts(events=[severe]))] == ["safety_alert"]


def test_keeps_praise_away_from_the_insight_of_the_day():
    week = [checkin(ago, mood_today="hopeful", confidence_today=9) for ago in range(7)]
    answered = event("assessment", 0, "phq9", self_harm_thoughts=1)

    assert daily(facts(*week)).category == "achievement"
    assert daily(facts(*week, events=[answered])).category == "recommendation"


@pytest.mark.parametrize(
    ("ago", "is_alerted", "category"),
    [
        (13, False, "recommendation"),
        (14, False, "achievement"),
        (58, False, "achievement"),
        (58, True, "recommendation"),
    ],
)
def test_keeps_praise_away_as_long_as_it_is_shown(ago, is_alerted, category):
    week = [checkin(ago, mood_today="hopeful", confidence_today=9) for ago in range(7)]
    answered = event("assessment", ago, "phq9", self_harm_thoughts=1)
    seen = dataclasses.replace(facts(*week), screened=[answered])

    assert daily(seen, is_alerted=is_alerted).category == category


# From the log


@pytest.fixture
def person(committed_db: None) -> User:
    return make_user(profile={"baseline_completed": True})


@pytest.fixture
def client(person: User) -> ApiClient:
    return client_of(person)


def alerts_of(user: User) -> list[Insight]:
    return list(Insight.objects.filter(user_id=user.id, insight_type="safety_alert"))


def shown_to(client: ApiClient) -> list[Any]:
    listed = client.call("GET", "/api/v2/insights").json()["insights"]
    return [each for each in listed if each["insight_type"] == "safety_alert"]


def record(client: ApiClient, data: dict[str, Any], **more: Any) -> Any:
    body = {"event_type": "assessment", "event_subtype": "phq9", "event_data": data} | more
    response = client.call("POST", "/api/v2/health/events", body)
    assert response.status_code == 201, response.content
    return response.json()


@pytest.mark.parametrize("rest", [{}, CALM, {"q1": None}], ids=["alone", "whole", "partial"])
def test_comes_once_however_often_the_task_runs(rest, person, client):
    said = complete(client, "phq-9", {"q9": 1} | rest).json()

    for _ in range(3):
        read_log()
        tasks.write_daily_insights()

    (alert,) = alerts_of(person)
    (shown,) = shown_to(client)
    assert shown["id"] == str(alert.id)
    assert (shown["priority"], shown["category"]) == (10, "risk")
    assert client.call("GET", f"/api/v2/insights/{alert.id}").json()["evidence"] == [
        {
            "kind": "health-event",
            "href": said["event_href"],
            "id": said["event_id"],
            "date": None,
        }
    ]
    assert SafetyAlert.objects.get(id=alert.id).tenant_id == person.tenant_id


def test_comes_once_from_tasks_that_run_at_once(person, client):
    complete(client, "phq-9", {"q9": 2})
    wait_for_log()

    at_once(*[tasks.write_insights_of_new_events] * 3)
    read_log()

    assert len(alerts_of(person)) == 1


def test_comes_once_though_another_rule_fails(person, client, monkeypatch):
    def fail(_: Facts) -> list[Finding]:
        raise ZeroDivisionError

    complete(client, "phq-9", {"q9": 2})
    with monkeypatch.context() as patched:
        patched.setattr(choosing, "PATTERNS", (fail,))
        read_log()
        tasks.write_daily_insights()

    (alert,) = Insight.objects.filter(user_id=person.id)
    tasks.write_daily_insights()
    read_log()
    assert alert.insight_type == "safety_alert"
    assert [each.id for each in alerts_of(person)] == [alert.id]


def test_keeps_praise_away_when_it_came_late(person, client):
    then = (timezone.now() - dt.timedelta(days=58)).isoformat()
    complete(client, "phq-9", {"q9": 1}, completed_at=then)
    praised = {"mood_today": "hopeful", "confidence_today": 9}
    assert client.call("POST", "/api/checkins", praised).status_code == 201

    renew(person, now=timezone.now())

    assert len(shown_to(client)) == 1
    day = Insight.objects.get(user_id=person.id, occasion__startswith="daily:")
    assert day.category == "recommendation"


def test_comes_for_each_time_it_was_answered_so(person, client):
    complete(client, "phq-9", {"q9": 2}, client_event_id="one")
    complete(client, "phq-9", {"q9": 2}, client_event_id="one")
    complete(client, "phq-9", {"q9": 2}, client_event_id="two")

    read_log()

    assert len(alerts_of(person)) == 2


def test_comes_by_every_door(person, client):
    record(client, {"self_harm_thoughts": 1})
    record(client, {"q9": 1}, event_subtype="PHQ-9")
    batch = {"event_type": "assessment", "event_subtype": "phq9", "event_data": {"44260-8": 2}}
    client.call("POST", "/api/v2/health/events/batch", {"events": [batch]})
    client.call("POST", "/api/health-events", batch)

    read_log()

    assert len(alerts_of(person)) == 4


def test_comes_for_what_an_import_brought(person, client):
    imported = HealthEvent.objects.create(
        user_id=person.id,
        tenant_id=person.tenant_id,
        event_type="assessment",
        event_subtype="phq9",
        event_data={"q9": 1},
        occurred_at=timezone.now() - dt.timedelta(days=3),
        local_date=timezone.now().date() - dt.timedelta(days=3),
        source="import",
    )

    read_log()

    (alert,) = alerts_of(person)
    assert alert.occasion == f"safety_alert:{imported.id}"


@pytest.mark.parametrize(("days", "count"), [(30, 1), (58, 1), (70, 0)])
def test_comes_late_from_a_device_that_was_away(days, count, person, client):
    then = (timezone.now() - dt.timedelta(days=days)).isoformat()
    complete(client, "phq-9", {"q9": 1}, completed_at=then)

    read_log()

    assert len(alerts_of(person)) == count


def test_does_not_come_for_a_calm_answer(person, client):
    complete(client, "phq-9", {"q9": 0} | CALM)

    read_log()

    assert alerts_of(person) == []


def test_ends_when_the_answer_is_corrected_and_holds_again_when_it_is_back(person, client):
    path = f"/api/v2/health/events/{record(client, {'self_harm_thoughts': 2})['id']}/corrections"
    read_log()
    (before,) = alerts_of(person)

    client.call("POST", path, {"event_data": {"self_harm_thoughts": 0}, "reason": "a slip"})
    read_log()
    (ended,) = alerts_of(person)
    seen = shown_to(client)
    client.call("POST", path, {"event_data": {"self_harm_thoughts": 1}, "reason": "no slip"})
    read_log()
    (again,) = alerts_of(person)

    assert before.id == ended.id == again.id
    assert seen == []
    assert ended.expires_at is not None
    assert ended.expires_at <= timezone.now()
    assert again.expires_at == before.expires_at
    assert len(shown_to(client)) == 1


def test_ends_when_the_answer_is_retracted(person, client):
    href = complete(client, "phq-9", {"q9": 3}).json()["event_href"]
    read_log()

    client.call("POST", f"{href}/retractions", {"reason": "somebody else had my phone"})
    read_log()

    (alert,) = alerts_of(person)
    assert alert.expires_at is not None
    assert alert.expires_at <= timezone.now()
    assert shown_to(client) == []


def test_stands_for_its_whole_life_though_the_answer_is_long_past(person, client):
    then = timezone.now() - dt.timedelta(days=58)
    href = complete(client, "phq-9", {"q9": 1}, completed_at=then.isoformat()).json()["event_href"]
    read_log()
    later = timezone.now() + dt.timedelta(days=10)

    renew(person, now=later)
    (standing,) = alerts_of(person)
    client.call("POST", f"{href}/retractions", {"reason": "a slip"})
    renew(person, now=later)
    (ended,) = alerts_of(person)

    assert standing.expires_at is not None
    assert standing.expires_at > later
    assert ended.expires_at == later


def renew(user: User, *, now: dt.datetime) -> None:
    with gate.as_person(user.id) as person:
        writing.renew(person, trigger=Insight.Trigger.MANUAL, now=now)


def test_comes_from_a_clinics_own_questionnaire(committed_db):
    user = make_user(tenant=make_tenant())
    make_definition(user.tenant)
    other = make_user(tenant=make_tenant())
    for each in (user, other):
        record(client_of(each), {"felt_unsafe": 2}, event_subtype="sleep_quality")
    complete(client_of(user), "sleep_quality", {"felt_unsafe": 5, "q1": 0})
    complete(client_of(user), "sleep_quality", {"felt_unsafe": 0, "q1": 5})

    read_log()

    assert len(alerts_of(user)) == 2
    assert alerts_of(other) == []


@pytest.mark.parametrize(
    "name", ["felt_unsafe", "q3", "44260-8", "sleep_quality_felt_unsafe", "sleep_quality_q3"]
)
@pytest.mark.parametrize("said", [{}, {"instrument_version": "1"}], ids=["bare", "version"])
def test_comes_from_a_clinics_own_question_under_every_name(said, name, committed_db):
    user = make_user(tenant=make_tenant())
    make_definition(user.tenant)
    record(client_of(user), {name: 2} | said, event_subtype="Sleep-Quality")

    read_log()

    assert len(alerts_of(user)) == 1


@pytest.mark.parametrize("how", ["stopped", "another version"])
def test_stands_though_the_questionnaire_is_not_asked_any_more(how, committed_db):
    user = make_user(tenant=make_tenant())
    definition = make_definition(user.tenant)
    record(client_of(user), {"felt_unsafe": 2}, event_subtype="sleep_quality")
    read_log()
    (before,) = alerts_of(user)

    if how == "stopped":
        assessments.deactivate(definition=definition)
    else:
        make_definition(user.tenant, content=SLEEP | {"safety": []})
    renew(user, now=timezone.now())

    (after,) = alerts_of(user)
    assert after.expires_at == before.expires_at
    complete(client_of(user), "sleep_quality", {"felt_unsafe": 5})
    read_log()
    assert len(alerts_of(user)) == 1  # The version that is asked now has no safety items.


# From the daily form, which takes any key


FORM = {"mood_today": "hopeful", "confidence_today": 8}


@pytest.mark.parametrize("path", ["/api/checkins", "/api/daily-checkin-enhanced"])
@pytest.mark.parametrize("said", [{"self_harm_thoughts": 1}, {"phq9": {"q9": 2}}])
def test_comes_once_from_a_check_in(path, said, person, client):
    assert client.call("POST", path, FORM | said).status_code == 201

    for _ in range(2):
        read_log()
        tasks.write_daily_insights()

    (alert,) = alerts_of(person)
    (link,) = client.call("GET", f"/api/v2/insights/{alert.id}").json()["evidence"]
    assert client.call("GET", link["href"]).status_code == 200
    assert len(shown_to(client)) == 1


def test_follows_a_check_in_that_is_changed_and_deleted(person, client):
    checkin = client.call("POST", "/api/checkins", FORM).json()["checkin"]
    path = f"/api/checkins/{checkin['id']}"
    seen = []

    for change in ({"phq9_q9": 2}, {"user_note": "tired"}, {"phq9_q9": 0}, {"phq9_q9": 1}, None):
        client.call("PUT" if change else "DELETE", path, change)
        read_log()
        seen.append(len(shown_to(client)))

    assert seen == [1, 1, 0, 1, 0]
    assert len(alerts_of(person)) == 1


def test_comes_from_a_mood_event_that_names_the_question(person, client):
    said = {"mood": "tired", "self_harm_thoughts": 2}
    record(client, said, event_type="mood", event_subtype=None)
    record(client, {"mood": "tired", "q9": 3}, event_type="mood", event_subtype=None)

    read_log()

    assert len(alerts_of(person)) == 1


def test_costs_the_same_however_many_forms_speak_of_it(person, client):
    counted = []
    for count in (2, 9):
        for _ in range(count):
            said = {"mood": "tired", "phq9_score": 12, "phq9_q9": 1}
            record(client, said, event_type="mood", event_subtype=None)
        renew(person, now=timezone.now())
        with CaptureQueriesContext(connection) as queries:
            renew(person, now=timezone.now())
        counted.append(len(queries))

    assert counted[0] == counted[1]
    assert len(alerts_of(person)) == 11


# The insight of the day that is made at a call


@pytest.mark.parametrize("days", [0, 13, 58])
def test_keeps_praise_away_from_the_insight_that_is_made_at_a_call(days, person, client):
    then = (timezone.now() - dt.timedelta(days=days)).isoformat()
    complete(client, "phq-9", {"q9": 1}, completed_at=then)
    said = client.call("POST", "/api/checkins", {"mood_today": "hopeful", "confidence_today": 9})
    assert said.status_code == 201
    read_log()

    made = client.call("GET", "/api/insights/daily").json()["insight"]

    written = Insight.objects.get(user_id=person.id, occasion__startswith="daily:")
    assert (made["type"], made["title"]) == (written.insight_type, written.title)
    assert written.category == "recommendation"


def test_is_unknown_to_others(person, client):
    complete(client, "phq-9", {"q9": 1})
    read_log()
    (alert,) = alerts_of(person)

    for other in (make_user(tenant=person.tenant), make_user(tenant=make_tenant())):
        path = f"/api/v2/insights/{alert.id}"
        unknown = client_of(other).call("GET", f"/api/v2/insights/{uuid.uuid4()}")
        theirs = client_of(other).call("GET", path)
        assert theirs.status_code == unknown.status_code == 404
        assert theirs.json()["detail"] == unknown.json()["detail"]
        assert shown_to(client_of(other)) == []


def test_leaves_no_answer_in_the_log_of_requests(person, client, caplog):
    complete(client, "phq-9", {"q9": 3, "nonsense-key": "very private words"})
    complete(client, "phq-9", {"q9": 3})

    read_log()

    said = " ".join(str(vars(record)) for record in caplog.records)
    for private in ("very private words", "nonsense-key", "self_harm", "q9", PHQ9.items[8].text):
        assert private not in said
