"""Checks of a person's life in version 2: events, alerts, and that nobody else sees them."""

import time
import uuid
from typing import Any, Final

from config.deployment.client import Failed
from config.deployment.run import Skipped, Visit

EVENTS: Final = "/api/v2/health/events"
ALERT: Final = "support_needed"
ALERT_WITHIN: Final = 5.0
ONLY_SOME: Final = (
    "Health events are on for {percent} percent of the people, and this one is not among them."
    " Run it again for another one."
)


def has_events(visit: Visit) -> None:
    """Which people have them is decided by the flag new_health_events."""
    answer = visit.as_first("GET", "/api/v2/health/timeline")
    percent = visit.server.call("GET", "/api/v2/status").at("status", "health_events_percent")
    if answer.status == 503 and percent != 100:  # noqa: PLR2004
        raise Skipped(ONLY_SOME.format(percent=percent))
    answer.must_be(200)


def records_an_event(visit: Visit) -> None:
    sent = {
        "event_type": "vital",
        "event_data": {"name": "temperature", "value": 36.6, "unit": "Cel", "x": [0, False, None]},
        "client_event_id": f"verify-{uuid.uuid4()}",
    }
    answer = visit.as_first("POST", EVENTS, sent).must_be(201)
    visit.event = {"id": str(answer.at("id")), "sent": sent}
    again = visit.as_first("POST", EVENTS, sent).must_be(200)
    again.must_say("id", value=visit.event["id"])
    other = sent | {"event_data": {"name": "temperature", "value": 40.0, "unit": "Cel"}}
    visit.as_first("POST", EVENTS, other).must_be(409)


def shows_the_timeline(visit: Visit) -> None:
    found = _on_timeline(visit)
    if found.get("event_data") != visit.event["sent"]["event_data"]:
        raise Failed("GET /api/v2/health/timeline: expected the event that was just recorded.")


def corrects_an_event(visit: Visit) -> None:
    path = f"{EVENTS}/{visit.event['id']}"
    version = visit.as_first("GET", path).must_be(200).headers.get("ETag", "")
    data = {"name": "temperature", "value": 37.6, "unit": "Cel"}
    correction = {"event_data": data, "reason": "A check of the deployment."}
    answer = visit.as_first("POST", f"{path}/corrections", correction, If_Match=version)
    answer.must_be(201).must_say("version", value=2).must_say("event_data", "value", value=37.6)
    visit.as_first("POST", f"{path}/corrections", correction, If_Match=version).must_be(412)
    history = visit.as_first("GET", f"{path}?include=history").must_be(200)
    history.must_say("history", 0, "event_data", "value", value=36.6)


def retracts_an_event(visit: Visit) -> None:
    path = f"{EVENTS}/{visit.event['id']}"
    visit.as_first("POST", f"{path}/retractions", {"reason": "The check is over."}).must_be(201)
    if _on_timeline(visit):
        raise Failed("GET /api/v2/health/timeline: expected the retracted event to be gone.")


def sums_up_the_day(visit: Visit) -> None:
    path = f"/api/v2/health/daily-summary?date={visit.today}"
    answer = visit.as_first("GET", path).must_be(200)
    answer.must_say("check_in_completed", value=True).must_say(
        "check_in_id", value=visit.checkin_id
    )


def alerts(visit: Visit) -> None:
    """Of an anxiety of 8 in the check-in; the worker writes it."""
    while True:
        waited = time.monotonic() - visit.checked_in_at
        answer = visit.as_first("GET", "/api/v2/insights").must_be(200)
        for insight in answer.objects("insights"):
            if insight.get("insight_type") == ALERT:
                visit.alert_id = str(insight.get("id"))
                visit.as_first("GET", f"/api/v2/insights/{visit.alert_id}").must_be(200)
                return
        if waited > ALERT_WITHIN:
            raise Failed(
                f"{answer.call}: expected a {ALERT} insight within {ALERT_WITHIN:g} s of a"
                " check-in with anxiety 8; none came. Does a worker run, and does beat?"
            )
        time.sleep(0.2)


def hides_the_checkin(visit: Visit) -> None:
    path = f"/api/checkins/{visit.checkin_id}"
    visit.as_second("GET", path).must_be(404)
    visit.as_second("PUT", path, {"confidence_today": 1}).must_be(404)
    visit.as_second("DELETE", path).must_be(404)
    visit.as_second("GET", "/api/checkins").must_be(200).must_say("count", value=0)


def hides_the_event(visit: Visit) -> None:
    path = f"{EVENTS}/{visit.event['id']}"
    visit.as_second("GET", path).must_be(404)
    reason = {"reason": "A check of the deployment."}
    visit.as_second("POST", f"{path}/retractions", reason).must_be(404)
    answer = visit.as_second("GET", "/api/v2/health/timeline").must_be(200)
    if answer.at("events"):
        raise Failed(f"{answer.call}: expected nothing on the timeline of somebody else.")


def hides_the_insight(visit: Visit) -> None:
    visit.as_second("GET", f"/api/v2/insights/{visit.alert_id}").must_be(404)


def _on_timeline(visit: Visit) -> dict[str, Any]:
    answer = visit.as_first("GET", "/api/v2/health/timeline?event_types=vital").must_be(200)
    found = answer.objects("events")
    return next((event for event in found if event.get("id") == visit.event["id"]), {})
