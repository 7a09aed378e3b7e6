"""People with made-up histories, through the API's own doors."""

import datetime as dt
import random
from typing import Any

from tests.conftest import ApiClient

EVENTS = "/api/v2/health/events"
MOODS = ("hopeful", "Anxious", "calm", "tired, hopeful", "very tough", "hopeful,  Hopeful", "meh")
SYMPTOMS = ("Headache", "headache", "Nausea", "hot  flashes", "", "Hot flashes")
TRIGGERS = ("Work", "work", "Family")
ZONES = ("America/Los_Angeles", "Europe/Berlin", "Pacific/Auckland", "UTC")


def record(
    client: ApiClient, event_type: str, data: dict[str, Any], at: str, **changes: Any
) -> Any:
    body = {"event_type": event_type, "event_data": data, "occurred_at": at} | changes
    response = client.call("POST", EVENTS, body)
    assert response.status_code == 201, response.content
    return response.json()


def live(client: ApiClient, chance: random.Random, *, first: dt.date, days: int, most: int) -> None:
    """Record up to `most` events a day on some of the days; correct and retract a few."""
    events = [
        event(chance, first + dt.timedelta(days=number))
        for number in range(days)
        if chance.random() < 0.8
        for _ in range(chance.randint(1, most))
    ]
    recorded = []
    for start in range(0, len(events), 500):
        response = client.call("POST", f"{EVENTS}/batch", {"events": events[start : start + 500]})
        assert response.status_code == 200, response.content
        recorded += [result["id"] for result in response.json()["results"]]
    for event_id, sent in zip(recorded, events, strict=True):
        lot = chance.random()
        if lot < 0.03:
            retract(client, event_id)
        elif lot < 0.06:
            moved = first + dt.timedelta(days=chance.randrange(days))
            correct(client, event_id, data_of(chance, sent["event_type"]), moved)
    for number in range(0, days, 7):
        check_in(client, chance, first + dt.timedelta(days=number))


def event(chance: random.Random, day: dt.date) -> dict[str, Any]:
    kind = chance.choice(
        ("mood", "mood", "medication", "symptom", "assessment", "sleep", "exercise", "note")
    )
    at = f"{day}T{chance.randrange(24):02}:{chance.randrange(60):02}:00"
    changes = (
        {"occurred_at": f"{at}Z", "time_zone": chance.choice(ZONES)}
        if chance.random() < 0.3
        else {"occurred_at": f"{at}-08:00"}
    )
    subtype = chance.choice(("phq4", "PHQ-4", "gad7")) if kind == "assessment" else None
    sent = {"event_type": kind, "event_data": data_of(chance, kind), **changes}
    return sent | ({"event_subtype": subtype} if subtype else {})


def data_of(chance: random.Random, kind: str) -> dict[str, Any]:
    ten = lambda: chance.choice((None, *range(1, 11)))  # noqa: E731
    tenth = lambda: chance.choice((None, chance.randrange(0, 101) / 10))  # noqa: E731
    some = lambda words: chance.choices(words, k=chance.randrange(4))  # noqa: E731
    made: dict[str, dict[str, Any]] = {
        "mood": {
            "mood": chance.choice(MOODS),
            "confidence": ten(),
            "anxiety_level": ten(),
            "triggers": some(TRIGGERS),
        },
        "medication": {
            "status": chance.choice(("taken", "taken", "missed", "skipped", "partial", None)),
            "missed_doses": chance.choice((None, 0, 2)),
        },
        "symptom": {
            "symptoms": some(SYMPTOMS),
            "severity": tenth(),
            "triggers": some(TRIGGERS),
        },
        "assessment": {"total_score": chance.choice((None, *range(13)))},
        "sleep": {"hours": tenth(), "quality": ten()},
        "exercise": {"minutes": tenth()},
        "note": {"text": "a few words", "triggers": some(TRIGGERS)},
    }
    kept = {
        key: value for key, value in made[kind].items() if key == "mood" or chance.random() < 0.8
    }
    return kept or made[kind]


def correct(client: ApiClient, event_id: str, data: dict[str, Any], day: dt.date) -> None:
    body = {"event_data": data, "reason": "a slip", "occurred_at": f"{day}T12:00:00-08:00"}
    response = client.call("POST", f"{EVENTS}/{event_id}/corrections", body)
    assert response.status_code == 201, response.content


def retract(client: ApiClient, event_id: str) -> None:
    response = client.call("POST", f"{EVENTS}/{event_id}/retractions", {"reason": "not mine"})
    assert response.status_code == 201, response.content


def check_in(client: ApiClient, chance: random.Random, day: dt.date) -> None:
    form = {
        "mood_today": chance.choice(MOODS),
        "confidence_today": chance.randint(1, 10),
        "anxiety_level": chance.randint(1, 10),
        "medication_taken": chance.choice(("yes", "no", "partial", "not tracked")),
        "missed_doses": chance.randrange(3),
        "side_effects": chance.sample(SYMPTOMS, k=2),
        "phq4_score": chance.randrange(13),
        "date_submitted": day.isoformat(),
    }
    response = client.call("POST", "/api/checkins", form)
    assert response.status_code == 201, response.content


def timeline(client: ApiClient, first: dt.date, last: dt.date) -> list[dict[str, Any]]:
    """All events that hold, oldest first."""
    found, cursor = [], ""
    path = f"/api/v2/health/timeline?start_date={first}&end_date={last}&limit=200"
    while True:
        page = client.call("GET", path + cursor).json()
        found += page["events"]
        if not page["next"]:
            return sorted(found, key=lambda event: (instant(event), event["version_id"]))
        cursor = f"&cursor={page['next']}"


def instant(event: dict[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(event["occurred_at"])
