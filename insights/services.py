"""What can be done with insights."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import IntegrityError, transaction

from accounts import queries as accounts
from core import cursors, exact_json
from core.depth import check_depth
from core.errors import DomainError, FieldError, InvalidInput, NotFound
from core.gate import Person
from core.times import local_date
from health import queries as health
from health import storage
from insights import catalogue, generators, queries, writing
from insights.models import (
    AnalyticsEvent,
    Insight,
    InsightAcknowledgement,
    InsightInteraction,
    SafetyAlert,
    insight_id,
)
from insights.types import Facts, Finding, Text

SCORES: Final = ("confidence_meds", "confidence_costs", "confidence_overall")
LONGEST_WORD: Final = 100
LONGEST_COMMENT: Final = 5000
LONGEST_NOTE: Final = 2000
LARGEST_CONTEXT: Final = 64 * 1024
# A mood is any text that an old client sent; each interaction has a copy.
LONGEST_MOOD: Final = 500
# A page of an old client may stay open for so many days with the insight of its day.
SHOWN_DAYS: Final = 8


class AlreadyAcknowledged(DomainError):
    status = 409
    code = "already-acknowledged"


class OnboardingIncomplete(DomainError):
    status = 403
    code = "onboarding-incomplete"


@dataclass(frozen=True)
class DailyInsight:
    """The insight of a person's day, made from what is known at this moment."""

    id: uuid.UUID
    date: dt.date
    finding: Finding
    text: Text


# Version 1


def daily_insight(*, person: Person, now: dt.datetime) -> DailyInsight:
    """Make the insight of the day for who has completed the onboarding."""
    _require_onboarding(accounts.profile(person.id))
    return insight_of_day(person=person, now=now)


def insight_of_day(*, person: Person, now: dt.datetime) -> DailyInsight:
    """Make the insight of the day, the newest check-in counted. Nothing is written."""
    today = local_date(now, person.time_zone)
    is_alerted = queries.standing_safety_alerts(person.id, now).exists()
    finding = generators.daily(queries.facts(person, today), is_alerted=is_alerted)
    return DailyInsight(
        id=insight_id(person.id, finding.occasion),
        date=today,
        finding=finding,
        text=catalogue.text_of(finding),
    )


def first_insight(*, person: Person, now: dt.datetime) -> Text:
    """Say what the onboarding's answers alone say."""
    facts = Facts(profile=accounts.profile(person.id), today=local_date(now, person.time_zone))
    return catalogue.text_of(generators.daily(facts))


def micro_insight(
    *, person: Person, onboarding: object, checkin: object, now: dt.datetime
) -> tuple[Finding, Text]:
    """Make a small insight; what the client sends stands in for what is known."""
    facts = queries.facts(person, local_date(now, person.time_zone))
    finding = generators.micro(
        facts,
        onboarding=onboarding if isinstance(onboarding, Mapping) else None,
        checkin=checkin if isinstance(checkin, Mapping) else None,
    )
    return finding, catalogue.text_of(finding)


def _require_onboarding(profile: Mapping[str, Any]) -> None:
    """Complete is what either of the old servers took for complete."""
    has_stage, has_need = bool(profile["cycle_stage"]), bool(profile["primary_need"])
    has_all = bool(profile["nickname"]) and has_need and has_stage
    has_all = has_all and all(profile[score] for score in SCORES)
    if profile["baseline_completed"] or has_all:
        return
    raise OnboardingIncomplete(
        "Please complete your onboarding first: it is what the first insights rest on.",
        extra={
            "requires_onboarding_completion": True,
            "user_status": {
                "onboarding_path": profile["onboarding_path"],
                "baseline_completed": profile["baseline_completed"],
                "has_primary_need": has_need,
                "has_cycle_stage": has_stage,
            },
        },
    )


def record_engagement(
    *,
    person: Person,
    insight_type: object,
    action: object,
    named: object,
    context: object,
    now: dt.datetime,
) -> InsightInteraction:
    """Record what an old client reports; it names insights by strings of its own making."""
    name = _word(named, "insight_id") if named is not None else None
    return _interact(
        person=person,
        insight=_named(person, name, now) if name else None,
        client_insight_id=name,
        insight_type=_word(insight_type, "insight_type"),
        action=_word(action, "action"),
        context=_context(context, "context"),
        now=now,
    )


def record_feedback(
    *,
    person: Person,
    named: object,
    is_helpful: object,
    comment: object,
    context: object,
    now: dt.datetime,
) -> InsightInteraction:
    if not isinstance(is_helpful, bool):
        raise InvalidInput.at("/helpful", "helpful is required: true or false.")
    name = _word(named, "insight_id")
    insight = _named(person, name, now)
    sent = _context(context, "insight_context")
    claimed = sent.get("insight_type") or sent.get("copy_variant_used")
    return _interact(
        person=person,
        insight=insight,
        client_insight_id=name,
        insight_type=claimed[:LONGEST_WORD] if isinstance(claimed, str) else None,
        action="feedback",
        is_helpful=is_helpful,
        comment=_comment(comment),
        context=sent,
        now=now,
    )


def old_name(date: dt.date) -> str:
    """Name a day's insight as the old service did: daily_ and milliseconds."""
    midnight = dt.datetime.combine(date, dt.time(), dt.UTC)
    return f"daily_{int(midnight.timestamp()) * 1000}"


def _named(person: Person, name: str, now: dt.datetime) -> Insight | None:
    """Find the insight that an old client means; None for a string of its own making.

    The day's insight may be shown before it is written; then it is written here. That of a day
    before, which nobody wrote, is known by its name alone.
    """
    today = local_date(now, person.time_zone)
    days = [today - dt.timedelta(days=ago) for ago in range(SHOWN_DAYS)]
    shown = {old_name(day): insight_id(person.id, f"daily:{day}") for day in days}
    try:
        named = shown.get(name) or uuid.UUID(name)
    except ValueError:
        return None
    insight = queries.find_insight(person.id, named)
    if insight is None and named == shown[old_name(today)]:
        writing.renew(person, trigger=Insight.Trigger.MANUAL, now=now)
        insight = queries.find_insight(person.id, named)
    if insight is None and named not in shown.values():
        raise NotFound("Insight not found.")
    return insight


# Version 2


def list_insights(
    *,
    person: Person,
    now: dt.datetime,
    category: str | None = None,
    insight_type: str | None = None,
    is_viewed: bool | None = None,
    with_all: bool = False,
    cursor: str | None = None,
    limit: int = 20,
) -> tuple[list[Insight], str | None]:
    """Give a page of insights and the cursor of the next one."""
    storage.require_events(person.id)
    page = queries.page(
        person.id,
        now=now,
        category=category,
        insight_type=insight_type,
        is_viewed=is_viewed,
        with_all=with_all,
        before=cursors.read(cursor, int, cursors.instant, uuid.UUID),
        limit=limit,
    )
    return page.insights, cursors.write(*page.next) if page.next else None


def get_insight(*, person: Person, named: uuid.UUID) -> tuple[Insight, list[InsightInteraction]]:
    storage.require_events(person.id)
    insight = queries.get_insight(person.id, named)
    return insight, list(queries.interactions(person.id, named))


def interact(
    *, person: Person, named: uuid.UUID, action: str, context: dict[str, Any], now: dt.datetime
) -> InsightInteraction:
    storage.require_events(person.id)
    return _interact(
        person=person,
        insight=queries.get_insight(person.id, named),
        action=action,
        context=_context(context, "context"),
        now=now,
    )


def give_feedback(
    *,
    person: Person,
    named: uuid.UUID,
    is_helpful: bool,
    comment: str | None,
    context: dict[str, Any],
    now: dt.datetime,
) -> InsightInteraction:
    storage.require_events(person.id)
    return _interact(
        person=person,
        insight=queries.get_insight(person.id, named),
        action="feedback",
        is_helpful=is_helpful,
        comment=_comment(comment),
        context=_context(context, "context"),
        now=now,
    )


def generate(*, person: Person, now: dt.datetime) -> None:
    """Write now what the timetable would write later."""
    writing.renew(person, trigger=Insight.Trigger.MANUAL, now=now)


# Both


def _interact(
    *,
    person: Person,
    insight: Insight | None,
    action: str,
    now: dt.datetime,
    insight_type: str | None = None,
    client_insight_id: str | None = None,
    is_helpful: bool | None = None,
    comment: str | None = None,
    context: dict[str, Any],
) -> InsightInteraction:
    newest = health.latest_checkins(person.id, 1)
    form = newest[0].form if newest else {}
    return InsightInteraction.objects.create(
        tenant_id=person.tenant_id,
        user_id=person.id,
        insight=insight,
        client_insight_id=client_insight_id,
        insight_type=insight.insight_type if insight else insight_type,
        action=action,
        is_helpful=is_helpful,
        comment=comment,
        context=context,
        mood=form["mood_today"][:LONGEST_MOOD] if form else None,
        confidence=form.get("confidence_today"),
        created_at=now,
    )


def _word(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput.at(f"/{name}", f"{name} is required: a text.")
    if len(value) > LONGEST_WORD:
        detail = f"{name}: must be of at most {LONGEST_WORD} characters."
        raise InvalidInput.at(f"/{name}", detail)
    return value


def _comment(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_COMMENT:
        detail = f"comment: must be a text of at most {LONGEST_COMMENT} characters."
        raise InvalidInput.at("/comment", detail)
    return value


def _context(value: object, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput.at(f"/{name}", f"{name}: must be an object.")
    check_depth(value, f"/{name}")
    if len(exact_json.encode(value).encode()) > LARGEST_CONTEXT:
        raise InvalidInput.at(f"/{name}", f"{name}: is larger than 64 KB.")
    return value


# What staff do


def acknowledge(
    *, alert: SafetyAlert, by: uuid.UUID, note: str, now: dt.datetime
) -> InsightAcknowledgement:
    """Note that somebody of the staff has seen to an alert. Once: the first one's word stays."""
    try:
        with transaction.atomic():
            return InsightAcknowledgement.objects.create(
                tenant_id=alert.tenant_id,
                user_id=alert.user_id,
                insight_id=alert.id,
                acknowledged_by=by,
                note=note,
                created_at=now,
            )
    except IntegrityError as error:
        raise AlreadyAcknowledged("A colleague has acknowledged this alert meanwhile.") from error


# What old clients report of their own use

# As their language, JavaScript, names the types of JSON.
TYPE_NAMES: Final = {str: "string", bool: "boolean", int: "number", float: "number"}


def record_analytics_event(
    *,
    person: Person,
    event_type: object,
    event_data: object,
    further: dict[str, Any],
    now: dt.datetime,
) -> AnalyticsEvent:
    """Keep what a client says; some of them put their data beside `event_data`."""
    return AnalyticsEvent.objects.create(
        tenant_id=person.tenant_id,
        user_id=person.id,
        event_type=_event_type(event_type),
        event_data=_context(further | _context(event_data, "event_data"), "event_data"),
        created_at=now,
    )


def _event_type(value: object) -> str:
    if isinstance(value, str) and value.strip() and len(value) <= LONGEST_WORD:
        return value
    detail = f"event_type: must be a text of 1 to {LONGEST_WORD} characters."
    name = TYPE_NAMES.get(type(value), "object" if value is not None else "undefined")
    received = value[:LONGEST_WORD] if isinstance(value, str) else value
    details = {"received": None if name == "object" else received, "type": name, "valid": False}
    raise InvalidInput(
        detail, [FieldError(detail, pointer="/event_type")], extra={"details": details}
    )
