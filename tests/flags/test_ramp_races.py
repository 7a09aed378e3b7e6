"""Workers, people and crashes at the same time: each step is taken once, and none is lost."""

import datetime as dt
import uuid
from collections.abc import Iterator

import msgspec
import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from config.dev.processes import wait_until
from flags import services
from flags.allocation import resize
from flags.models import (
    FeatureFlag,
    FeatureFlagChangeRequest,
    FeatureFlagRamp,
    FeatureFlagVersion,
    FlagRuleSet,
)
from flags.services import approving, ramping
from flags.services.ramping import RampStep
from flags.types import Definition
from tests.health.threads import Beside

ALICE, BOB = services.Actor("alice@example.com"), services.Actor("bob@example.com")
NOW = timezone.now()


@pytest.fixture
def key(committed_db: None) -> Iterator[str]:
    made = f"race-{uuid.uuid4().hex[:12]}"
    services.create_flag(
        definition=Definition(key=made, salt=made, is_enabled=True), actor=ALICE, now=NOW
    )
    yield made
    FeatureFlagRamp.objects.filter(flag_name=made).delete()
    FeatureFlagChangeRequest.objects.filter(flag_name=made).delete()
    if FeatureFlag.objects.filter(flag_name=made).exists():
        services.delete_flag(key=made, actor=ALICE, reason="A test.", now=NOW)
    connection.close()


def plan(key: str) -> FeatureFlagRamp:
    return ramping.plan_ramp(
        key=key,
        steps=[RampStep(10.0, 60), RampStep(100.0, 60)],
        guard=None,
        reason="Ready.",
        actor=ALICE,
        now=NOW,
    )


def waits(thread: Beside) -> bool:
    """Tell whether a thread stands before a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s",
            [thread.backend],
        )
        return bool(cursor.fetchone() == (True,))


def versions(key: str) -> list[str]:
    rows = FeatureFlagVersion.objects.filter(flag_name=key, kind="ramp").order_by("version")
    return [row.reason for row in rows]


def test_takes_a_step_once_when_two_workers_come_at_once(key: str) -> None:
    ramp = plan(key)
    with transaction.atomic():
        FlagRuleSet.objects.select_for_update().get()
        first = Beside(lambda: ramping.advance_ramps(now=NOW))
        wait_until(lambda: waits(first), seconds=10)
        # It does not wait for the first one.
        second = Beside(lambda: ramping.advance_ramps(now=NOW)).result()

    done = first.result()

    ramp.refresh_from_db()
    assert (done, second) == (1, 0)
    assert versions(key) == ["Step 1 of 2. Ready."]
    assert (ramp.position, ramp.state) == (0, "running")


def test_takes_each_step_once_when_many_workers_never_rest(key: str) -> None:
    plan(key)
    minutes = [*range(0, 200, 5)]

    def work() -> int:
        return sum(ramping.advance_ramps(now=NOW + dt.timedelta(minutes=at)) for at in minutes)

    threads = [Beside(work) for _ in range(4)]
    moved = [thread.result() for thread in threads]

    assert sum(moved) == 3
    assert versions(key) == ["Step 1 of 2. Ready.", "Step 2 of 2. Ready."]


def test_takes_the_step_after_a_crash_in_the_middle_of_it(key: str, database_url: str) -> None:
    ramp = plan(key)
    with transaction.atomic():
        FlagRuleSet.objects.select_for_update().get()
        crashing = Beside(lambda: ramping.advance_ramps(now=NOW))
        wait_until(lambda: waits(crashing), seconds=10)
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [crashing.backend])
        crash = crashing.result()
    ramp.refresh_from_db()
    left = (ramp.position, ramp.state, versions(key))

    done = ramping.advance_ramps(now=NOW)

    ramp.refresh_from_db()
    assert isinstance(crash, OperationalError)
    assert left == (-1, "planned", [])
    assert (done, ramp.position, versions(key)) == (1, 0, ["Step 1 of 2. Ready."])


def test_leaves_a_ramp_alone_that_somebody_is_about_to_pause(key: str) -> None:
    ramp = plan(key)
    with transaction.atomic():
        ramping.pause_ramp(ramp_id=ramp.pk, reason="Wait.", actor=BOB, now=NOW)
        during = Beside(lambda: ramping.advance_ramps(now=NOW)).result()

    after = ramping.advance_ramps(now=NOW)

    assert (during, after, versions(key)) == (0, 0, [])


def test_pauses_after_a_change_by_hand_that_was_made_at_the_same_moment(key: str) -> None:
    ramp = plan(key)
    with transaction.atomic():
        services.kill_flag(key=key, actor=BOB, now=NOW)
        worker = Beside(lambda: ramping.advance_ramps(now=NOW))
        wait_until(lambda: waits(worker), seconds=10)

    worker.result()

    ramp.refresh_from_db()
    assert ramp.state == "paused"
    assert ramp.pause_reason == "bob@example.com switched the flag off."
    assert versions(key) == []


def test_makes_one_of_two_plans_that_are_made_at_once(key: str) -> None:
    with transaction.atomic():
        FlagRuleSet.objects.select_for_update().get()
        both = [Beside(lambda: plan(key)) for _ in range(2)]
        wait_until(lambda: all(map(waits, both)), seconds=10)

    kinds = {type(thread.result()) for thread in both}

    assert kinds == {FeatureFlagRamp, ramping.RampExists}


def test_carries_a_change_out_once_when_two_approve_it_at_once(key: str) -> None:
    flag = FeatureFlag.objects.get(flag_name=key)
    change = approving.request_change(
        definition=msgspec.structs.replace(
            flag.definition, variants=resize(flag.definition.variants, "on", 40)
        ),
        base_version=flag.version,
        reason="Ready.",
        actor=ALICE,
        now=NOW,
    )

    def approve() -> str:
        return approving.approve_change(request_id=change.pk, actor=BOB, now=NOW).state

    with transaction.atomic():
        FlagRuleSet.objects.select_for_update().get()
        both = [Beside(approve) for _ in range(2)]
        wait_until(lambda: all(map(waits, both)), seconds=10)
    found = [thread.result() for thread in both]

    assert "approved" in found
    assert sum(isinstance(one, approving.ChangeRequestDecided) for one in found) == 1
    assert FeatureFlag.objects.get(flag_name=key).version == flag.version + 1
