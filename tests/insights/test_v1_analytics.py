"""POST /api/analytics/events: what old clients report of their own use is kept."""

from typing import Any

import pytest

from insights.models import AnalyticsEvent

PATH = "/api/analytics/events"


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("data", [{"page": "home", "n": 0, "list": [1.5, None, False]}, {}])
def test_keeps_what_is_reported(as_alice, alice, data):
    sent = {"event_type": "page_view", "event_data": data, "user_id": "somebody else's"}

    answer = as_alice.call("POST", PATH, sent)

    (stored,) = AnalyticsEvent.objects.all()
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "Event tracked successfully",
        "event_id": str(stored.id),
        "event_type": "page_view",
    }
    assert (stored.user_id, stored.tenant_id) == (alice.id, alice.tenant_id)
    assert (stored.event_type, stored.event_data) == ("page_view", data)


@pytest.mark.parametrize("sent", [{}, {"event_data": None}])
def test_needs_no_data(as_alice, sent):
    assert as_alice.call("POST", PATH, {"event_type": "a" * 100, **sent}).status_code == 200
    assert AnalyticsEvent.objects.get().event_data == {}


def test_keeps_what_the_regression_script_sends_beside_the_data(as_alice):
    beside = {"test_timestamp": "2026-11-21T03:04:19Z", "test_data": {"purpose": "check"}}
    sent = {"event_type": "regression_test", **beside, "event_data": {"a": 1}, "email": "b@x.test"}

    assert as_alice.call("POST", PATH, sent).status_code == 200

    assert AnalyticsEvent.objects.get().event_data == {**beside, "a": 1}


def test_holds_64_kb_in_all(as_alice):
    sent = {"event_type": "a", "event_data": {"a": "x" * 40_000}, "b": "x" * 40_000}

    assert as_alice.call("POST", PATH, sent).status_code == 400


@pytest.mark.parametrize(
    ("received", "shown", "kind"),
    [
        ("", "", "string"),
        ("  ", "  ", "string"),
        ("x" * 50_000, "x" * 100, "string"),
        (7, 7, "number"),
        (7.5, 7.5, "number"),
        (True, True, "boolean"),
        (None, None, "undefined"),
        ({"a": 1}, None, "object"),
        (["page_view"], None, "object"),
    ],
)
def test_says_what_is_wrong_with_the_type(as_alice, received, shown, kind):
    answer = as_alice.call("POST", PATH, {"event_type": received})

    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert "event_type" in answer.json()["error"]
    assert answer.json()["details"] == {"received": shown, "type": kind, "valid": False}
    assert not AnalyticsEvent.objects.exists()


@pytest.mark.parametrize(
    "data", ["text", 5, [1], True, {"a": deep(101)}, {"a": "x" * 65_536}], ids=lambda d: str(d)[:9]
)
def test_refuses_data_that_is_no_small_object(as_alice, data):
    answer = as_alice.call("POST", PATH, {"event_type": "page_view", "event_data": data})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith("event_data")
    assert not AnalyticsEvent.objects.exists()


@pytest.mark.parametrize("body", [[], "page_view", None, 5])
def test_needs_an_object(as_alice, body):
    assert as_alice.call("POST", PATH, body).status_code == 400


def test_needs_a_token(db, nobody):
    assert nobody.call("POST", PATH, {"event_type": "page_view"}).status_code == 401
