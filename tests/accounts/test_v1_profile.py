"""/api/users/…: what old clients read and change of their own profile."""

import pytest

from accounts.types import CYCLE_STAGES, MEDICATION_STATUS_OF_STAGE, MEDICATION_STATUSES
from tests.factories import make_user

ME = "/api/users/me"
PROFILE = "/api/users/profile"
SCORES = {"confidence_meds": 2, "confidence_costs": 9, "confidence_overall": 10}
KEYS = {
    *("id", "email", "nickname", "status", "timezone", "confidence_meds", "confidence_costs"),
    *("confidence_overall", "primary_need", "cycle_stage", "cycle_stage_updated"),
    *("top_concern", "medication_status", "medication_status_updated", "onboarding_path"),
    *("baseline_completed", "email_opt_in", "created_at"),
}


def test_is_shown_under_user_and_flat(alice, as_alice):
    user = as_alice.call("GET", ME).json()["user"]
    flat = as_alice.call("GET", PROFILE).json()

    assert user.keys() == KEYS
    assert user["email"] == alice.email
    assert user["status"] == "active"
    assert flat == {**user, "success": True}


@pytest.mark.parametrize("path", [ME, PROFILE])
def test_merges_what_is_sent(as_alice, path):
    first = {"nickname": "Al", "confidence_meds": 1, "transfer_date": "2026-12-01", "cycle_day": 0}
    as_alice.call("PUT", path, first)

    answer = as_alice.call("PUT", path, {"confidence_meds": 7, "cycle_day": None, "new": [1]})

    user = answer.json()["user"]
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    expected = {**first, "confidence_meds": 7, "cycle_day": None, "new": [1]}
    assert {key: user[key] for key in expected} == expected
    assert as_alice.call("GET", ME).json()["user"] == user


@pytest.mark.parametrize("path", [ME, PROFILE])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("confidence_meds", 99),
        ("confidence_costs", 0),
        ("confidence_overall", "5"),
        ("confidence_meds", None),
        ("confidence_meds", 5.5),
        ("nickname", "x" * 51),
        ("timezone", "x"),
        ("timezone", None),
        ("email_opt_in", 1),
        ("baseline_completed", "true"),
        ("cycle_stage", 1),
        ("medication_status", {}),
    ],
)
def test_refuses(as_alice, path, key, value):
    before = as_alice.call("GET", ME).json()

    answer = as_alice.call("PUT", path, {"top_concern": "new", key: value})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == key
    assert as_alice.call("GET", ME).json() == before


@pytest.mark.parametrize(
    "key", ["id", "email", "tenant_id", "user_id", "is_staff", "password", "status", "created_at"]
)
def test_keeps_the_account_as_it_is(alice, as_alice, key):
    before = as_alice.call("GET", ME).json()

    as_alice.call("PUT", ME, {key: "someone@example.com"})

    assert as_alice.call("GET", ME).json() == before
    stored = (alice.email, alice.password, alice.tenant_id, alice.is_staff)
    alice.refresh_from_db()
    assert (alice.email, alice.password, alice.tenant_id, alice.is_staff) == stored


def test_holds_64_kb_of_further_answers_in_all(as_alice):
    first = as_alice.call("PUT", ME, {"a": "x" * 40_000})
    second = as_alice.call("PUT", ME, {"b": "x" * 40_000})

    assert first.status_code == 200
    assert second.status_code == 400
    assert "b" not in as_alice.call("GET", ME).json()["user"]


@pytest.mark.parametrize("depth", [101, 900, 5000])
def test_refuses_what_is_nested_too_deeply(as_alice, depth):
    answer = as_alice.call("PUT", ME, f'{{"x":{"[" * depth}{"]" * depth}}}')

    assert answer.status_code == 400


def test_takes_the_baseline(as_alice):
    answers = {**SCORES, "nickname": "Al", "worst_moment": "waiting", "top_concern": "cost"}

    answer = as_alice.call("PATCH", "/api/users/baseline", answers)

    assert answer.status_code == 200
    assert answer.json()["user"] == answer.json()["data"]
    assert {**answer.json()["user"], **answers} == answer.json()["user"]
    assert answer.json()["user"]["baseline_completed"] is True


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("value", [..., 0, 11, "5", None, True, 5.5, [5]])
def test_needs_three_scores_for_the_baseline(as_alice, score, value):
    answers = {key: told for key, told in {**SCORES, score: value}.items() if told is not ...}

    answer = as_alice.call("PATCH", "/api/users/baseline", answers)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == score
    assert as_alice.call("GET", ME).json()["user"]["baseline_completed"] is False


@pytest.mark.parametrize("stage", CYCLE_STAGES)
def test_moves_to_a_stage(as_alice, stage):
    answer = as_alice.call("PATCH", "/api/users/cycle-stage", {"cycle_stage": stage}).json()

    user = as_alice.call("GET", ME).json()["user"]
    assert answer["cycle_stage"] == user["cycle_stage"] == stage
    assert answer["derived_medication_status"] == MEDICATION_STATUS_OF_STAGE[stage]
    assert answer["cycle_stage_updated"] == user["cycle_stage_updated"] is not None


def test_knows_what_each_stage_says_about_medication():
    assert MEDICATION_STATUS_OF_STAGE == {
        "considering": "not_taking",
        "ivf_prep": "starting_soon",
        "stimulation": "taking",
        "retrieval": "taking",
        "transfer": "taking",
        "tww": "taking",
        "pregnant": "pregnancy_support",
        "between_cycles": "between_cycles",
    }


@pytest.mark.parametrize("status", MEDICATION_STATUSES)
def test_stores_the_medication_status(as_alice, status):
    path = "/api/users/medication-status"
    answer = as_alice.call("PATCH", path, {"medication_status": status}).json()

    user = as_alice.call("GET", ME).json()["user"]
    assert answer["medication_status"] == user["medication_status"] == status
    assert answer["medication_status_updated"] == user["medication_status_updated"] is not None


@pytest.mark.parametrize("key", ["cycle_stage", "medication_status"])
@pytest.mark.parametrize("value", ["stable", "", None, 1, ["taking"], {"a": 1}])
def test_refuses_other_words(as_alice, key, value):
    path = f"/api/users/{key.replace('_', '-')}"

    assert as_alice.call("PATCH", path, {key: value}).status_code == 400
    assert as_alice.call("PATCH", path, {}).status_code == 400
    assert as_alice.call("GET", ME).json()["user"][key] is None


def test_completes_the_onboarding(as_alice):
    answer = as_alice.call("POST", "/api/users/complete-onboarding")

    assert answer.json()["success"] is True
    assert as_alice.call("GET", ME).json()["user"]["baseline_completed"] is True


def test_changes_nobody_elses(as_alice, bob, as_bob, charlie, as_charlie):
    before = [client.call("GET", ME).json() for client in (as_bob, as_charlie)]

    for user_id in (bob.id, charlie.id):
        named = {"id": str(user_id), "user_id": str(user_id), "userId": str(user_id)}
        as_alice.call("PUT", ME, {**named, "email": bob.email, "nickname": "Mallory"})
        as_alice.call("PATCH", "/api/users/baseline", {**named, **SCORES, "nickname": "Mallory"})

    assert [client.call("GET", ME).json() for client in (as_bob, as_charlie)] == before


def test_needs_a_token(db, nobody):
    make_user()

    for method, path in [
        ("GET", ME),
        ("PUT", ME),
        ("GET", PROFILE),
        ("PUT", PROFILE),
        ("PATCH", "/api/users/baseline"),
        ("PATCH", "/api/users/cycle-stage"),
        ("PATCH", "/api/users/medication-status"),
        ("POST", "/api/users/complete-onboarding"),
    ]:
        assert nobody.call(method, path, {}).status_code == 401
