"""A person's first week: an old client checks in, and a V2 client reads and adds to the record."""

from typing import Any

from django.test import Client

from tests.conftest import ApiClient
from tests.health.forms import FULL


def signed_up(nobody: ApiClient, email: str) -> ApiClient:
    body = {
        "email": email,
        "nickname": "Robin",
        "password": "a good long word",
        "cycle_stage": "ivf_prep",
    }
    response = nobody.call("POST", "/api/auth/signup", body)
    assert response.status_code == 201, response.content
    return ApiClient(headers={"authorization": f"Bearer {response.json()['token']}"})


def events(client: ApiClient, query: str = "") -> list[dict[str, Any]]:
    page = client.call("GET", f"/api/v2/health/timeline{query}").json()
    found: list[dict[str, Any]] = page["events"]
    return found


def test_leads_from_sign_up_to_a_corrected_record(db, nobody):
    client = signed_up(nobody, "robin@example.com")

    ids = []
    for day in range(1, 8):
        form = FULL | {"date_submitted": f"2025-05-{day:02}", "confidence_today": day}
        ids.append(client.call("POST", "/api/checkins", form).json()["checkin"]["id"])
    assert len(events(client)) == 7 * 6

    client.call("PUT", f"/api/checkins/{ids[2]}", {"medication_taken": "yes", "missed_doses": None})
    client.call("DELETE", f"/api/checkins/{ids[3]}")
    assert len(events(client)) == 6 * 6
    doses = events(client, "?event_types=medication&start_date=2025-05-03&end_date=2025-05-03")
    assert [dose["event_data"] for dose in doses] == [{"reported": "yes", "missed_doses": None}]

    temperature = {"name": "temperature", "value": 36.6, "unit": "Cel"}
    vital = client.call(
        "POST",
        "/api/v2/health/events",
        {
            "event_type": "vital",
            "event_data": temperature,
            "occurred_at": "2025-05-08T07:00:00-07:00",
        },
    ).json()
    corrected = client.call(
        "POST",
        f"/api/v2/health/events/{vital['id']}/corrections",
        {"event_data": temperature | {"value": 37.6}, "reason": "misread"},
        If_Match=f'"{vital["version_id"]}"',
    )
    assert corrected.status_code == 201
    assert events(client)[0]["event_data"]["value"] == 37.6

    own = client.call(
        "POST",
        f"/api/v2/health/events/{doses[0]['id']}/corrections",
        {"event_data": {"reported": "no"}, "reason": "slip"},
    )
    assert (own.status_code, own.json()["code"]) == (409, "part-of-check-in")
    assert own.json()["check_in_id"] == ids[2]

    summary = client.call("GET", "/api/v2/health/daily-summary?date=2025-05-03").json()
    assert summary["check_in_id"] == ids[2]
    assert (summary["confidence"], summary["medication_taken"]) == (3, "yes")
    assert summary["event_counts"]["medication"] == 1


def test_survives_a_roll_back_and_a_second_start(db, nobody, settings):
    client = signed_up(nobody, "sam@example.com")
    path = "/api/checkins"
    first = client.call("POST", path, FULL | {"date_submitted": "2025-05-01"}).json()["checkin"]
    before = client.call("GET", path).json()["records"]

    settings.USE_SCHEMA_V2 = False
    assert client.call("GET", path).json()["records"] == before
    client.call("PUT", f"{path}/{first['id']}", {"user_note": "during"})
    client.call("POST", path, FULL | {"date_submitted": "2025-05-02"})
    during = client.call("GET", path).json()["records"]
    assert client.call("GET", "/api/v2/health/timeline").status_code == 503

    settings.USE_SCHEMA_V2 = True
    assert client.call("GET", path).json()["records"] == during
    assert len(events(client)) == 12
    client.call("PUT", f"{path}/{first['id']}", {"user_note": "after"})
    after = client.call("GET", path).json()["records"]

    settings.USE_SCHEMA_V2 = False
    assert client.call("GET", path).json()["records"] == after
    assert after[1]["user_note"] == "after"


def test_needs_no_cookie(db, nobody):
    client = signed_up(nobody, "kim@example.com")
    client.call("POST", "/api/checkins", FULL)

    assert isinstance(client, Client)
    assert not client.cookies
