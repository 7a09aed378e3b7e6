"""Completing a questionnaire: one event, scored by the server."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from assessments.instruments import PHQ9
from assessments.models import AssessmentResponse
from health.models import HealthEvent
from tests.assessments.answers import complete, make_definition, summing_to
from tests.conftest import client_of
from tests.factories import make_tenant, make_user
from tests.health.threads import at_once

PHQ9_SCORED = PHQ9.scored
ANSWERS = {"feeling_nervous": 2, "stop_worrying": 1, "little_interest": 3, "feeling_down": 3}


def events_of(user: Any) -> list[HealthEvent]:
    return list(HealthEvent.objects.filter(user_id=user.id, event_type="assessment"))


@pytest.mark.parametrize("name", ["phq-4", "phq4", "PHQ-4", "Phq_4"])
@pytest.mark.parametrize("root", ["/api/v2/assessments", "/api/assessments"])
def test_records_one_event_with_its_scores(root, name, alice, as_alice):
    answer = as_alice.call("POST", f"{root}/{name}/complete", {"answers": ANSWERS})

    (event,) = events_of(alice)
    said = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == said["event_href"]
    assert as_alice.call("GET", said["event_href"]).json()["id"] == said["event_id"]
    assert (event.event_subtype, event.source, event.schema_version) == ("phq4", "assessment", 2)
    assert event.event_data == ANSWERS | {
        "total_score": 9,
        "anxiety_score": 3,
        "depression_score": 6,
        "severity": "severe",
        "instrument": "phq4",
        "instrument_version": "1",
        "is_complete": True,
        "loinc": {
            "panel": "69724-3",
            "total": "70272-0",
            "items": {
                "feeling_nervous": "69725-0",
                "stop_worrying": "68509-9",
                "little_interest": "44250-9",
                "feeling_down": "44255-8",
            },
        },
    }


def test_answers_with_words_and_codes(as_alice):
    said = complete(as_alice, "phq-9", summing_to("phq9", 15) | {"difficulty": 2}).json()

    assert (said["total_score"], said["total_loinc"], said["loinc"]) == (15, "44261-6", "44249-1")
    assert said["band"] == {
        "severity": "moderately_severe",
        "text": "Moderately severe",
        "loinc": "LA6711-1",
    }
    assert said["answers"][0] == {
        "link_id": "little_interest",
        "loinc": "44250-9",
        "value": 3,
        "text": "Nearly every day",
        "answer_loinc": "LA6571-9",
    }
    assert said["answers"][-1]["text"] == "Very difficult"
    assert (said["is_complete"], said["note"], said["safety"]) == (True, None, None)


def test_says_that_answers_are_missing_instead_of_making_them_up(alice, as_alice):
    said = complete(as_alice, "gad-7", {"q1": 3, "q2": None}).json()

    (event,) = events_of(alice)
    assert (said["total_score"], said["band"], said["severity"]) == (None, None, None)
    assert said["is_complete"] is False
    assert len(said["missing"]) == 6
    assert "6 of 7 questions have no answer" in said["note"]
    assert event.event_data["total_score"] is None
    assert event.event_data["stop_worrying"] is None


def test_has_a_calm_word_for_who_may_not_be_safe(as_alice):
    said = complete(as_alice, "phq9", {"q9": 1}).json()

    assert said["safety"]["items"] == ["self_harm_thoughts"]
    assert "emergency number" in " ".join(said["safety"]["what_to_do"])
    assert not any(letter.isdigit() for letter in str(said["safety"]["what_to_do"]))
    assert complete(as_alice, "phq9", {"q9": 0}).json()["safety"] is None


def test_offers_what_the_screen_points_to(as_alice):
    anxious = complete(as_alice, "phq4", {"q1": 3, "q2": 0, "q3": 1, "q4": 1}).json()
    calm = complete(as_alice, "phq4", {"q1": 1, "q2": 1, "q3": 1, "q4": 1}).json()

    assert anxious["offered"] == ["gad7"]
    assert calm["offered"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/answers"),
        ({"answers": {}}, "/answers"),
        ({"answers": []}, "/answers"),
        ({"answers": {"q1": True}}, "/answers/q1"),
        ({"answers": {"q1": 1}, "score": 3}, "/score"),
        ({"answers": {"q1": 1}, "completed_at": "yesterday"}, "/completed_at"),
        ({"answers": {"q1": 1}, "completed_at": "2999-01-01T00:00:00Z"}, "/completed_at"),
        ({"answers": {"q1": 1}, "started_at": "2999-01-01T00:00:00Z"}, "/started_at"),
        ({"answers": {"q1": 1}, "started_at": 5}, "/started_at"),
        ({"answers": {"q1": 1}, "time_zone": "Mars/Base"}, "/time_zone"),
        (
            {
                "answers": {"q1": 1},
                "started_at": "2026-01-02T00:00:00Z",
                "completed_at": "2026-01-01T00:00:00Z",
            },
            "/started_at",
        ),
    ],
)
def test_names_what_it_refuses(body, pointer, alice, as_alice):
    refused = as_alice.call("POST", "/api/v2/assessments/phq4/complete", body)

    assert refused.status_code == 400, refused.content
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]
    assert events_of(alice) == []


@pytest.mark.parametrize("name", ["mmpi", "phq", "phq44", "..", "%00", "sleep_quality", "due"])
def test_does_not_know_other_names(name, as_alice):
    assert complete(as_alice, name, {"q1": 1}).status_code == 404


def test_counts_for_the_day_where_the_person_was(alice, as_alice):
    done = complete(
        as_alice,
        "phq4",
        ANSWERS,
        started_at="2026-03-01T05:50:00Z",
        completed_at="2026-03-01T06:00:00Z",
        time_zone="America/Los_Angeles",
    )

    (event,) = events_of(alice)
    assert done.json()["local_date"] == "2026-02-28"
    assert event.local_date == dt.date(2026, 2, 28)
    assert done.json()["started_at"] == "2026-03-01T05:50:00Z"


@pytest.mark.parametrize("key", ["client_event_id", "Idempotency_Key"])
def test_is_harmless_when_it_is_repeated(key, alice, as_alice):
    first = complete(as_alice, "phq4", ANSWERS, **{key: "once"})
    again = complete(as_alice, "phq4", ANSWERS, **{key: "once"})
    other = complete(as_alice, "phq4", ANSWERS | {"feeling_down": 0}, **{key: "once"})

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert other.json()["code"] == "client-event-id-reused"
    assert len(events_of(alice)) == 1


def test_is_done_once_by_two_at_once_with_one_key(committed_db):
    user = make_user()

    answers = at_once(
        *[lambda: complete(client_of(user), "phq4", ANSWERS, client_event_id="once")] * 4
    )

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["event_id"] for answer in answers}) == 1
    assert len(events_of(user)) == 1


def test_is_done_twice_by_two_at_once_without_one(committed_db):
    user = make_user()

    answers = at_once(*[lambda: complete(client_of(user), "phq4", ANSWERS)] * 2)

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len(events_of(user)) == 2


@pytest.mark.parametrize("path", ["/api/v2/health/events", "/api/health-events"])
def test_cannot_be_forged_as_an_event(path, as_alice):
    forged = {
        "event_type": "assessment",
        "event_subtype": "phq4",
        "event_data": {"total_score": 0, "severity": "none"},
        "source": "assessment",
    }

    one = as_alice.call("POST", path, forged)
    batch = as_alice.call("POST", "/api/v2/health/events/batch", {"events": [forged]})

    assert one.status_code == 400
    assert one.json()["errors"][0]["pointer"] == "/source"
    assert "/events/0/source" in batch.content.decode()
    assert AssessmentResponse.objects.count() == 0


def test_is_retracted_but_not_corrected(alice, as_alice):
    event = complete(as_alice, "phq4", ANSWERS).json()["event_href"]

    correction = {"event_data": {"total_score": 0}, "reason": "too high"}
    corrected = as_alice.call("POST", f"{event}/corrections", correction)
    assert (corrected.status_code, corrected.json()["code"]) == (409, "written-by-server")
    assert "again, or retract" in corrected.json()["detail"]

    retracted = as_alice.call("POST", f"{event}/retractions", {"reason": "not mine"})
    assert retracted.status_code == 201
    assert as_alice.call("GET", "/api/v2/assessments/phq4/responses").json()["responses"] == []


def test_waits_while_events_are_off(settings, alice, as_alice):
    settings.USE_SCHEMA_V2 = False

    paths = ("", "/due", "/phq4", "/phq4/responses")
    answers = [as_alice.call("GET", f"/api/v2/assessments{path}") for path in paths]

    assert complete(as_alice, "phq4", ANSWERS).status_code == 503
    assert [answer.status_code for answer in answers] == [503] * 4


# History


def test_shows_what_was_answered_page_by_page(alice, as_alice):
    for day in range(1, 6):
        answers = dict.fromkeys(ANSWERS, day % 4)
        complete(as_alice, "phq4", answers, completed_at=f"2026-01-0{day}T12:00:00Z")
    complete(as_alice, "gad7", {"q1": 1})
    raw = {"event_type": "assessment", "event_subtype": "phq4", "event_data": {"total_score": 3}}
    as_alice.call("POST", "/api/v2/health/events", raw)

    pages, cursor = [], ""
    while cursor is not None:
        path = f"/api/v2/assessments/phq-4/responses?limit=2{cursor and f'&cursor={cursor}'}"
        page = as_alice.call("GET", path).json()
        pages.append(page["responses"])
        cursor = page["next"]

    assert [len(page) for page in pages] == [2, 2, 1]
    every = [row for page in pages for row in page]
    assert [row["scores"]["total_score"] for row in every] == [4, 0, 12, 8, 4]
    assert every[0]["responses"] == dict.fromkeys(ANSWERS, 1)
    assert every[0]["assessment_name"] == "phq4"
    assert every[0]["assessment_version"] == "1"
    assert every[0]["id"] == every[0]["health_event_id"]


def test_is_a_row_of_the_view_of_the_old_names(alice, as_alice):
    before = timezone.now()
    complete(as_alice, "phq9", {"q1": 2, "q9": 1}, started_at="2026-01-01T00:00:00+01:00")

    row = AssessmentResponse.objects.get(user_id=alice.id)

    assert row.tenant_id == alice.tenant_id
    assert (row.responses["little_interest"], row.responses["self_harm_thoughts"]) == (2, 1)
    assert set(row.responses) == {item.link_id for item in PHQ9_SCORED}
    assert row.scores == {"total_score": None, "severity": None, "is_complete": False}
    assert row.started_at == dt.datetime(2025, 12, 31, 23, tzinfo=dt.UTC)
    assert row.completed_at >= before


def test_refuses_unknown_parameters_and_cursors(as_alice):
    for query in ("cursor=nonsense", "limit=0", "limit=101", "user_id=1"):
        answer = as_alice.call("GET", f"/api/v2/assessments/phq4/responses?{query}")
        assert answer.status_code == 400


def test_is_seen_by_nobody_else(alice, as_alice, as_bob, as_charlie):
    done = complete(as_alice, "phq4", ANSWERS).json()

    for other in (as_bob, as_charlie):
        assert other.call("GET", done["event_href"]).status_code == 404
        assert other.call("GET", "/api/v2/assessments/phq4/responses").json()["responses"] == []
        listed = other.call("GET", "/api/v2/assessments").json()["assessments"]
        assert all(each["last"] is None for each in listed)


# A clinic's own


def test_scores_a_clinics_own_questionnaire(alice, as_alice):
    make_definition(alice.tenant)

    answers = {"hard_to_fall_asleep": 5, "q2": 2, "felt_unsafe": 0, "hours": 1}
    said = complete(as_alice, "sleep-quality", answers).json()

    (event,) = events_of(alice)
    assert (said["type"], said["version"], said["total_score"]) == ("sleep_quality", "1", 7)
    assert said["band"]["text"] == "Worth a talk"
    assert said["sub_scores"][0]["score"] == 7
    assert said["next_due_at"] is None
    assert event.event_subtype == "sleep_quality"
    assert event.event_data["sub_scores"] == {"night": 7}
    row = AssessmentResponse.objects.get(user_id=alice.id)
    assert row.responses == {
        "hard_to_fall_asleep": 5, "woke_up_early": 2, "felt_unsafe": 0, "hours": 1,
    }  # fmt: skip


@pytest.mark.parametrize("value", [1, 3, 4, 6])
def test_takes_only_the_weights_of_its_options(value, alice, as_alice):
    make_definition(alice.tenant)

    refused = complete(as_alice, "sleep_quality", {"woke_up_early": value})

    assert refused.status_code == 400
    assert "must be 0, 2 or 5" in refused.json()["detail"]


def test_asks_the_version_that_was_chosen(alice, as_alice):
    make_definition(alice.tenant)
    complete(as_alice, "sleep_quality", {"q1": 2})
    make_definition(alice.tenant, title="Sleep, again")
    complete(as_alice, "sleep_quality", {"q1": 2})

    listed = as_alice.call("GET", "/api/v2/assessments").json()["assessments"]
    rows = as_alice.call("GET", "/api/v2/assessments/sleep_quality/responses").json()["responses"]

    assert [each["title"] for each in listed] == ["PHQ-4", "PHQ-9", "GAD-7", "Sleep, again"]
    assert [row["assessment_version"] for row in rows] == ["2", "1"]


def test_is_asked_of_its_own_clinics_people_alone(alice, as_alice, as_bob, as_charlie):
    make_definition(alice.tenant)
    make_definition(make_tenant(), name="other_one")

    assert complete(as_bob, "sleep_quality", {"q1": 2}).status_code == 201
    for client in (as_alice, as_bob, as_charlie):
        assert complete(client, "other_one", {"q1": 2}).status_code == 404
    assert complete(as_charlie, "sleep_quality", {"q1": 2}).status_code == 404
    assert as_charlie.call("GET", "/api/v2/assessments/sleep_quality").status_code == 404


def test_is_not_asked_before_somebody_chooses_it(alice, as_alice):
    make_definition(alice.tenant, is_active=False)

    assert complete(as_alice, "sleep_quality", {"q1": 2}).status_code == 404


# Reading


def test_shows_the_last_whole_answer(alice, as_alice):
    whole = complete(as_alice, "gad7", summing_to("gad7", 11)).json()
    complete(as_alice, "gad7", {"q1": 3})

    listed = as_alice.call("GET", "/api/v2/assessments").json()["assessments"]

    last = next(each["last"] for each in listed if each["type"] == "gad7")
    assert (last["event_id"], last["total_score"]) == (whole["event_id"], 11)
    assert last["severity"] == "moderate"


@pytest.mark.parametrize("path", ["", "/phq-9", "/due"])
def test_is_read_again_only_where_it_changed(path, alice, as_alice):
    first = as_alice.call("GET", f"/api/v2/assessments{path}")
    again = as_alice.call("GET", f"/api/v2/assessments{path}", If_None_Match=first.headers["ETag"])

    assert (first.status_code, again.status_code) == (200, 304)


def test_shows_a_questionnaire_in_full(as_alice):
    said = as_alice.call("GET", "/api/v2/assessments/PHQ-9").json()

    assert len(said["items"]) == 10
    assert said["items"][8]["loinc"] == "44260-8"
    assert said["items"][0]["options"][0]["loinc"] == "LA6568-5"
    assert said["highest_total"] == 27
    assert "Pfizer" in said["credit"]
