"""manage.py seed_demo: what a first look at an installation finds."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F, Min
from django.test import Client
from django.utils import timezone

from accounts.models import User
from core import times
from health.checkins import ALWAYS_SHOWN
from health.management import demo
from health.models import DailyCheckin, HealthEvent
from tests.conftest import ApiClient, client_of
from tests.factories import make_user


def seed(**options: Any) -> str:
    out = StringIO()
    call_command("seed_demo", stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def counts() -> tuple[int, int, int]:
    return User.objects.count(), DailyCheckin.objects.count(), HealthEvent.objects.count()


def test_adds_people_of_two_tenants_with_ninety_days_of_real_history(db):
    said = seed()

    for member in demo.CAST:
        user = User.objects.select_related("tenant", "profile").get(email=member.email)
        rows = DailyCheckin.objects.filter(user=user)
        today = times.local_date(timezone.now(), member.zone)
        assert user.tenant.slug == member.tenant
        assert user.profile.timezone == member.zone
        assert 60 < rows.count() < demo.DAYS
        assert (today - rows.earliest("date_submitted").date_submitted).days in range(85, 90)
        assert (today - rows.latest("date_submitted").date_submitted).days in range(3)
        assert all(
            times.local_date(row.created_at, member.zone) == row.date_submitted for row in rows
        )
    assert {member.zone for member in demo.CAST} == {
        "Pacific/Auckland",
        "Europe/Berlin",
        "America/Los_Angeles",
    }
    assert DailyCheckin.objects.filter(deleted_at__isnull=False).count() == 1
    assert DailyCheckin.objects.filter(revision__gt=1, deleted_at=None).count() > 5
    assert not DailyCheckin.objects.filter(revision__gt=F("events_revision")).exists()
    assert {"sleep", "exercise", "vital", "appointment", "medication", "treatment"} <= set(
        HealthEvent.objects.filter(source="demo").values_list("event_type", flat=True)
    )
    first = HealthEvent.objects.filter(source="checkin").aggregate(at=Min("recorded_at"))["at"]
    assert (timezone.now() - first).days >= 80
    assert demo.PASSWORD in said


def test_uses_every_field_of_the_form(db):
    seed()

    told: set[str] = set()
    for member in demo.CAST:
        client = client_of(User.objects.get(email=member.email))
        for entry in client.call("GET", "/api/checkins?limit=90").json()["records"]:
            told |= {name for name, value in entry["fields"].items() if value is not None}
    # The last two are of old forms; the demo's people use the present one.
    assert set(ALWAYS_SHOWN) - told == {"physical_symptoms", "symptom_severity"}


def test_changes_nothing_the_second_time(db):
    seed()
    before = counts()

    said = seed()

    assert "nothing was changed" in said
    assert demo.PASSWORD in said
    assert counts() == before


def test_leaves_an_installation_with_people_alone(db):
    make_user()

    said = seed()

    assert "no demo was added" in said
    assert demo.PASSWORD not in said
    assert counts() == (1, 0, 0)


def test_gives_log_ins_that_work(db):
    make_user()
    said = seed(yes=True)

    emails = re.findall(r"\S+@\S+", said)
    assert len(emails) == len(demo.CAST) + 2
    for email in emails:
        words = {"email": email, "password": demo.PASSWORD}
        assert ApiClient().call("POST", "/api/v2/auth/login", words).status_code == 200
    for email in (demo.ADMIN, demo.STAFF):
        sent = {"username": email, "password": demo.PASSWORD, "next": "/admin/"}
        assert Client().post("/admin/login/", sent).status_code == 302


@pytest.mark.parametrize("has_events", [True, False])
def test_works_in_both_storage_modes(db, settings, has_events):
    settings.USE_SCHEMA_V2 = has_events

    seed()

    assert DailyCheckin.objects.count() > 400
    assert HealthEvent.objects.exists() == has_events
