"""/api/checkins as the clients of both old servers know it."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User, UserProfile
from tests.conftest import ApiClient
from tests.health.forms import FULL

CHECKINS = "/api/checkins"
ENHANCED = "/api/daily-checkin-enhanced"
FORM = {"mood_today": "hopeful", "confidence_today": 7}


def submit(client: ApiClient, path: str = CHECKINS, **changes: Any) -> dict[str, Any]:
    response = client.call("POST", path, FORM | changes)
    assert response.status_code == 201, response.content
    answer: dict[str, Any] = response.json()
    return answer


def test_answers_a_new_check_in_with_what_was_sent(as_alice, alice):
    answer = submit(as_alice, date_submitted="2025-05-05", sleep_hours=7)

    assert answer["success"] is True
    assert answer["message"]
    checkin = answer["checkin"]
    assert checkin.pop("created_at")
    assert uuid.UUID(checkin.pop("id"))
    assert checkin == FORM | {
        "user_id": str(alice.id),
        "date_submitted": "2025-05-05",
        "sleep_hours": 7,
    }
    assert "sentiment_analysis" not in answer


def test_lists_check_ins_under_both_names_flat_and_under_fields(as_alice, alice):
    checkin_id = submit(as_alice, date_submitted="2025-05-05")["checkin"]["id"]

    page = as_alice.call("GET", CHECKINS).json()

    assert page["success"] is True
    assert page["count"] == 1
    assert page["records"] == page["checkins"]
    (element,) = page["records"]
    fields = element.pop("fields")
    assert element == fields
    stated = {"id": checkin_id, "user_id": str(alice.id), "date_submitted": "2025-05-05"}
    assert fields.items() >= (stated | FORM).items()
    assert {*FULL, "physical_symptoms", "symptom_severity", "created_at"} <= fields.keys()
    assert all(fields[name] is None for name in FULL if name not in FORM)


def test_lists_the_newest_thirty_first(as_alice):
    for day in [*range(31, 0, -2), *range(30, 0, -2)]:
        submit(as_alice, date_submitted=f"2025-05-{day:02}")

    days = [
        element["date_submitted"] for element in as_alice.call("GET", CHECKINS).json()["records"]
    ]
    three = as_alice.call("GET", f"{CHECKINS}?limit=3").json()

    assert days == [f"2025-05-{day:02}" for day in range(31, 1, -1)]
    assert [element["date_submitted"] for element in three["checkins"]] == days[:3]
    assert three["count"] == 3


def test_shows_one_check_in_and_ones_own_by_user_id(as_alice, alice):
    checkin_id = submit(as_alice)["checkin"]["id"]
    (listed,) = as_alice.call("GET", CHECKINS).json()["records"]

    one = as_alice.call("GET", f"{CHECKINS}/{checkin_id}").json()
    own = as_alice.call("GET", f"{CHECKINS}/user/{alice.id}").json()

    assert one == {"success": True, "checkin": listed}
    assert own == {"success": True, "records": [listed], "count": 1}


def test_tells_whether_the_person_checked_in_today(as_alice):
    before = as_alice.call("GET", f"{CHECKINS}/today")
    checkin_id = submit(as_alice)["checkin"]["id"]
    after = as_alice.call("GET", f"{CHECKINS}/today")

    assert (before.json()["hasCheckedIn"], before.json()["checkin"]) == (False, None)
    assert b'"hasCheckedIn":true' in after.content
    assert after.json()["checkin"]["id"] == checkin_id


def test_takes_the_day_of_a_client_that_is_a_zone_ahead_for_today(as_alice):
    as_alice.call("PUT", "/api/users/me", {"timezone": "Etc/GMT+12"})
    furthest = timezone.now() + dt.timedelta(hours=14)
    checkin_id = submit(as_alice, date_submitted=str(furthest.date()))["checkin"]["id"]

    answer = as_alice.call("GET", f"{CHECKINS}/today").json()

    assert (answer["hasCheckedIn"], answer["checkin"]["id"]) == (True, checkin_id)


def test_gives_the_last_values_in_the_keys_of_both_servers(as_alice):
    scores = {"confidence_meds": 2, "confidence_costs": 3, "confidence_overall": 4}
    as_alice.call("PUT", "/api/users/me", scores)
    empty = as_alice.call("GET", f"{CHECKINS}/last-values").json()
    submit(as_alice, date_submitted="2025-05-05", user_note="older", cycle_day=3)
    submit(as_alice, date_submitted="2025-05-06", user_note="newer")

    answer = as_alice.call("GET", f"{CHECKINS}/last-values").json()

    assert (empty["success"], empty["hasValues"]) == (True, False)
    assert empty["message"]
    assert empty["lastValues"] is None
    assert empty["last_values"] == {
        "confidence_today": 4,
        "medication_confidence_today": 2,
        "financial_stress_today": 3,
        "journey_readiness_today": 4,
        "last_checkin_date": None,
    }
    assert (answer["success"], answer["hasValues"]) == (True, True)
    assert answer["lastValues"] == answer["last_values"]
    values = answer["lastValues"]
    assert (values["user_note"], values["last_checkin_date"]) == ("newer", "2025-05-06")
    assert type(values["days_since_last_checkin"]) is int
    asked = (
        "mood_today confidence_today medication_taken primary_concern_today user_note"
        " journey_reflection_today medication_confidence_today medication_readiness_today"
        " financial_confidence_today journey_confidence_today symptom_tracking cycle_day"
        " financial_stress_today journey_readiness_today"
    )
    assert set(asked.split()) <= values.keys()
    assert values["cycle_day"] is None


def test_counts_no_days_since_a_check_in_of_today(as_alice):
    submit(as_alice)

    values = as_alice.call("GET", f"{CHECKINS}/last-values").json()["lastValues"]

    assert values["days_since_last_checkin"] == 0


PATHS: tuple[tuple[str, str, Any], ...] = (
    ("POST", CHECKINS, FORM),
    ("POST", CHECKINS, {}),
    ("GET", CHECKINS, None),
    ("GET", f"{CHECKINS}?limit=abc", None),
    ("GET", f"{CHECKINS}/last-values", None),
    ("GET", f"{CHECKINS}/today", None),
    ("GET", f"{CHECKINS}/{uuid.UUID(int=7)}", None),
    ("POST", ENHANCED, FORM),
)


@pytest.mark.parametrize(("method", "path", "body"), PATHS)
def test_is_compact_json_and_says_that_the_version_ends(as_alice, method, path, body):
    response = as_alice.call(method, path, body)

    assert response.headers["Content-Type"].startswith("application/json")
    assert b'": ' not in response.content
    assert b'", ' not in response.content
    assert response.content.startswith(b'{"success":')
    assert response.headers["Deprecation"].startswith("@")
    assert response.headers["Sunset"].endswith("GMT")


@pytest.mark.parametrize("path", [CHECKINS, ENHANCED])
def test_refuses_a_second_check_in_of_a_day(as_alice, path):
    first = submit(as_alice, date_submitted="2025-05-05")["checkin"]

    response = as_alice.call(
        "POST", path, FORM | {"mood_today": "x", "date_submitted": "2025-05-05"}
    )

    assert response.status_code == 409
    answer = response.json()
    assert answer["success"] is False
    assert "already submitted" in answer["error"]
    assert answer["existing_checkin"] == FORM | {"id": first["id"], "date_submitted": "2025-05-05"}


def test_finds_a_day_behind_more_than_a_hundred_newer_ones(as_alice):
    first = submit(as_alice, date_submitted="2024-01-01")["checkin"]
    for month in range(1, 6):
        for day in range(1, 22):
            submit(as_alice, date_submitted=f"2025-{month:02}-{day:02}")

    response = as_alice.call("POST", CHECKINS, FORM | {"date_submitted": "2024-01-01"})

    assert response.status_code == 409
    assert response.json()["existing_checkin"]["id"] == first["id"]


def test_takes_the_id_of_the_answer_everywhere(as_alice):
    path = f"{CHECKINS}/{submit(as_alice)['checkin']['id']}"

    changed = as_alice.call("PUT", path, {"user_note": "later"})
    deleted = as_alice.call("DELETE", path)
    again = as_alice.call("DELETE", path)

    assert changed.status_code == 200
    assert changed.json()["success"] is True
    assert changed.json()["message"]
    assert changed.json()["checkin"]["fields"]["user_note"] == "later"
    assert deleted.status_code == 200
    assert deleted.json().keys() == {"success", "message"}
    assert [again.status_code, again.json()["success"]] == [404, False]
    for method, body in (("GET", None), ("PUT", {"user_note": "x"})):
        assert as_alice.call(method, path, body).status_code == 404


def test_frees_the_day_of_a_deleted_check_in(as_alice):
    first = submit(as_alice)["checkin"]["id"]
    as_alice.call("DELETE", f"{CHECKINS}/{first}")

    second = submit(as_alice, mood_today="tired")["checkin"]["id"]

    assert second != first
    assert [one["id"] for one in as_alice.call("GET", CHECKINS).json()["records"]] == [second]


def test_moves_a_check_in_to_a_day_that_is_free(as_alice):
    first = submit(as_alice, date_submitted="2025-05-05")["checkin"]["id"]
    taken = submit(as_alice, date_submitted="2025-05-06")["checkin"]["id"]

    refused = as_alice.call("PUT", f"{CHECKINS}/{first}", {"date_submitted": "2025-05-06"})
    moved = as_alice.call("PUT", f"{CHECKINS}/{first}", {"date_submitted": "2025-05-07"})

    assert refused.status_code == 409
    assert refused.json()["existing_checkin"]["id"] == taken
    assert moved.json()["checkin"]["date_submitted"] == "2025-05-07"
    timeline = as_alice.call("GET", "/api/v2/health/timeline").json()["events"]
    days = {event["correlation_id"]: event["local_date"] for event in timeline}
    assert days == {first: "2025-05-07", taken: "2025-05-06"}


@pytest.mark.parametrize("sent", ["7", " 7 ", 7.0, "07"])
def test_takes_a_confidence_in_digits_for_the_number(as_alice, sent):
    checkin = submit(as_alice, confidence_today=sent)["checkin"]

    assert checkin["confidence_today"] == 7
    assert type(checkin["confidence_today"]) is int


def test_takes_moods_in_place_of_the_mood(as_alice):
    response = as_alice.call(
        "POST", CHECKINS, {"moods": ["tired", "hopeful"], "confidence_today": 4}
    )

    checkin = response.json()["checkin"]
    assert response.status_code == 201
    assert (checkin["mood_today"], checkin["moods"]) == ("tired,hopeful", ["tired", "hopeful"])


@pytest.mark.parametrize("moods", [[], [5], "tired", None, {}])
def test_refuses_moods_that_are_none(as_alice, moods):
    response = as_alice.call("POST", CHECKINS, {"moods": moods, "confidence_today": 4})

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "mood_today"


@pytest.mark.parametrize("word", ["positive", "negative"])
def test_sums_up_the_sentiment(as_alice, word):
    sentiment = {"sentiment": word, "confidence": 0.91, "scores": {"positive": 1.0}}

    answer = submit(as_alice, sentiment_analysis=sentiment)

    assert answer["checkin"]["sentiment_analysis"] == sentiment
    assert answer["sentiment_analysis"] == {
        "sentiment": word,
        "confidence": 0.91,
        "celebration_triggered": word == "positive",
    }


def test_greets_a_positive_sentiment_otherwise(as_alice, as_bob):
    glad = submit(as_alice, sentiment_analysis={"sentiment": "positive"})["message"]

    assert glad != submit(as_bob, sentiment_analysis={"sentiment": "neutral"})["message"]


@pytest.mark.parametrize("sentiment", [None, "positive", [], {}, {"sentiment": ["x"]}, 5])
def test_takes_any_sentiment(as_alice, sentiment):
    assert (
        submit(as_alice, sentiment_analysis=sentiment)["checkin"]["sentiment_analysis"] == sentiment
    )


def stage(user: User) -> str | None:
    return UserProfile.objects.get(user=user).cycle_stage


def test_moves_the_person_to_the_stage_that_the_long_form_names(as_alice, alice):
    checkin = submit(as_alice, ENHANCED, cycle_stage_update="stimulation")["checkin"]

    assert checkin["cycle_stage_update"] == "stimulation"
    assert stage(alice) == "stimulation"


@pytest.mark.parametrize("update", ["no_change", "unheard of", None, 5, ["tww"]])
def test_leaves_the_stage_when_the_long_form_names_none(as_alice, alice, update):
    before = stage(alice)

    checkin = submit(as_alice, ENHANCED, cycle_stage_update=update)["checkin"]

    assert checkin["cycle_stage_update"] == update
    assert stage(alice) == before


def test_leaves_the_stage_when_the_long_form_is_refused(as_alice, alice):
    before = stage(alice)
    submit(as_alice)

    response = as_alice.call("POST", ENHANCED, FORM | {"cycle_stage_update": "tww"})

    assert response.status_code == 409
    assert stage(alice) == before


def test_never_takes_the_id_or_the_time_from_the_client(as_alice, alice):
    named: dict[str, Any] = {
        "id": str(uuid.UUID(int=7)),
        "user_id": str(uuid.UUID(int=8)),
        "email": "else@example.com",
        "created_at": "2001-01-01T00:00:00Z",
        "updated_at": "2001-01-01T00:00:00Z",
        "fields": {"user_note": "x"},
    }

    checkin = submit(as_alice, **named)["checkin"]
    path = f"{CHECKINS}/{checkin['id']}"
    as_alice.call("PUT", path, named)

    one = as_alice.call("GET", path).json()["checkin"]
    assert checkin["user_id"] == one["user_id"] == str(alice.id)
    assert one["id"] == checkin["id"] != named["id"]
    assert one["created_at"] == checkin["created_at"] != named["created_at"]
    assert "email" not in one
    assert one["user_note"] is None


def test_takes_its_own_element_back_as_an_update(as_alice):
    as_alice.call("POST", CHECKINS, FULL)
    (element,) = as_alice.call("GET", CHECKINS).json()["records"]

    response = as_alice.call("PUT", f"{CHECKINS}/{element['id']}", element)

    assert response.status_code == 200
    assert as_alice.call("GET", CHECKINS).json()["records"] == [element]


def test_keeps_the_word_no(as_alice):
    for word in ("no", "partial", "not_applicable", "not tracked", False, True):
        checkin = submit(as_alice, medication_taken=word)["checkin"]

        shown = as_alice.call("GET", f"{CHECKINS}/{checkin['id']}").json()["checkin"]
        assert shown["medication_taken"] is word or shown["medication_taken"] == word
        assert type(shown["medication_taken"]) is type(word)
        as_alice.call("DELETE", f"{CHECKINS}/{checkin['id']}")
