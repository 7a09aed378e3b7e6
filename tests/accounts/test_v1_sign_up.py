"""POST /api/users and /api/auth/signup, as the old clients call them."""

import pytest
from django.utils import timezone

from accounts.models import User, UserProfile
from tests.conftest import ApiClient

PATHS = ("/api/users", "/api/auth/signup")
KEYS = {
    *("id", "email", "nickname", "confidence_meds", "confidence_costs", "confidence_overall"),
    *("primary_need", "cycle_stage", "top_concern", "timezone", "email_opt_in"),
    *("baseline_completed", "onboarding_path", "created_at"),
}
SCORES = {"confidence_meds": 3, "confidence_costs": 1, "confidence_overall": 10}
WHOLE = {
    "email": "ann@example.com",
    "nickname": "Ann",
    "primary_need": "emotional_support",
    "cycle_stage": "stimulation",
    **SCORES,
}


def me(answer):
    client = ApiClient(headers={"authorization": f"Bearer {answer.json()['token']}"})
    return client.call("GET", "/api/users/me").json()["user"]


@pytest.mark.parametrize("path", PATHS)
def test_gives_a_token_and_the_person(db, nobody, path):
    answer = nobody.call("POST", path, {"email": "  Ann@Example.COM "})

    user = answer.json()["user"]
    assert answer.status_code == 201
    assert answer.json().keys() == {"success", "token", "user", "message"}
    assert user.keys() == KEYS
    assert user["email"] == "ann@example.com"
    assert user["nickname"] == "ann"
    assert [user[score] for score in SCORES] == [5, 5, 5]
    assert user["timezone"] == "America/Los_Angeles"
    assert user["email_opt_in"] is True
    assert user["baseline_completed"] is False
    assert me(answer)["id"] == user["id"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "email"),
        ({"email": None}, "email"),
        ({"email": ""}, "email"),
        ({"email": 7}, "email"),
        ({"email": ["ann@example.com"]}, "email"),
        ({"email": "ann"}, "email"),
        ({"email": "ann@"}, "email"),
        ({"email": "ann smith@example.com"}, "email"),
        ({"email": "a" * 243 + "@example.com"}, "email"),
        ({"email": "ann@example.com", "nickname": "n" * 51}, "nickname"),
        ({"email": "ann@example.com", "nickname": 5}, "nickname"),
        ({"email": "ann@example.com", "timezone": "Mars/Olympus"}, "timezone"),
        ({"email": "ann@example.com", "timezone": "../../etc/passwd"}, "timezone"),
        ({"email": "ann@example.com", "confidence_meds": 11}, "confidence_meds"),
        ({"email": "ann@example.com", "confidence_meds": True}, "confidence_meds"),
        ({"email": "ann@example.com", "email_opt_in": "yes"}, "email_opt_in"),
        ({"email": "ann@example.com", "primary_need": 5}, "primary_need"),
        ({"email": "ann@example.com", "top_concern": "x" * 10_001}, "top_concern"),
        ({"email": "ann@example.com", "password": "short"}, "password"),
        ({"email": "ann@example.com", "password": 12345678}, "password"),
        ({"email": "ann@example.com", "password": "aB3$" * 300}, "password"),
        ([], "body"),
        ("ann@example.com", "body"),
    ],
)
def test_names_what_is_wrong(db, nobody, body, word):
    answer = nobody.call("POST", "/api/users", body)

    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert answer.json()["errors"][0]["field"] == word
    assert not User.objects.exists()


def test_takes_the_longest_address_and_nickname(db, nobody):
    email = "a" * 60 + "@" + ".".join(["b" * 60] * 3) + ".example"

    answer = nobody.call("POST", "/api/users", {"email": email, "nickname": "n" * 50})

    assert len(email) <= 254
    assert answer.status_code == 201
    assert me(answer)["nickname"] == "n" * 50


@pytest.mark.parametrize("email", ["alice@example.com", " ALICE@example.com"])
def test_says_that_an_address_already_exists(alice, nobody, email):
    answer = nobody.call("POST", "/api/users", {"email": email, "nickname": "Mallory"})

    assert answer.status_code == 409
    assert "already exists" in answer.json()["error"]
    assert "token" not in answer.json()
    assert UserProfile.objects.get(user=alice).nickname == "Alex"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("primary_need", "egg_quality"),
        ("cycle_stage", "stable"),
        ("medication_status", "taking_meds"),
        ("top_concern", ""),
        ("email_opt_in", False),
        ("baseline_completed", True),
        ("timezone", "Europe/Berlin"),
        ("confidence_costs", 1),
        ("onboarding_path", "control"),
        ("onboarding_path", "test"),
        ("firstName", "Ann"),
        ("worst_moment", {"when": [1, 2.5, None, False, ""], "said": "é 🌱"}),
        ("partner_support", 0),
        ("extra", {"extra": {}}),
    ],
)
def test_keeps(db, nobody, key, value):
    answer = nobody.call("POST", "/api/users", {"email": "ann@example.com", key: value})

    assert answer.status_code == 201
    assert me(answer)[key] == value
    assert type(me(answer)[key]) is type(value)


@pytest.mark.parametrize("path", ["other", "", None, 5])
def test_keeps_no_other_onboarding_path(db, nobody, path):
    answer = nobody.call(
        "POST", "/api/users", {"email": "ann@example.com", "onboarding_path": path}
    )

    assert answer.status_code == 201
    assert me(answer)["onboarding_path"] is None


@pytest.mark.parametrize(
    ("missing", "completed"),
    [
        (None, True),
        ("nickname", False),
        ("primary_need", False),
        ("cycle_stage", False),
        ("confidence_meds", False),
        ("confidence_costs", False),
        ("confidence_overall", False),
    ],
)
def test_derives_whether_the_baseline_is_complete(db, nobody, missing, completed):
    body = {key: value for key, value in WHOLE.items() if key != missing}

    answer = nobody.call("POST", "/api/users", body)

    assert answer.json()["user"]["baseline_completed"] is completed


def test_believes_what_is_said_about_the_baseline(db, nobody):
    answer = nobody.call("POST", "/api/users", {**WHOLE, "baseline_completed": False})

    assert answer.json()["user"]["baseline_completed"] is False


@pytest.mark.parametrize(
    ("sent", "shown"), [("", "User"), (None, "ann"), ("  Ann ", "Ann"), ("   ", "ann")]
)
def test_makes_a_nickname(db, nobody, sent, shown):
    answer = nobody.call("POST", "/api/users", {"email": "ann@example.com", "nickname": sent})

    assert answer.json()["user"]["nickname"] == shown


@pytest.mark.parametrize(
    "key", ["id", "tenant_id", "is_staff", "is_superuser", "is_active", "created_at", "status"]
)
def test_lets_nobody_choose(db, nobody, charlie, key):
    value = str(charlie.tenant_id) if key == "tenant_id" else "1"

    answer = nobody.call("POST", "/api/users", {"email": "ann@example.com", key: value})

    user = User.objects.get(email="ann@example.com")
    assert answer.status_code == 201
    assert user.tenant.slug == "novara"
    assert not user.is_staff
    assert not user.is_superuser
    assert user.is_active
    assert (timezone.now() - user.created_at).total_seconds() < 60
    assert me(answer).get(key) != value


def test_keeps_64_kb_of_further_answers_and_no_more(db, nobody):
    fits = nobody.call("POST", "/api/users", {"email": "a@example.com", "x": "y" * 65_000})
    exceeds = nobody.call("POST", "/api/users", {"email": "b@example.com", "x": "y" * 66_000})

    assert len(me(fits)["x"]) == 65_000
    assert exceeds.status_code == 400
    assert "64 KB" in exceeds.json()["error"]


@pytest.mark.parametrize("depth", [101, 900, 5000])
def test_refuses_what_is_nested_too_deeply(db, nobody, depth):
    body = f'{{"email":"a@example.com","x":{"[" * depth}{"]" * depth}}}'

    answer = nobody.call("POST", "/api/users", body)

    assert answer.status_code == 400
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["x", "12345678", "password123", "", 5, None])
def test_takes_any_password_for_none_while_none_is_needed(db, nobody, settings, password):
    settings.LEGACY_PASSWORDLESS_LOGIN = True

    answer = nobody.call("POST", "/api/users", {"email": "a@example.com", "password": password})

    assert answer.status_code == 201
    assert not User.objects.get(email="a@example.com").has_usable_password()


@pytest.mark.parametrize("is_passwordless", [True, False])
def test_keeps_a_good_password(db, nobody, settings, is_passwordless):
    settings.LEGACY_PASSWORDLESS_LOGIN = is_passwordless
    body = {"email": "a@example.com", "password": "quite-long-7"}

    answer = nobody.call("POST", "/api/users", body)

    assert User.objects.get(email="a@example.com").check_password("quite-long-7")
    assert "password" not in me(answer)
