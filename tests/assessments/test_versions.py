"""Versions of a clinic's own questionnaire: what was answered stays what it was, and readable."""

import copy
from typing import Any

import pytest

from assessments import services
from assessments.models import AssessmentDefinition
from core.errors import InvalidInput
from health.models import HealthEvent
from tests.assessments.answers import SLEEP, complete, make_definition
from tests.conftest import ApiClient

WHOLE = {"hard_to_fall_asleep": 5, "woke_up_early": 2, "felt_unsafe": 0}
# Two of the three questions of SLEEP; a total of 7 says something else here.
SHORTER: dict[str, Any] = copy.deepcopy(SLEEP) | {
    "questions": SLEEP["questions"][:2],
    "bands": [
        {"low": 0, "high": 7, "severity": "none", "text": "Fine"},
        {"low": 8, "high": 10, "severity": "mild", "text": "Not fine"},
    ],
    "safety": [],
}


def last_of(client: ApiClient, name: str) -> Any:
    listed = client.call("GET", "/api/v2/assessments").json()["assessments"]
    return next(each["last"] for each in listed if each["type"] == name)


def responses(client: ApiClient, name: str) -> Any:
    return client.call("GET", f"/api/v2/assessments/{name}/responses")


def test_show_the_last_result_as_it_was_scored(alice, as_alice):
    make_definition(alice.tenant)
    done = complete(as_alice, "sleep_quality", WHOLE | {"felt_unsafe": 5}).json()

    make_definition(alice.tenant, content=SHORTER)

    last = last_of(as_alice, "sleep_quality")
    assert (last["event_id"], last["version"]) == (done["event_id"], "1")
    assert (last["total_score"], last["severity"]) == (12, "severe")


def test_do_not_make_an_answer_whole_that_was_not(alice, as_alice):
    make_definition(alice.tenant)
    complete(as_alice, "sleep_quality", {"hard_to_fall_asleep": 5, "woke_up_early": 2})

    make_definition(alice.tenant, content=SHORTER)

    assert last_of(as_alice, "sleep_quality") is None


def test_are_answered_as_they_were_shown(alice, as_alice):
    make_definition(alice.tenant)
    make_definition(alice.tenant, content=SHORTER)

    said = complete(as_alice, "sleep_quality", WHOLE, version="1")
    refused = complete(as_alice, "sleep_quality", WHOLE)

    assert (said.status_code, refused.status_code) == (201, 400)
    assert (said.json()["version"], said.json()["severity"]) == ("1", "severe")
    event = HealthEvent.objects.get(user_id=alice.id, event_type="assessment")
    assert event.event_data["instrument_version"] == "1"


@pytest.mark.parametrize("name", ["sleep_quality", "phq9"])
@pytest.mark.parametrize("version", ["3", "0", "01", "999999999"])
def test_that_do_not_exist_are_unknown(name, version, alice, as_alice):
    make_definition(alice.tenant)

    answered = complete(as_alice, name, {"q1": 0}, version=version)
    read = as_alice.call("GET", f"/api/v2/assessments/{name}?version={version}")

    assert (answered.status_code, read.status_code) == (404, 404)
    assert f"version {version}" in answered.json()["detail"]


@pytest.mark.parametrize("version", ["one", "", "-1", "1.0", "9" * 30])
def test_are_numbers(version, as_alice):
    refused = complete(as_alice, "phq9", {"q1": 0}, version=version)

    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/version"


def test_that_are_built_in_can_be_named(as_alice):
    said = complete(as_alice, "phq-9", {"q1": 0}, version="1")

    assert (said.status_code, said.json()["version"]) == (201, "1")
    assert as_alice.call("GET", "/api/v2/assessments/phq9?version=1").status_code == 200


def test_do_not_change_what_a_repeated_call_is_answered(alice, as_alice):
    make_definition(alice.tenant)
    first = complete(as_alice, "sleep_quality", WHOLE, client_event_id="once")
    rebanded = copy.deepcopy(SLEEP)
    rebanded["bands"] = [{"low": 0, "high": 15, "severity": "none", "text": "Fine"}]
    make_definition(alice.tenant, content=rebanded)

    again = complete(as_alice, "sleep_quality", WHOLE, client_event_id="once")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


def test_that_were_named_differ_under_one_client_event_id(alice, as_alice):
    make_definition(alice.tenant)
    make_definition(alice.tenant)
    complete(as_alice, "sleep_quality", WHOLE, client_event_id="once", version="1")

    other = complete(as_alice, "sleep_quality", WHOLE, client_event_id="once", version="2")

    assert (other.status_code, other.json()["code"]) == (409, "client-event-id-reused")


# Not asked any more


@pytest.fixture
def stopped(alice: Any, as_alice: ApiClient) -> AssessmentDefinition:
    row = make_definition(alice.tenant)
    assert complete(as_alice, "sleep_quality", WHOLE).status_code == 201
    services.deactivate(definition=row)
    return row


def test_leave_past_answers_readable_when_nobody_is_asked_any_more(stopped, as_alice):
    (row,) = responses(as_alice, "Sleep-Quality").json()["responses"]
    shown = as_alice.call("GET", row["definition_href"])

    assert row["scores"]["total_score"] == 7
    assert row["definition_href"] == "/api/v2/assessments/sleep_quality?version=1"
    assert shown.status_code == 200
    assert [item["link_id"] for item in shown.json()["items"]][:2] == list(WHOLE)[:2]


def test_are_not_offered_when_they_are_not_asked_any_more(stopped, as_alice):
    listed = as_alice.call("GET", "/api/v2/assessments").json()["assessments"]

    assert [each["type"] for each in listed] == ["phq4", "phq9", "gad7"]
    assert as_alice.call("GET", "/api/v2/assessments/sleep_quality").status_code == 404
    assert complete(as_alice, "sleep_quality", WHOLE).status_code == 404


def test_take_an_answer_that_was_on_its_way_when_they_were_stopped(stopped, as_alice):
    late = complete(as_alice, "sleep_quality", WHOLE, version="1")

    assert late.status_code == 201
    assert len(responses(as_alice, "sleep_quality").json()["responses"]) == 2


def test_are_unknown_to_who_never_answered_and_to_other_clinics(stopped, as_bob, as_charlie):
    for other in (as_bob, as_charlie):
        assert responses(other, "sleep_quality").status_code == 404
    assert as_charlie.call("GET", "/api/v2/assessments/sleep_quality?version=1").status_code == 404
    assert complete(as_charlie, "sleep_quality", WHOLE, version="1").status_code == 404


def test_of_built_in_questionnaires_have_an_address_too(as_alice):
    complete(as_alice, "gad-7", {"q1": 1})

    (row,) = responses(as_alice, "gad7").json()["responses"]

    assert row["definition_href"] == "/api/v2/assessments/gad7?version=1"
    assert as_alice.call("GET", row["definition_href"]).json()["title"] == "GAD-7"


# Names


@pytest.mark.parametrize("name", ["sleepquality", "sleep__quality", "sleep_quality_"])
def test_have_names_that_differ_by_more_than_underscores(name, alice, charlie):
    make_definition(alice.tenant)

    with pytest.raises(InvalidInput) as refused:
        make_definition(alice.tenant, name=name)

    assert refused.value.errors[0].pointer == "/name"
    assert "sleep_quality" in refused.value.detail
    assert make_definition(charlie.tenant, name=name).version == 1


def test_of_names_that_are_nearly_one_are_not_mixed(alice, as_alice):
    """A clinic may have made both before that was refused."""
    make_definition(alice.tenant)
    twin = AssessmentDefinition.objects.create(
        tenant=alice.tenant, name="sleepquality", version=1, title="Twin", content=SLEEP,
        is_active=True,
    )  # fmt: skip
    mine = complete(as_alice, "sleep_quality", WHOLE).json()
    theirs = complete(as_alice, "sleepquality", WHOLE | {"woke_up_early": 5}).json()

    assert last_of(as_alice, "sleep_quality")["event_id"] == mine["event_id"]
    assert last_of(as_alice, "sleepquality")["event_id"] == theirs["event_id"]
    assert make_definition(alice.tenant, name=twin.name).version == 2


@pytest.mark.parametrize("subtype", ["Sleep-Quality", "sleep quality", "SLEEP_QUALITY"])
def test_count_what_any_client_recorded_under_their_name(subtype, alice, as_alice):
    make_definition(alice.tenant)
    raw = {
        "event_type": "assessment",
        "event_subtype": subtype,
        "event_data": WHOLE | {"felt_unsafe": 2},
    }
    assert as_alice.call("POST", "/api/v2/health/events", raw).status_code == 201

    last = last_of(as_alice, "sleep_quality")

    assert (last["total_score"], last["severity"], last["version"]) == (9, "severe", None)
