"""Large changes of a flag that asks for it are made by two people, and only as they were asked."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from core.errors import InvalidInput
from flags import services
from flags.allocation import resize
from flags.models import FeatureFlag, FeatureFlagChangeRequest, FeatureFlagRamp, FeatureFlagVersion
from flags.services import approving, ramping
from flags.services.ramping import RampStep
from flags.types import Definition

ALICE, BOB = services.Actor("alice@example.com"), services.Actor("bob@example.com")
NOW = timezone.now()


def at(percentage: float, key: str = "search") -> Definition:
    before = FeatureFlag.objects.get(flag_name=key).definition
    return msgspec.structs.replace(before, variants=resize(before.variants, "on", percentage))


def ask(percentage: float, **told: Any) -> FeatureFlagChangeRequest:
    fields: dict[str, Any] = {"base_version": 1, "reason": "Ready.", "actor": ALICE, "now": NOW}
    return approving.request_change(definition=at(percentage), **fields | told)


def percentage() -> float:
    return FeatureFlag.objects.get(flag_name="search").definition.percentage


def test_carries_a_change_out_when_a_second_person_agrees(flags: Any) -> None:
    flags.make("search", approval_above=10.0)
    with pytest.raises(services.ApprovalNeeded):
        services.change_flag(
            definition=at(50), base_version=1, actor=ALICE, reason="Ready.", now=NOW
        )
    request = ask(50)

    decided = approving.approve_change(request_id=request.pk, actor=BOB, now=NOW)

    version = FeatureFlagVersion.objects.filter(flag_name="search").first()
    assert version is not None
    assert (decided.state, percentage(), decided.decided_by) == ("approved", 50.0, BOB.label)
    assert version.changed_by == ALICE.label
    assert version.reason == "Ready. Approved by bob@example.com."


@pytest.mark.parametrize("label", ["alice@example.com", "Alice@Example.com"])
def test_lets_nobody_agree_with_themselves(flags: Any, label: str) -> None:
    flags.make("search", approval_above=10.0)
    request = ask(50)

    with pytest.raises(ramping.SecondPersonNeeded):
        approving.approve_change(request_id=request.pk, actor=services.Actor(label), now=NOW)

    request.refresh_from_db()
    assert (request.state, percentage()) == ("open", 0.0)


def test_is_void_when_the_flag_was_changed_meanwhile(flags: Any) -> None:
    flags.make("search", approval_above=10.0)
    request = ask(50)
    flags.change("search", owner="Search team")

    decided = approving.approve_change(request_id=request.pk, actor=BOB, now=NOW)

    assert (decided.state, percentage()) == ("void", 0.0)
    assert decided.note == (
        "tester@example.com changed the flag after this was asked for. Ask again."
    )


def test_is_void_when_the_flag_was_deleted(flags: Any) -> None:
    flags.make("search")
    request = ask(50)
    services.delete_flag(key="search", actor=BOB, reason="Gone.", now=NOW)

    decided = approving.approve_change(request_id=request.pk, actor=BOB, now=NOW)

    assert (decided.state, decided.note) == ("void", "The flag was deleted meanwhile.")


def test_takes_the_place_of_the_open_request_without_its_approval(flags: Any) -> None:
    flags.make("search", approval_above=10.0)
    first = ask(20)
    second = ask(90)

    with pytest.raises(approving.ChangeRequestDecided):
        approving.approve_change(request_id=first.pk, actor=BOB, now=NOW)

    states = list(FeatureFlagChangeRequest.objects.order_by("id").values_list("state", flat=True))
    assert states == ["void", "open"]
    assert (second.definition.percentage, percentage()) == (90.0, 0.0)


def test_changes_nothing_when_it_is_rejected_or_withdrawn(flags: Any) -> None:
    flags.make("search")
    rejected = approving.reject_change(request_id=ask(50).pk, note="Too early.", actor=BOB, now=NOW)
    own = ask(50)
    with pytest.raises(approving.ChangeRequestDecided):
        approving.withdraw_change(request_id=own.pk, actor=BOB, now=NOW)

    withdrawn = approving.withdraw_change(request_id=own.pk, actor=ALICE, now=NOW)

    assert (rejected.state, rejected.note) == ("rejected", "Too early.")
    assert (withdrawn.state, percentage()) == ("void", 0.0)
    for decided in (rejected, withdrawn):
        with pytest.raises(approving.ChangeRequestDecided):
            approving.approve_change(request_id=decided.pk, actor=BOB, now=NOW)


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ({"reason": " "}, InvalidInput),
        ({"base_version": 7}, services.FlagChanged),
    ],
)
def test_is_refused_without_a_reason_or_for_a_version_that_is_past(
    flags: Any, told: dict[str, Any], refusal: type[Exception]
) -> None:
    flags.make("search")

    with pytest.raises(refusal):
        ask(50, **told)

    assert not FeatureFlagChangeRequest.objects.exists()


def test_refuses_to_ask_for_what_is_so_already(flags: Any) -> None:
    flags.make("search")

    with pytest.raises(InvalidInput, match="nothing to approve"):
        ask(0)


def plan(*steps: float, soak: float = 60) -> FeatureFlagRamp:
    return ramping.plan_ramp(
        key="search",
        steps=[RampStep(step, soak) for step in steps],
        guard=None,
        reason="Ready.",
        actor=ALICE,
        now=NOW,
    )


def test_lets_a_plan_with_a_large_step_wait_for_a_second_person(flags: Any) -> None:
    flags.make("search", approval_above=10.0)
    ramp = plan(5, 50)
    waiting = ramping.advance_ramps(now=NOW)
    with pytest.raises(ramping.SecondPersonNeeded):
        ramping.approve_ramp(ramp_id=ramp.pk, actor=ALICE, now=NOW)

    ramping.approve_ramp(ramp_id=ramp.pk, actor=BOB, now=NOW)

    assert (waiting, percentage()) == (0, 0.0)
    assert ramping.advance_ramps(now=NOW) == 1
    assert percentage() == 5.0


def test_lets_a_plan_of_small_steps_begin_at_once(flags: Any) -> None:
    flags.make("search", approval_above=10.0)
    ramp = plan(10, 20)

    ramping.advance_ramps(now=NOW)

    assert (percentage(), ramp.needs_approval) == (10.0, False)
    with pytest.raises(ramping.WrongRampState):
        ramping.approve_ramp(ramp_id=ramp.pk, actor=BOB, now=NOW)


def test_does_not_go_on_by_a_large_step_from_where_the_plan_never_was(flags: Any) -> None:
    flags.make("search", approval_above=60.0)
    ramp = plan(50, 100)
    ramping.advance_ramps(now=NOW)
    flags.change("search", variants=at(1).variants)
    ramping.advance_ramps(now=NOW + dt.timedelta(minutes=60))
    flags.change("search", approval_above=10.0)

    with pytest.raises(ramping.WrongRampState, match="Cancel this ramp"):
        ramping.resume_ramp(ramp_id=ramp.pk, reason="Go on.", actor=ALICE, now=NOW)

    assert percentage() == 1.0


@pytest.mark.parametrize("limit", [None, 90.0])
def test_asks_for_two_people_to_loosen_the_limit_itself(flags: Any, limit: float | None) -> None:
    flags.make("search", approval_above=10.0)

    with pytest.raises(services.ApprovalNeeded):
        flags.change("search", approval_above=limit)

    assert flags.change("search", approval_above=5.0).version == 2
