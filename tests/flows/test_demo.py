"""manage.py seed_demo: what a first look at an installation finds."""

import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import F, Min
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import User
from config.management import demo
from core import times
from health.checkins import ALWAYS_SHOWN
from health.models import DailyCheckin, HealthEvent
from tests.conftest import ApiClient, client_of
from tests.factories import make_user

EMAILS = [member.email for member in demo.CAST]


def seed(**options: Any) -> str:
    out = StringIO()
    call_command("seed_demo", stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def counts() -> tuple[int, int, int]:
    return User.objects.count(), DailyCheckin.objects.count(), HealthEvent.objects.count()


@pytest.fixture(scope="module")
def demo_said(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """Seed once for the tests that look at the demo; gone at the end of this file."""
    fast = override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
    with django_db_blocker.unblock(), transaction.atomic():
        with fast:
            said = seed(yes=True)
        yield said
        transaction.set_rollback(True)


def test_leaves_an_installation_with_people_alone(db):
    make_user()
    before = counts()

    said = seed()

    assert "no demo was added" in said
    assert demo.PASSWORD not in said
    assert counts() == before


def test_works_while_events_are_off(db, settings):
    settings.USE_SCHEMA_V2 = False

    seed(yes=True)

    assert DailyCheckin.objects.filter(user__email__in=EMAILS).count() > 400
    assert not HealthEvent.objects.filter(user__email__in=EMAILS).exists()


@pytest.mark.parametrize("member", demo.CAST, ids=lambda member: member.nickname)
def test_gives_everybody_ninety_local_days(demo_said, member):
    user = User.objects.select_related("tenant", "profile").get(email=member.email)
    rows = DailyCheckin.objects.filter(user=user)
    today = times.local_date(timezone.now(), member.zone)

    assert (user.tenant.slug, user.profile.timezone) == (member.tenant, member.zone)
    assert 60 < rows.count() < demo.DAYS
    assert (today - rows.earliest("date_submitted").date_submitted).days in range(80, 91)
    assert (today - rows.latest("date_submitted").date_submitted).days in range(5)
    assert all(times.local_date(row.created_at, member.zone) == row.date_submitted for row in rows)


def test_has_what_a_real_history_has(demo_said):
    rows = DailyCheckin.objects.filter(user__email__in=EMAILS)
    events = HealthEvent.objects.filter(user__email__in=EMAILS)

    assert {member.tenant for member in demo.CAST} == {demo.HOUSE, demo.CLINIC}
    assert len({member.zone for member in demo.CAST}) == 3
    assert rows.filter(deleted_at__isnull=False).count() == 1
    assert rows.filter(revision__gt=1, deleted_at=None).count() > 5
    assert not rows.filter(revision__gt=F("events_revision")).exists()
    assert {"sleep", "exercise", "vital", "appointment", "medication", "treatment"} <= set(
        events.filter(source="demo").values_list("event_type", flat=True)
    )
    assert {"corrected", "entered-in-error"} <= set(
        events.filter(source="demo").values_list("status", flat=True)
    )
    first = events.filter(source="checkin").aggregate(at=Min("recorded_at"))["at"]
    assert (timezone.now() - first).days >= 80


def test_uses_every_field_of_the_form(demo_said):
    told: set[str] = set()
    for email in EMAILS:
        client = client_of(User.objects.get(email=email))
        for entry in client.call("GET", "/api/checkins?limit=90").json()["records"]:
            told |= {name for name, value in entry["fields"].items() if value is not None}

    # These two are of an old form; the demo's people use the present one.
    assert set(ALWAYS_SHOWN) - told == {"physical_symptoms", "symptom_severity"}


@pytest.mark.parametrize("member", demo.CAST, ids=lambda member: member.nickname)
def test_gives_everybody_medications_and_what_became_of_the_doses(demo_said, member):
    client = client_of(User.objects.get(email=member.email))
    window = f"from={demo.days_of(member, timezone.now())[-20]}"

    overall = client.call("GET", f"/api/v2/medications/adherence?{window}").json()["overall"]

    assert len(client.call("GET", "/api/v2/medications").json()["medications"]) == 3
    assert overall["scheduled"] >= 50
    assert 60 < float(overall["rate"]) < 100
    assert overall["extra"] == 0


def test_has_who_should_not_be_left_alone(demo_said):
    strained = [member for member in demo.CAST if demo.answers_of(member)]
    answered = HealthEvent.objects.filter(event_subtype="phq9", user__email__in=EMAILS)

    assert {event.user.email for event in answered} == {member.email for member in strained}
    assert sum(member.strain >= 7 for member in strained) == 1


def test_changes_nothing_the_second_time(demo_said):
    before = counts()

    said = seed()

    assert "nothing was changed" in said
    assert demo.PASSWORD in said
    assert counts() == before


def test_gives_log_ins_that_work(demo_said):
    emails = re.findall(r"\S+@\S+", demo_said)

    assert len(emails) == len(demo.CAST) + 2
    for email in emails:
        words = {"email": email, "password": demo.PASSWORD}
        assert ApiClient().call("POST", "/api/v2/auth/login", words).status_code == 200
    for email in (demo.ADMIN, demo.STAFF):
        sent = {"username": email, "password": demo.PASSWORD, "next": "/admin/"}
        assert Client().post("/admin/login/", sent).status_code == 302
