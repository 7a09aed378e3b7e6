"""Plans that change a variant's percentage in steps: made by people, carried out by a worker.

A flag has one open ramp. A change at a set time is a ramp of one step. Each step is held for a
while and watched; what goes wrong pauses the ramp and leaves the flag as it is.
"""

import datetime as dt
import logging
import uuid
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Final

import msgspec
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from msgspec import Meta

from core.errors import DomainError, FieldError, InvalidInput, NotFound
from flags import health_gate, queries
from flags.allocation import resize
from flags.health_gate import LATELY_MINUTES, Guard
from flags.models import FeatureFlag, FeatureFlagRamp
from flags.preview import OWN_ATTRIBUTES
from flags.services.changing import Actor, change_flag, find_locked, lock
from flags.types import BUCKETS, ChangeKind, Comparison, Definition

log = logging.getLogger("novara.flags")

MOST_STEPS: Final = 50
LONGEST_SOAK: Final = 90 * 24 * 60
LATEST_START: Final = dt.timedelta(days=366)

State = FeatureFlagRamp.State
# As the log of a ramp names whoever carries it out.
WORKER: Final = ""


class RampStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A percentage, and how long it is held and watched before the next one."""

    percentage: Annotated[float, Meta(ge=0, le=100)]
    soak_minutes: Annotated[float, Meta(ge=0, le=LONGEST_SOAK)] = 0.0

    def __str__(self) -> str:
        held = f", held for {duration(self.soak_minutes)}" if self.soak_minutes else ""
        return f"{self.percentage:g} %{held}"


UNITS: Final = (("day", 24 * 60), ("hour", 60), ("minute", 1))


def duration(minutes: float) -> str:
    """Say minutes in the largest unit of which they are whole: "36 hours", "2 days"."""
    name, size = next((unit for unit in UNITS if minutes % unit[1] == 0), UNITS[-1])
    number = minutes / size
    return f"{number:g} {name}{'' if number == 1 else 's'}"


class RampNotFound(NotFound):
    code = "ramp-not-found"


class RampExists(DomainError):
    status = 409
    code = "ramp-exists"


class WrongRampState(DomainError):
    status = 409
    code = "wrong-ramp-state"


class SecondPersonNeeded(DomainError):
    status = 403
    code = "second-person-needed"


def plan_ramp(
    *,
    key: str,
    variant: str = "on",
    steps: Sequence[RampStep],
    starts_at: dt.datetime | None = None,
    guard: Guard | None,
    reason: str,
    actor: Actor,
    now: dt.datetime,
) -> FeatureFlagRamp:
    """Plan the way of a variant to another percentage; without a guard nothing watches it.

    When a step is larger than the flag allows one person, the plan waits for a second one. Plans
    are never edited: another plan is another ramp.
    """
    starts_at = starts_at or now
    with transaction.atomic():
        flag = lock(key)
        before = flag.definition
        _check(before, variant, steps, starts_at, guard, reason, now)
        limit = before.approval_above
        ramp = FeatureFlagRamp(
            flag_name=key,
            variant=variant,
            steps=msgspec.to_builtins(steps),
            starts_at=starts_at,
            is_guarded=guard is not None,
            flag_version=flag.version,
            reason=reason.strip(),
            created_by=actor.label,
            needs_approval=limit is not None
            and largest_step_of_plan(before, variant, steps) > limit,
            **msgspec.structs.asdict(guard or Guard()),
        )
        _note(ramp, actor.label, f"Planned: {ramp.reason}", now)
        try:
            with transaction.atomic():
                ramp.save(force_insert=True)
        except IntegrityError as error:
            raise RampExists(
                f"There is a ramp of {key} that is not over. Cancel it before you plan another."
            ) from error
    return ramp


def largest_step_of_plan(before: Definition, variant: str, steps: Sequence[RampStep]) -> float:
    """Give how many of 100 people the largest step of a plan moves."""
    way = [_percentage(before, variant), *(step.percentage for step in steps)]
    return max(abs(new - old) for old, new in pairwise(way))


def _percentage(definition: Definition, name: str) -> float:
    found = definition.variant(name)
    return found.percentage if found else 0.0


def _check(
    flag: Definition,
    variant: str,
    steps: Sequence[RampStep],
    starts_at: dt.datetime,
    guard: Guard | None,
    reason: str,
    now: dt.datetime,
) -> None:
    """Refuse a plan that could not be carried out, naming every fault."""
    faults: list[tuple[str, str]] = []
    if not reason.strip():
        faults.append(("/reason", "say why; it is the reason of every step in the history."))
    if not flag.is_enabled:
        faults.append(
            ("/key", f"{flag.key} is switched off. Switch it on first; 0 % gives it to nobody.")
        )
    if starts_at > now + LATEST_START:
        faults.append(("/starts_at", "must be within a year."))
    faults += _faults_of_guard(flag, guard)
    faults += _faults_of_steps(flag, variant, steps)
    if faults:
        errors = [
            FieldError(f"{pointer.strip('/')}: {detail}", pointer=pointer)
            for pointer, detail in faults
        ]
        raise InvalidInput(errors[0].detail, errors)


def _faults_of_guard(flag: Definition, guard: Guard | None) -> list[tuple[str, str]]:
    if guard is None:
        return []
    faults = []
    if asked := _asked_of_apps(flag):
        faults.append(("/guard", f"{_unguardable(asked)} Plan the ramp unguarded, or {TAKE_OUT}"))
    if not 0 <= guard.max_error_points <= 100:  # noqa: PLR2004  Percent.
        faults.append(("/max_error_points", "must be from 0 to 100."))
    if not 1 <= guard.max_latency_ratio <= 100:  # noqa: PLR2004
        faults.append(("/max_latency_ratio", "must be from 1 to 100."))
    if not 1 <= guard.min_requests <= 1_000_000:  # noqa: PLR2004
        faults.append(("/min_requests", "must be from 1 to 1,000,000."))
    return faults


TAKE_OUT: Final = "take these conditions out first."


def _unguardable(asked: list[str]) -> str:
    return (
        f"conditions ask for {', '.join(asked)}, which only apps tell, so it is not known whose"
        " requests to compare."
    )


def _asked_of_apps(flag: Definition) -> list[str]:
    """Name what conditions, also of flags that it needs, ask for and requests do not tell."""
    asked: set[str] = set()
    known, ways = {flag.key}, [flag]
    for one in ways:
        asked |= {condition.attribute for condition in one.conditions} - OWN_ATTRIBUTES
        needed = {prerequisite.key for prerequisite in one.prerequisites} - known
        known |= needed
        ways += [row.definition for row in FeatureFlag.objects.filter(flag_name__in=needed)]
    return sorted(asked)


def _faults_of_steps(
    flag: Definition, variant: str, steps: Sequence[RampStep]
) -> list[tuple[str, str]]:
    if flag.variant(variant) is None:
        names = ", ".join(one.name for one in flag.variants)
        return [("/variant", f"{flag.key} has no variant {variant}; it has {names}.")]
    if not 1 <= len(steps) <= MOST_STEPS:
        return [("/steps", f"give 1 to {MOST_STEPS} steps.")]
    faults = []
    others = sum(one.size for one in flag.variants if one.name != variant)
    most = (BUCKETS - others) * 100 / BUCKETS
    before = _percentage(flag, variant)
    for index, step in enumerate(steps):
        if not 0 <= step.percentage <= most:
            rest = "; other variants have the rest" if others else ""
            faults.append((f"/steps/{index}/percentage", f"must be from 0 to {most:g}{rest}."))
        elif round(step.percentage, 3) == round(before, 3):
            detail = "is what it was before; leave the step out."
            faults.append((f"/steps/{index}/percentage", detail))
        if not 0 <= step.soak_minutes <= LONGEST_SOAK:
            faults.append((f"/steps/{index}/soak_minutes", "must be from 0 minutes to 90 days."))
        before = step.percentage
    return faults


# What people do with a plan


def approve_ramp(
    *, ramp_id: uuid.UUID, reason: str = "", actor: Actor, now: dt.datetime
) -> FeatureFlagRamp:
    """Let a plan with a large step begin. Only somebody else than who made it may."""
    with transaction.atomic():
        ramp = _open_ramp(ramp_id)
        if not ramp.needs_approval or ramp.approved_by:
            raise WrongRampState("This plan does not wait for an approval.")
        if ramp.created_by.lower() == actor.label.lower():
            raise SecondPersonNeeded("You made this plan: a second person must approve it.")
        ramp.approved_by = actor.label
        _note(ramp, actor.label, _told("Approved the plan", reason), now)
        ramp.save()
    return ramp


def pause_ramp(
    *, ramp_id: uuid.UUID, reason: str = "", actor: Actor, now: dt.datetime
) -> FeatureFlagRamp:
    with transaction.atomic():
        ramp = _open_ramp(ramp_id)
        if ramp.state == State.PAUSED:
            raise WrongRampState("This ramp is paused already.")
        _pause(ramp, reason.strip() or "Paused by hand.", actor.label, now)
    return ramp


def resume_ramp(
    *, ramp_id: uuid.UUID, reason: str = "", actor: Actor, now: dt.datetime
) -> FeatureFlagRamp:
    """Go on with the step in force, whatever the flag was changed to meanwhile.

    Its time begins anew, and requests are compared from now on.
    """
    with transaction.atomic():
        ramp = _open_ramp(ramp_id)
        if ramp.state != State.PAUSED:
            raise WrongRampState("This ramp is not paused.")
        if not reason.strip():
            raise InvalidInput.at("/reason", "reason: say why it may go on.")
        flag = lock(ramp.flag_name)
        _check_that_it_can_go_on(ramp, flag)
        ramp.flag_version = flag.version
        ramp.pause_reason = ""
        _note(ramp, actor.label, f"Resumed: {reason.strip()}", now)
        if ramp.position < 0:
            ramp.state = State.PLANNED
            ramp.save()
        else:
            _set(ramp, flag, ramp.position, f"Resumed by {actor.label}: {reason.strip()}", now)
    return ramp


def _check_that_it_can_go_on(ramp: FeatureFlagRamp, flag: FeatureFlag) -> None:
    definition = flag.definition
    if not definition.is_enabled:
        raise WrongRampState(f"{ramp.flag_name} is switched off. Switch it on before you go on.")
    if ramp.is_guarded and (asked := _asked_of_apps(definition)):
        raise WrongRampState(
            f"The ramp is guarded, but {_unguardable(asked)} Cancel it and plan another unguarded,"
            f" or {TAKE_OUT}"
        )
    rest = steps_of(ramp)[max(ramp.position, 0) :]
    for step in rest:
        resize(definition.variants, ramp.variant, step.percentage)
    limit = definition.approval_above
    if limit is None or flag.version == ramp.flag_version:
        return
    # What was approved was another way than the one from where the flag stands now.
    if largest_step_of_plan(definition, ramp.variant, rest) > limit:
        raise WrongRampState(
            f"The flag was changed since this was planned, and a step is larger than the {limit:g}"
            " points that one person may go. Cancel this ramp and plan another."
        )


def cancel_ramp(
    *, ramp_id: uuid.UUID, reason: str = "", actor: Actor, now: dt.datetime
) -> FeatureFlagRamp:
    """End a ramp for good. The flag stays as it is."""
    with transaction.atomic():
        ramp = _open_ramp(ramp_id)
        ramp.state = State.CANCELLED
        ramp.pause_reason = ""
        _note(ramp, actor.label, _told("Cancelled", reason), now)
        ramp.save()
    return ramp


def _open_ramp(ramp_id: uuid.UUID) -> FeatureFlagRamp:
    """Lock a ramp. It is always locked before its flag."""
    ramp = FeatureFlagRamp.objects.select_for_update().filter(id=ramp_id).first()
    if ramp is None:
        raise RampNotFound("There is no such ramp.")
    if ramp.state not in FeatureFlagRamp.OPEN:
        raise WrongRampState(f"This ramp is over: it is {ramp.state}.")
    return ramp


# What the worker does


def advance_ramps(*, now: dt.datetime) -> int:
    """Let each ramp whose time has come take its next step, or pause; give how many did either.

    Safe to run twice, also at the same time: a step is set and noted in one transaction.
    """
    going = FeatureFlagRamp.objects.filter(state__in=(State.PLANNED, State.RUNNING))
    moved = 0
    for ramp_id in list(going.order_by("created_at").values_list("id", flat=True)):
        try:
            with transaction.atomic():
                ramp = going.select_for_update(skip_locked=True).filter(id=ramp_id).first()
                moved += ramp is not None and _advance(ramp, now)
        except (OperationalError, InterfaceError):
            raise  # The database is away: the next run begins where this one did.
        except Exception:  # One ramp must not keep the others waiting.
            log.exception("ramp failed")
    return moved


def steps_of(ramp: FeatureFlagRamp) -> list[RampStep]:
    return msgspec.convert(ramp.steps, list[RampStep])


def step_ends_at(ramp: FeatureFlagRamp) -> dt.datetime | None:
    """Say when the step in force has been held long enough, if nothing happens."""
    if ramp.position < 0 or ramp.step_started_at is None:
        return None
    soak = steps_of(ramp)[ramp.position].soak_minutes
    return ramp.step_started_at + dt.timedelta(minutes=soak)


def guard_of(ramp: FeatureFlagRamp) -> Guard:
    return Guard(ramp.max_error_points, ramp.max_latency_ratio, ramp.min_requests)


def compared(ramp: FeatureFlagRamp) -> Comparison | None:
    """Compare requests with the variant and without, since the step in force began.

    They are counted by minutes: the first whole one is the first that has nothing of before.
    """
    since = _compared_since(ramp)
    return queries.outcomes(ramp.flag_name, ramp.variant, since) if since else None


def _compared_since(ramp: FeatureFlagRamp) -> dt.datetime | None:
    if ramp.step_started_at is None:
        return None
    minute = ramp.step_started_at.replace(second=0, microsecond=0)
    return minute if minute == ramp.step_started_at else minute + dt.timedelta(minutes=1)


def _advance(ramp: FeatureFlagRamp, now: dt.datetime) -> bool:
    flag = find_locked(ramp.flag_name)
    trouble = _change_by_hand(ramp, flag) or _worse(ramp, now)
    if trouble or flag is None:
        _pause(ramp, trouble or "", WORKER, now)
        return True
    due = step_ends_at(ramp) or ramp.starts_at
    if now < due or (ramp.needs_approval and not ramp.approved_by):
        return False
    _note_what_was_not_told(ramp, now)
    if ramp.position + 1 == len(ramp.steps):
        ramp.state = State.COMPLETED
        _note(ramp, WORKER, "Completed.", now)
        ramp.save()
        return True
    try:
        _set(ramp, flag, ramp.position + 1, ramp.reason, now)
    except DomainError as error:
        _pause(ramp, f"The next step is refused: {error.detail}", WORKER, now)
    return True


def _change_by_hand(ramp: FeatureFlagRamp, flag: FeatureFlag | None) -> str | None:
    if flag is None:
        return "The flag was deleted."
    by = flag.updated_by or "somebody"
    if not flag.is_enabled:
        return f"{by} switched the flag off."
    if flag.version != ramp.flag_version:
        return f"{by} changed the flag while this ramp was open."
    return None


def _worse(ramp: FeatureFlagRamp, now: dt.datetime) -> str | None:
    """Judge the step as a whole, and its last minutes: many good hours would hide a bad one."""
    since = _compared_since(ramp)
    if not ramp.is_guarded or since is None:
        return None
    lately = now.replace(second=0, microsecond=0) - dt.timedelta(minutes=LATELY_MINUTES)
    if found := _trouble_since(ramp, since):
        return found
    found = _trouble_since(ramp, lately) if lately > since else None
    return f"In the last {LATELY_MINUTES} minutes: {found}" if found else None


def _trouble_since(ramp: FeatureFlagRamp, since: dt.datetime) -> str | None:
    found = queries.outcomes(ramp.flag_name, ramp.variant, since)
    return health_gate.trouble(guard_of(ramp), found)


def _note_what_was_not_told(ramp: FeatureFlagRamp, now: dt.datetime) -> None:
    """Keep in the log that a step was held, but that its guard had nothing to go by."""
    found = compared(ramp) if ramp.is_guarded else None
    if found is None or not health_gate.is_too_little(guard_of(ramp), found):
        return
    told = (
        f"Too few requests to tell how step {ramp.position + 1} went: {found.own.requests:,} with"
        f" the feature, {found.others.requests:,} without; {ramp.min_requests:,} of each are"
        " needed."
    )
    _note(ramp, WORKER, told, now)


def _set(
    ramp: FeatureFlagRamp, flag: FeatureFlag, position: int, reason: str, now: dt.datetime
) -> None:
    before = flag.definition
    step = steps_of(ramp)[position]
    changed = change_flag(
        definition=msgspec.structs.replace(
            before, variants=resize(before.variants, ramp.variant, step.percentage)
        ),
        base_version=flag.version,
        actor=Actor(f"ramp by {ramp.created_by}"),
        reason=f"Step {position + 1} of {len(ramp.steps)}. {reason}",
        kind=ChangeKind.RAMP,
        now=now,
    )
    ramp.state, ramp.position = State.RUNNING, position
    ramp.step_started_at, ramp.flag_version = now, changed.version
    told = f"Step {position + 1} of {len(ramp.steps)}: {step.percentage:g} %."
    _note(ramp, WORKER, told, now)
    ramp.save()


def _pause(ramp: FeatureFlagRamp, reason: str, by: str, now: dt.datetime) -> None:
    ramp.state, ramp.pause_reason = State.PAUSED, reason
    _note(ramp, by, f"Paused: {reason}", now)
    ramp.save()
    log.warning("ramp is paused", extra={"flag": ramp.flag_name})


def _told(what: str, reason: str) -> str:
    return f"{what}: {reason.strip()}" if reason.strip() else f"{what}."


def _note(ramp: FeatureFlagRamp, by: str, text: str, now: dt.datetime) -> None:
    ramp.log = [*ramp.log, {"at": now.isoformat(), "by": by, "text": text}]
