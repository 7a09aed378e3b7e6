"""The insight of the day: one for each person and day, with the newest check-in counted."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.utils import timezone

from accounts.models import User
from core.times import local_date
from insights import tasks
from insights.models import Insight
from tests.conftest import client_of
from tests.factories import make_user
from tests.health.threads import then_close
from tests.insights.log import read_log

FORM = {"mood_today": "hopeful", "confidence_today": 5}
READY = {"baseline_completed": True}


def daily_rows(user: User) -> list[Insight]:
    return list(Insight.objects.filter(user_id=user.id, occasion__startswith="daily:"))


def test_counts_the_check_in_of_a_moment_ago(db):
    client = client_of(make_user(profile=READY))
    day = local_date(timezone.now(), "America/Los_Angeles")

    for number in range(3):
        date = (day - dt.timedelta(days=2 - number)).isoformat()
        client.call("POST", "/api/checkins", FORM | {"date_submitted": date})
        answer = client.call("GET", "/api/insights/daily").json()

        assert answer["analysis_data"]["checkins_analyzed"] == number + 1
        assert answer["analysis_data"]["date_range"] == f"{day - dt.timedelta(days=2)} to {date}"


def test_is_written_by_no_get(db):
    user = make_user(profile=READY)
    client = client_of(user)
    client.call("POST", "/api/checkins", FORM)

    answers = [client.call("GET", "/api/insights/daily").json()["insight"] for _ in range(3)]
    for path in (
        "/api/insights",
        "/api/insights/micro",
        "/api/insights/engagement",
        "/api/v2/insights",
    ):
        assert client.call("GET", path).status_code == 200

    assert len({answer["id"] for answer in answers}) == 1
    assert not Insight.objects.filter(user_id=user.id).exists()


def test_is_one_under_twenty_parallel_requests(committed_db):
    user = make_user(profile=READY)
    client = client_of(user)
    client.call("POST", "/api/checkins", FORM)
    calls: list[tuple[str, str, Any]] = [
        *[("POST", "/api/insights/generate", {})] * 7,
        *[("POST", "/api/v2/insights/generate", {})] * 7,
        *[("GET", "/api/insights/daily", None)] * 6,
    ]

    with ThreadPoolExecutor(20) as pool:
        running = [pool.submit(then_close, partial(client_of(user).call, *call)) for call in calls]
        tasks.write_daily_insights()
        statuses = {task.result().status_code for task in running}

    assert statuses == {200}
    (row,) = daily_rows(user)
    shown = client.call("GET", "/api/insights/daily").json()["insight"]
    assert shown["id"] == str(row.id)
    assert row.data["checkins_analyzed"] == 1


def test_is_written_anew_when_there_is_more_to_say(committed_db):
    user = make_user(profile=READY)
    client = client_of(user)
    day = local_date(timezone.now(), "America/Los_Angeles")
    client.call("POST", "/api/checkins", FORM | {"date_submitted": str(day - dt.timedelta(days=1))})
    read_log()
    (before,) = daily_rows(user)

    client.call("POST", "/api/checkins", FORM)
    read_log()

    (after,) = daily_rows(user)
    assert after.id == before.id
    assert after.created_at == before.created_at
    assert [row.data["checkins_analyzed"] for row in (before, after)] == [1, 2]


def test_comes_after_local_midnight_to_those_who_check_in(committed_db):
    zones = ("Pacific/Kiritimati", "Pacific/Midway")
    people = [make_user(profile=READY | {"timezone": zone}) for zone in zones]
    quiet = make_user(profile=READY)
    for person in people:
        client_of(person).call("POST", "/api/checkins", FORM)

    tasks.write_daily_insights()

    for person, zone in zip(people, zones, strict=True):
        (row,) = daily_rows(person)
        assert row.local_date == local_date(row.created_at, zone)
        assert row.occasion == f"daily:{row.local_date}"
        assert row.trigger_type == "scheduled"
    assert daily_rows(people[0])[0].local_date != daily_rows(people[1])[0].local_date
    assert daily_rows(quiet) == []


def test_wants_the_onboarding_first(db):
    user = make_user(profile={"cycle_stage": "stimulation"})

    answer = client_of(user).call("GET", "/api/insights/daily")

    assert answer.status_code == 403
    assert answer.json()["success"] is False
    assert answer.json()["requires_onboarding_completion"] is True
    assert answer.json()["user_status"] == {
        "onboarding_path": None,
        "baseline_completed": False,
        "has_primary_need": False,
        "has_cycle_stage": True,
    }
