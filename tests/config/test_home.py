"""The console's home: what needs somebody, and figures of the last weeks, by role."""

import datetime as dt
import re
from typing import Any

import pytest
import redis
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Tenant, User
from audit import sealing
from audit.models import AuditAlert
from config import attention
from core import gate
from documents.failures import Code
from tests.config.home_data import (
    SHADOW,
    make_audit_alert,
    make_days,
    make_everything,
    make_flag_work,
    make_requests,
    make_safety_alert,
    make_violation,
)
from tests.documents.console.filed import ago, make_failed, make_stuck
from tests.factories import make_user
from tests.house.catalog import rows

HOME = "/admin/"
MOST_STATEMENTS = 60


def console_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def superuser(db: None) -> User:
    return make_user(email="super@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def nurse(alice: User) -> User:
    return make_user(tenant=alice.tenant, email="nurse@example.com", is_staff=True)


@pytest.fixture
def helper(alice: User) -> User:
    return make_user(
        tenant=alice.tenant, email="helper@example.com", is_staff=True, is_support=True
    )


@pytest.fixture
def keeping_up(db: None, settings: Any) -> None:
    """The log is sealed, and no other test leaves tasks at the broker."""
    settings.REDIS_URL = f"{settings.REDIS_URL.rpartition('/')[0]}/9"
    sealing.seal()


def home(user: User, **query: Any) -> Any:
    answer: Any = console_of(user).get(HOME, query)
    assert answer.status_code == 200
    return answer


def titles(user: User) -> list[str]:
    return [one.title for one in home(user).context["concerns"]]


def chart_of(user: User, key: str, **query: Any) -> Any:
    return next((one for one in home(user, **query).context["charts"] if one.key == key), None)


# What needs attention


# A superuser sees what other tests have left in other clinics, too.
@pytest.mark.parametrize("who", ["nurse", "helper"])
def test_is_calm_where_nothing_waits(who, request, keeping_up):
    page = home(request.getfixturevalue(who)).content.decode()

    assert "Nothing needs you now." in page
    assert re.search(r"Looked at \w+\.? \d+, \d{4}, \d\d:\d\d:\d\d UTC", page)


def test_names_each_cause_with_number_age_and_queue(nurse, alice):
    for _ in range(3):
        make_failed(alice)
    make_failed(alice, Code.NO_TEXT, failed_at=ago(days=2))
    make_stuck(alice)

    stuck, storage, text = home(nurse).context["concerns"]

    assert [one.severity.word for one in (stuck, storage, text)] == ["Urgent", "Soon", "Note"]
    assert (storage.count, text.count) == (3, 1)
    assert "2 days ago" in text.age.replace("\xa0", " ")
    assert storage.address == "/admin/documents/document/queue/failed/storage_unavailable/"
    assert stuck.address == "/admin/documents/document/queue/stuck/no_worker/"


def test_says_severity_in_words_beside_the_color(nurse, alice):
    make_stuck(alice)

    page = home(nurse).content.decode()

    assert '<span class="severity">Urgent</span>' in page


def test_shows_staff_safety_alerts_that_nobody_has_seen_to(nurse, helper, superuser, alice):
    make_safety_alert(alice)

    assert "Open safety alerts" in titles(nurse)
    assert "Open safety alerts" in titles(superuser)
    assert titles(helper) == []


def test_shows_audit_alerts_of_the_own_clinic(nurse, helper, superuser, alice, charlie):
    # Other tests' committed ones are superusers' business, too.
    AuditAlert.objects.exclude(status="resolved").update(status="resolved")
    make_audit_alert(alice.tenant_id)
    make_audit_alert(charlie.tenant_id)
    make_audit_alert(alice.tenant_id, status="resolved")

    counts = [
        [one.count for one in home(user).context["concerns"] if "audit alerts" in one.title]
        for user in (superuser, nurse, helper)
    ]

    assert counts == [[2], [1], []]


def test_shows_superusers_what_concerns_the_house(superuser, nurse, alice):
    make_flag_work("realtime_progress")
    make_flag_work("supabase_v2_upload", base_version=0)  # The flag was changed since.
    make_violation(alice)
    make_violation(alice, mode=SHADOW)
    make_violation(alice, last_at=ago(days=2))

    found = {one.title: one for one in home(superuser).context["concerns"]}

    assert found["Paused ramps of flags"].count == 2
    assert found["Changes of flags that wait for a second person"].count == 1
    assert found["Requests that limits refused in the last day"].count == 42
    assert "shadow" in found["Requests that limits would have refused in the last day"].detail
    assert titles(nurse) == []


def test_leads_to_pages_that_are_there(superuser, nurse, alice):
    make_flag_work("realtime_progress")
    make_violation(alice)
    make_audit_alert(alice.tenant_id)
    make_failed(alice)

    for user in (superuser, nurse):
        for one in home(user).context["concerns"]:
            answer = console_of(user).get(one.address) if one.address else None
            assert answer is None or answer.status_code == 200, one.title


def test_notices_sums_that_lag_behind(superuser, alice):
    rows(
        "INSERT INTO metric_marks (tenant_id, user_id, local_date, marked_at)"
        " VALUES (%s, %s, '2026-01-01', now() - interval '20 minutes')",
        [alice.tenant_id, alice.pk],
    )

    found = [one for one in home(superuser).context["concerns"] if "sums" in one.title]

    assert [one.severity.word for one in found] == ["Urgent"]
    assert "20" in found[0].age


def test_notices_a_log_that_is_not_sealed(superuser):
    """What made the superuser has left an entry."""
    later = timezone.now() + dt.timedelta(minutes=5)

    found = [one for one in attention.concerns(superuser, later) if "sealed" in one.title]

    assert [one.severity.word for one in found] == ["Soon"]


def test_notices_a_broker_that_is_away(superuser, nurse, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert "The broker does not answer" in titles(superuser)
    assert titles(nurse) == []


def test_notices_tasks_that_no_worker_takes(superuser, keeping_up, settings):
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.rpush("default", *["{}"] * (attention.MANY_TASKS + 1))
        found = titles(superuser)
        client.delete("default")

    assert "Tasks wait, and no worker takes them" in found
    assert "Tasks wait, and no worker takes them" not in titles(superuser)


# Charts


def test_draws_health_figures_of_the_own_clinic(nurse, superuser, alice, charlie):
    today = timezone.now().date()
    make_days(alice.tenant, 10, until=today, event_count=5)
    make_days(charlie.tenant, 10, until=today, event_count=7)

    assert chart_of(nurse, "events").summary == "50 events"
    assert chart_of(superuser, "events").summary == "120 events"


def test_has_no_health_figures_for_support(helper, alice):
    make_days(alice.tenant, 10, until=timezone.now().date())

    assert [one.key for one in home(helper).context["charts"]] == ["documents"]


def test_tells_nought_from_not_there_yet(nurse, alice):
    Tenant.objects.filter(pk=alice.tenant_id).update(created_at=ago(days=9))
    make_days(alice.tenant, 1, until=timezone.now().date() - dt.timedelta(days=4))

    chart = chart_of(nurse, "events")

    values = [bucket.values[0] for bucket in chart.buckets]
    assert values == [None] * 18 + [0] * 5 + [20] + [0] * 4
    page = home(nurse).content.decode()
    assert page.count('class="unknown"') == 3 * 18
    assert "<td>no figure</td>" in page


def test_says_where_there_is_nothing_to_show(superuser):
    page = home(superuser).content.decode()

    assert page.count("No data: there was nothing to count in this time.") == 7
    assert "<svg viewBox" not in page


def test_counts_requests_of_all_routes_together_once(superuser):
    make_requests(24)
    make_requests(24, route="/api/v2/me")

    chart = chart_of(superuser, "requests")

    answered = sum(900 + 7 * (number % 24) for number in range(24))
    assert sum(filter(None, chart.series[0].figures)) == answered
    assert "1 errors" in chart.summary


def test_leaves_a_gap_in_the_latency_where_nothing_was_asked(superuser):
    make_requests(24, gap=range(5, 9))

    chart = chart_of(superuser, "latency", period="24h")

    assert [bucket.is_known for bucket in chart.buckets] == [True] * 15 + [False] * 4 + [True] * 5
    assert chart.lines[0].path.count("M") == 2


@pytest.mark.parametrize(("period", "count"), [("24h", 24), ("4w", 28), ("12w", 84), ("x", 28)])
def test_looks_back_as_far_as_it_is_asked_to(superuser, alice, period, count):
    make_everything(alice)

    assert len(chart_of(superuser, "documents", period=period).buckets) == count


def test_has_the_numbers_beside_each_drawing(superuser, alice):
    make_everything(alice)

    page = home(superuser).content.decode()

    drawings = re.findall(r'<svg [^>]*aria-labelledby="(title-\w+) (desc-\w+)"', page)
    assert len(drawings) == page.count("<summary>The numbers</summary>") == 7
    for title, description in drawings:
        assert f'id="{title}"' in page
        assert f'id="{description}"' in page


# Cost


def test_asks_as_much_of_a_large_house_as_of_a_small_one(superuser, nurse, alice):
    make_everything(alice)
    clients = [console_of(superuser), console_of(nurse)]
    counts = [statements(client) for client in clients]
    make_everything_more(alice)

    assert [statements(client) for client in clients] == counts
    assert counts[0] <= MOST_STATEMENTS


def statements(client: Client) -> int:
    client.get(HOME)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(HOME).status_code == 200
    return len(seen)


def make_everything_more(user: User) -> None:
    for _ in range(20):
        make_failed(user)
        make_stuck(user)
        make_safety_alert(user)
        make_audit_alert(user.tenant_id)
        make_violation(user)


BIG = {
    *("health_events", "user_daily_metrics", "tenant_daily_metrics", "api_traffic_hours"),
    *("document_attempts", "feature_flag_exposures", "audit_logs", "insights", "daily_checkins"),
}


@pytest.mark.parametrize("who", ["superuser", "nurse"])
def test_scans_no_big_table(who, request, alice):
    """With a planner that takes any index it can, what still scans has none."""
    user = request.getfixturevalue(who)
    make_everything(alice)
    client = console_of(user)

    with CaptureQueriesContext(connection) as seen:
        client.get(HOME)
    asked = [one["sql"] for one in seen.captured_queries]
    asked = [
        sql
        for sql in asked
        if sql.lstrip().startswith("SELECT") and not re.search("set_config|django_session", sql)
    ]
    with gate.as_administrator() if user.is_superuser else gate.as_staff(user.tenant_id):
        rows("SET LOCAL enable_seqscan = off")
        plans = [line for sql in asked for (line,) in rows(f"EXPLAIN {sql}")]

    scanned = set(re.findall(r"Seq Scan on (\w+)", "\n".join(plans)))
    assert len(asked) > 10
    assert not scanned & BIG
