"""Browsers of the known web clients may call the API; others may not."""

import pytest

PREVIEW = "https://novara-4f9a-novara-fertility.vercel.app"


def preflight(client, origin):
    return client.call(
        "OPTIONS",
        "/api/checkins",
        origin=origin,
        access_control_request_method="POST",
        access_control_request_headers="content-type,authorization",
    )


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://localhost:5173", PREVIEW])
def test_lets_known_origins_in(nobody, origin):
    response = preflight(nobody, origin)

    assert response.status_code == 204
    assert response["Access-Control-Allow-Origin"] == origin
    assert response["Access-Control-Allow-Credentials"] == "true"
    assert "authorization" in response["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("origin", ["https://evil.vercel.app", f"{PREVIEW}.evil.example"])
def test_gives_others_no_leave_and_no_error(nobody, origin):
    response = preflight(nobody, origin)

    assert response.status_code == 204
    assert "Access-Control-Allow-Origin" not in response
