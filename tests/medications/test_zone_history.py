"""The zones that a person has been in: kept whoever changes the profile, in whatever way."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from accounts import queries as people
from accounts.models import TimeZoneChange, UserProfile
from accounts.types import ZonePeriod
from core import gate

LA = "America/Los_Angeles"


def left(user):
    return list(TimeZoneChange.objects.filter(user=user).order_by("until").values_list("time_zone"))


def test_has_one_zone_till_it_is_changed(alice):
    assert people.time_zones(alice.id) == [ZonePeriod(LA, None)]


def test_tells_each_zone_with_its_end(alice, as_alice):
    before = timezone.now()
    for zone in ("Europe/Berlin", "Asia/Tokyo", "Europe/Berlin"):
        assert as_alice.call("PUT", "/api/users/me", {"timezone": zone}).status_code == 200

    with gate.as_person(alice.id):
        found = people.time_zones(alice.id)

    assert [one.time_zone for one in found] == [LA, "Europe/Berlin", "Asia/Tokyo", "Europe/Berlin"]
    ends = [one.until for one in found if one.until]
    assert ends == sorted(ends)
    assert len(ends) == 3
    assert before <= ends[0] <= ends[-1] <= timezone.now()
    assert found[-1].until is None


def test_keeps_nothing_of_other_changes(alice, as_alice):
    as_alice.call("PUT", "/api/users/me", {"top_concern": "sleep", "timezone": LA})

    assert left(alice) == []


@pytest.mark.parametrize("who", ["owner", "sql", "staff"])
def test_is_kept_for_whoever_changes_the_profile(alice, who):
    own = UserProfile.objects.filter(user=alice)

    if who == "owner":
        own.update(timezone="Asia/Tokyo")
    elif who == "sql":
        connection.cursor().execute(
            "UPDATE user_profiles SET timezone = 'Asia/Tokyo' WHERE user_id = %s", [alice.id]
        )
    else:
        with gate.as_staff(alice.tenant_id):
            own.update(timezone="Asia/Tokyo")

    assert left(alice) == [(LA,)]


def test_is_nobody_elses(alice, bob, charlie, as_alice):
    as_alice.call("PUT", "/api/users/me", {"timezone": "Asia/Tokyo"})

    for other in (bob, charlie):
        with gate.as_person(other.id):
            assert people.time_zones(alice.id) == []
            assert [one.time_zone for one in people.time_zones(other.id)] == [LA]


def test_moves_no_dose_that_was_due_before(as_alice):
    body = {
        "medication_name": "Estradiol",
        "times_of_day": ["08:00"],
        "effective_from": "2026-01-01T00:00:00Z",
        "start_date": "2026-01-01",
    }
    as_alice.call("POST", "/api/v2/medications", body)
    day = timezone.now().date() - dt.timedelta(days=10)
    window = f"/api/v2/medications/schedule?from={day}&to={day}"
    before = as_alice.call("GET", window).json()

    as_alice.call("PUT", "/api/users/me", {"timezone": "Asia/Tokyo"})

    assert len(before["slots"]) == 1
    assert as_alice.call("GET", window).json() == before
