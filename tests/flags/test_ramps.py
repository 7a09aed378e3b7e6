"""A ramp takes its steps when their time has come, and stops when something is in the way."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from config.celery import app
from core.errors import InvalidInput
from flags import services
from flags.health_gate import Guard
from flags.models import FeatureFlag, FeatureFlagOutcome, FeatureFlagRamp, FeatureFlagVersion
from flags.services import ramping
from flags.services.ramping import RampStep
from flags.types import BOUNDS, ChangeKind, Condition, Operator, Prerequisite, Variant

ALICE = services.Actor("alice@example.com")
START = timezone.now().replace(microsecond=0)
STEPS = [RampStep(5.0, 60), RampStep(25.0, 60), RampStep(100.0, 30)]


def at(minutes: float) -> dt.datetime:
    return START + dt.timedelta(minutes=minutes)


def plan(key: str = "search", **told: Any) -> FeatureFlagRamp:
    fields = {"steps": STEPS, "guard": None, "reason": "The new search.", "actor": ALICE}
    return ramping.plan_ramp(key=key, now=START, **fields | told)


def percentage(key: str = "search") -> float:
    return FeatureFlag.objects.get(flag_name=key).definition.percentage


def test_takes_each_step_when_the_one_before_was_held_long_enough(flags: Any) -> None:
    flags.make("search")
    ramp = plan()

    seen = []
    for minute in (0, 59, 60, 119, 120, 149, 150):
        ramping.advance_ramps(now=at(minute))
        ramp.refresh_from_db()
        seen.append((minute, percentage(), ramp.state))

    assert seen == [
        (0, 5.0, "running"),
        (59, 5.0, "running"),
        (60, 25.0, "running"),
        (119, 25.0, "running"),
        (120, 100.0, "running"),
        (149, 100.0, "running"),
        (150, 100.0, "completed"),
    ]
    versions = FeatureFlagVersion.objects.filter(flag_name="search", kind=ChangeKind.RAMP)
    assert [one.reason for one in versions.order_by("version")] == [
        "Step 1 of 3. The new search.",
        "Step 2 of 3. The new search.",
        "Step 3 of 3. The new search.",
    ]


def test_waits_for_its_time_to_begin(flags: Any) -> None:
    flags.make("search")
    ramp = plan(steps=[RampStep(100.0)], starts_at=at(90))

    before = ramping.advance_ramps(now=at(89))
    shown = percentage()
    after = ramping.advance_ramps(now=at(90))

    ramp.refresh_from_db()
    assert (before, shown, after, percentage(), ramp.state) == (0, 0.0, 1, 100.0, "running")


def test_holds_each_step_from_when_it_began_and_never_skips_one_that_is_late(flags: Any) -> None:
    flags.make("search")
    plan()

    ramping.advance_ramps(now=at(0))
    ramping.advance_ramps(now=at(600))
    shown = percentage()
    ramping.advance_ramps(now=at(659))

    assert (shown, percentage()) == (25.0, 25.0)


def test_goes_down_as_it_goes_up_and_leaves_other_variants_alone(flags: Any) -> None:
    flags.make(
        "color",
        value_type="string",
        variants=[Variant("red", "r", [(0, 10_000)]), Variant("blue", "b", [(10_000, 50_000)])],
        default_variant="red",
        allowed_variant="red",
    )
    plan("color", variant="blue", steps=[RampStep(10.0), RampStep(60.0)])

    ramping.advance_ramps(now=at(0))
    lower = FeatureFlag.objects.get(flag_name="color").definition
    ramping.advance_ramps(now=at(1))
    higher = FeatureFlag.objects.get(flag_name="color").definition

    assert [one.ranges for one in lower.variants] == [[(0, 10_000)], [(10_000, 20_000)]]
    assert [one.ranges for one in higher.variants] == [[(0, 10_000)], [(10_000, 70_000)]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("kill", "bob@example.com switched the flag off."),
        ("edit", "bob@example.com changed the flag while this ramp was open."),
        ("delete", "The flag was deleted."),
    ],
)
@pytest.mark.parametrize("is_begun", [True, False])
def test_pauses_itself_when_the_flag_is_changed_by_hand(
    flags: Any, change: str, reason: str, *, is_begun: bool
) -> None:
    flags.make("search")
    ramp = plan(starts_at=None if is_begun else at(500))
    ramping.advance_ramps(now=at(0))
    bob: Any = {"actor": services.Actor("bob@example.com"), "now": at(1)}
    if change == "kill":
        services.kill_flag(key="search", **bob)
    elif change == "delete":
        services.delete_flag(key="search", reason="Gone.", **bob)
    else:
        now = FeatureFlag.objects.get(flag_name="search").definition
        services.change_flag(
            definition=msgspec.structs.replace(now, owner="Search team"), base_version=None, **bob
        )

    ramping.advance_ramps(now=at(2))

    ramp.refresh_from_db()
    assert (ramp.state, ramp.pause_reason) == ("paused", reason)
    assert ramping.advance_ramps(now=at(600)) == 0


def test_goes_on_with_the_step_in_force_whose_time_begins_anew(flags: Any) -> None:
    flags.make("search")
    ramp = plan()
    for minute in (0, 60):
        ramping.advance_ramps(now=at(minute))
    ramping.pause_ramp(ramp_id=ramp.pk, reason="A look at it.", actor=ALICE, now=at(100))
    while_paused = ramping.advance_ramps(now=at(500))

    ramping.resume_ramp(ramp_id=ramp.pk, reason="All is well.", actor=ALICE, now=at(500))
    early = ramping.advance_ramps(now=at(559))
    ramping.advance_ramps(now=at(560))

    ramp.refresh_from_db()
    assert (while_paused, early, ramp.position, percentage()) == (0, 0, 2, 100.0)
    assert [one["text"] for one in ramp.log][2:6] == [
        "Step 2 of 3: 25 %.",
        "Paused: A look at it.",
        "Resumed: All is well.",
        "Step 2 of 3: 25 %.",
    ]


def test_sets_its_step_again_when_the_flag_stood_elsewhere_meanwhile(flags: Any) -> None:
    flags.make("search")
    ramp = plan()
    for minute in (0, 60):
        ramping.advance_ramps(now=at(minute))
    flags.change("search", variants=[Variant("on", value=True), Variant("off", value=False)])
    ramping.advance_ramps(now=at(61))

    ramping.resume_ramp(ramp_id=ramp.pk, reason="By mistake.", actor=ALICE, now=at(62))

    ramp.refresh_from_db()
    assert (percentage(), ramp.state, ramp.position) == (25.0, "running", 1)


def test_needs_a_reason_to_go_on_and_a_flag_that_is_on(flags: Any) -> None:
    flags.make("search")
    ramp = plan()
    ramping.advance_ramps(now=at(0))
    services.kill_flag(key="search", actor=ALICE, now=at(1))
    ramping.advance_ramps(now=at(2))

    with pytest.raises(InvalidInput, match="say why"):
        ramping.resume_ramp(ramp_id=ramp.pk, reason=" ", actor=ALICE, now=at(3))
    with pytest.raises(ramping.WrongRampState, match="Switch it on"):
        ramping.resume_ramp(ramp_id=ramp.pk, reason="Go.", actor=ALICE, now=at(3))

    assert not FeatureFlag.objects.get(flag_name="search").is_enabled


def test_leaves_the_flag_as_it_is_when_it_is_cancelled_and_makes_room_for_another(
    flags: Any,
) -> None:
    flags.make("search")
    ramp = plan()
    ramping.advance_ramps(now=at(0))
    with pytest.raises(ramping.RampExists):
        plan(steps=[RampStep(50.0)])

    ramping.cancel_ramp(ramp_id=ramp.pk, actor=ALICE, now=at(1))

    ramping.advance_ramps(now=at(600))
    assert percentage() == 5.0
    assert plan(steps=[RampStep(50.0)]).state == "planned"
    with pytest.raises(ramping.WrongRampState, match="is over"):
        ramping.resume_ramp(ramp_id=ramp.pk, reason="Again.", actor=ALICE, now=at(2))


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"reason": " "}, "/reason"),
        ({"steps": []}, "/steps"),
        ({"steps": [RampStep(5.0), RampStep(5.0)]}, "/steps/1/percentage"),
        ({"steps": [RampStep(0.0)]}, "/steps/0/percentage"),
        ({"steps": [RampStep(101.0)]}, "/steps/0/percentage"),
        ({"steps": [RampStep(float("nan"))]}, "/steps/0/percentage"),
        ({"steps": [RampStep(5.0, -1)]}, "/steps/0/soak_minutes"),
        ({"steps": [RampStep(5.0, float("nan"))]}, "/steps/0/soak_minutes"),
        ({"variant": "blue"}, "/variant"),
        ({"starts_at": START + dt.timedelta(days=400)}, "/starts_at"),
        ({"guard": Guard(max_latency_ratio=0.5)}, "/max_latency_ratio"),
        ({"guard": Guard(max_error_points=float("nan"))}, "/max_error_points"),
        ({"guard": Guard(min_requests=0)}, "/min_requests"),
    ],
)
def test_refuses_a_plan_that_could_not_be_carried_out(
    flags: Any, fields: dict[str, Any], pointer: str
) -> None:
    flags.make("search")

    with pytest.raises(InvalidInput) as refused:
        plan(**fields)

    assert [one.pointer for one in refused.value.errors] == [pointer]
    assert not FeatureFlagRamp.objects.exists()


def test_refuses_a_plan_for_a_flag_that_is_off_or_unknown(flags: Any) -> None:
    flags.make("search", is_enabled=False)

    with pytest.raises(InvalidInput, match="Switch it on first"):
        plan()
    with pytest.raises(services.FlagNotFound):
        plan("no-such-flag")


def test_leaves_the_other_ramps_going_when_one_cannot_take_its_step(flags: Any) -> None:
    flags.make("search")
    flags.make("check-in")
    plan("search")
    plan("check-in")
    FeatureFlag.objects.filter(flag_name="search").update(default_variant="gone")

    ramping.advance_ramps(now=at(0))

    states = dict(FeatureFlagRamp.objects.values_list("flag_name", "state"))
    assert states == {"search": "paused", "check-in": "running"}


def test_leaves_the_other_ramps_going_when_one_is_not_well_formed(flags: Any) -> None:
    flags.make("search")
    flags.make("check-in")
    broken = plan("search")
    plan("check-in")
    FeatureFlagRamp.objects.filter(pk=broken.pk).update(steps=[{"percentage": "many"}])

    ramping.advance_ramps(now=at(0))

    states = dict(FeatureFlagRamp.objects.values_list("flag_name", "state"))
    assert states == {"search": "planned", "check-in": "running"}


def note_requests(first: int, last: int, *, failures: float) -> None:
    """Have 30 requests a minute with the feature, and as many without, of which none fails."""
    begin = START.replace(second=0)
    FeatureFlagOutcome.objects.bulk_create(
        FeatureFlagOutcome(
            flag_name="search",
            variant=variant,
            minute=begin + dt.timedelta(minutes=minute),
            requests=30,
            errors=round(30 * share),
            durations=[30, *[0] * len(BOUNDS)],
        )
        for minute in range(first, last)
        for variant, share in (("on", failures), ("off", 0.0))
    )


def test_pauses_when_requests_fail_lately_after_many_good_hours(flags: Any) -> None:
    flags.make("search")
    ramp = plan(steps=[RampStep(50.0, 48 * 60), RampStep(100.0)], guard=Guard())
    ramping.advance_ramps(now=at(0))
    note_requests(1, 1200, failures=0.0)
    healthy = ramping.advance_ramps(now=at(1200))
    note_requests(1200, 1210, failures=1.0)

    ramping.advance_ramps(now=at(1210))

    ramp.refresh_from_db()
    assert healthy == 0
    assert (ramp.state, ramp.position) == ("paused", 0)
    assert ramp.pause_reason == (
        "In the last 10 minutes: 100.0 % of 300 requests with the feature failed,"
        " 0.0 % of 300 without."
    )


def test_pauses_for_what_few_requests_of_the_last_minutes_would_not_tell(flags: Any) -> None:
    flags.make("search")
    ramp = plan(steps=[RampStep(50.0, 48 * 60), RampStep(100.0)], guard=Guard(min_requests=400))
    ramping.advance_ramps(now=at(0))
    note_requests(1, 60, failures=0.1)

    ramping.advance_ramps(now=at(60))

    ramp.refresh_from_db()
    assert ramp.pause_reason.startswith("10.0 % of 1770 requests with the feature failed")


def test_says_in_its_log_when_too_few_requests_told_how_a_step_went(flags: Any) -> None:
    flags.make("search")
    ramp = plan(guard=Guard(min_requests=1000))
    ramping.advance_ramps(now=at(0))
    note_requests(1, 31, failures=0.0)
    ramping.advance_ramps(now=at(60))
    note_requests(61, 101, failures=0.0)

    ramping.advance_ramps(now=at(120))

    ramp.refresh_from_db()
    too_few = (
        "Too few requests to tell how step 1 went: 900 with the feature, 900 without; 1,000 of each"
        " are needed."
    )
    assert [one["text"] for one in ramp.log] == [
        "Planned: The new search.",
        "Step 1 of 3: 5 %.",
        too_few,
        "Step 2 of 3: 25 %.",
        "Step 3 of 3: 100 %.",
    ]


OF_APPS = Condition("country", Operator.ONE_OF, ["DE"])
OF_OURS = Condition("tenant", Operator.ONE_OF, ["berlin"])


@pytest.mark.parametrize("is_its_own", [True, False])
def test_guards_no_ramp_whose_conditions_only_apps_can_meet(
    flags: Any, *, is_its_own: bool
) -> None:
    flags.make("base", conditions=[] if is_its_own else [OF_APPS])
    needs = [] if is_its_own else [Prerequisite("base", ["on"])]
    flags.make("search", conditions=[OF_OURS, *([OF_APPS] * is_its_own)], prerequisites=needs)

    with pytest.raises(InvalidInput) as refused:
        plan(guard=Guard())

    (error,) = refused.value.errors
    assert error.pointer == "/guard"
    assert error.detail == (
        "guard: conditions ask for country, which only apps tell, so it is not known whose requests"
        " to compare. Plan the ramp unguarded, or take these conditions out first."
    )
    assert plan(guard=None).state == "planned"


def test_guards_a_ramp_whose_conditions_ask_for_what_is_known(flags: Any) -> None:
    flags.make("search", conditions=[OF_OURS])

    assert plan(guard=Guard()).is_guarded


def test_does_not_go_on_guarded_after_a_condition_that_only_apps_can_meet(flags: Any) -> None:
    flags.make("search")
    ramp = plan(guard=Guard())
    ramping.advance_ramps(now=at(0))
    flags.change("search", conditions=[OF_APPS])
    ramping.advance_ramps(now=at(1))

    with pytest.raises(ramping.WrongRampState, match="conditions ask for country"):
        ramping.resume_ramp(ramp_id=ramp.pk, reason="Go.", actor=ALICE, now=at(2))

    flags.change("search", conditions=[])
    ramping.resume_ramp(ramp_id=ramp.pk, reason="Go.", actor=ALICE, now=at(2))
    ramp.refresh_from_db()
    assert ramp.state == "running"


def test_is_carried_out_by_the_timetable(flags: Any) -> None:
    flags.make("search")
    plan()
    entry = app.conf.beat_schedule["advance ramps of flags"]
    app.loader.import_default_modules()

    moved = app.tasks[entry["task"]]()

    assert (moved, percentage()) == (1, 5.0)
