"""What can be done with questionnaires: complete one, read them, make and choose a clinic's own."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Max

from accounts import queries as accounts
from assessments import definitions, queries, scoring
from assessments.instruments import BUILT_IN, plain_name
from assessments.models import AssessmentDefinition, AssessmentResponse
from assessments.types import Completed, CompletionIn, Due, Instrument, ResponsesQuery, Score
from core import cursors, times
from core.errors import DomainError, InvalidInput
from core.gate import Person
from health import services as health
from health import storage
from health.event_types import get_event_type
from health.models import HealthEvent
from health.types import EventIn

EVENT_TYPE: Final = "assessment"
# Clients cannot use it: what has it was scored here.
SOURCE: Final = "assessment"


class VersionTaken(DomainError):
    status = 409
    code = "version-taken"
    retryable = True


@dataclass(frozen=True)
class Completion:
    """A completed questionnaire. `is_new` is false where the call was made before."""

    instrument: Instrument
    score: Score
    event: HealthEvent
    started_at: dt.datetime | None
    is_new: bool
    offered: list[str]
    next_due_at: dt.datetime | None


@dataclass(frozen=True)
class Listed:
    instrument: Instrument
    last: Completed | None
    due: Due | None


def complete(
    *,
    person: Person,
    name: str,
    sent: CompletionIn,
    idempotency_key: str | None,
    now: dt.datetime,
) -> Completion:
    """Score answers and record them, as one event of the log."""
    storage.require_events(person.id)
    instrument = queries.get_instrument(person, name, version=sent.version)
    score = scoring.score(instrument, sent.answers)
    started_at = _started_at(sent, now)
    event = EventIn(
        event_type=EVENT_TYPE,
        event_subtype=instrument.name,
        event_data=_event_data(instrument, score, started_at),
        occurred_at=sent.completed_at,
        time_zone=sent.time_zone,
        client_event_id=sent.client_event_id,
        source=SOURCE,
    )
    recorded, is_new = health.record_event_of(
        person=person,
        event=event,
        told=_told(instrument, sent),
        idempotency_key=idempotency_key,
        now=now,
    )
    if not is_new:
        instrument, score = _as_recorded(person, recorded) or (instrument, score)
    due = [due for due in queries.find_due(person, now=now) if due.instrument == instrument.name]
    return Completion(
        instrument=instrument,
        score=score,
        event=recorded,
        started_at=started_at,
        is_new=is_new,
        offered=queries.offered(instrument, score.sub_scores),
        next_due_at=due[0].due_at if due else None,
    )


def _told(instrument: Instrument, sent: CompletionIn) -> list[str]:
    """Name what the client says itself."""
    version = ["instrument_version"] if sent.version else []
    answers = [item.link_id for item in instrument.items]
    return ["instrument", *version, "started_at", *answers]


def _as_recorded(person: Person, event: HealthEvent) -> tuple[Instrument, Score] | None:
    """Score an event of before by its own version; None where the server did not score it then."""
    if event.source != SOURCE or event.schema_version == 1:
        return None
    data = event.event_data
    instrument = queries.get_instrument(
        person, data["instrument"], version=data["instrument_version"]
    )
    answers = {item.link_id: data.get(item.link_id) for item in instrument.items}
    return instrument, scoring.score(instrument, answers)


def list_assessments(*, person: Person, now: dt.datetime) -> list[Listed]:
    storage.require_events(person.id)
    found = queries.instruments(person)
    last = queries.newest_completed(person, found, now=now)
    profile = accounts.profile(person.id)
    dues = queries.due_of(profile, last, zone=person.time_zone, now=now)
    due = {each.instrument: each for each in dues}
    return [Listed(each, last.get(each.name), due.get(each.name)) for each in found]


def get_definition(*, person: Person, name: str, version: str | None) -> Instrument:
    storage.require_events(person.id)
    return queries.get_instrument(person, name, version=version)


def list_due(*, person: Person, now: dt.datetime) -> list[Due]:
    storage.require_events(person.id)
    return queries.find_due(person, now=now)


def list_responses(
    *, person: Person, name: str, query: ResponsesQuery
) -> tuple[list[AssessmentResponse], str | None]:
    """Give a page of what was completed, newest first, and the cursor of the next one.

    What was answered is shown, whether or not the questionnaire is asked any more.
    """
    storage.require_events(person.id)
    before = cursors.read(query.cursor, cursors.instant, uuid.UUID)
    place = (before[0], before[1]) if before else None
    known = queries.name_of(name)
    found = queries.responses(person, known, before=place, limit=query.limit + 1)
    if not found and place is None:
        queries.get_instrument(person, known)
    page = found[: query.limit]
    last = page[-1] if len(found) > query.limit else None
    return page, cursors.write(last.completed_at.isoformat(), last.id) if last else None


def _started_at(sent: CompletionIn, now: dt.datetime) -> dt.datetime | None:
    """Check both times under the names that the caller gave them."""
    completed_at = now
    if sent.completed_at is not None:
        at = "/completed_at"
        completed_at, _ = times.read_instant(sent.completed_at, at)
        most = get_event_type(EVENT_TYPE).furthest_ahead
        times.check_not_ahead(completed_at, now=now, most=most, pointer=at)
    if sent.started_at is None:
        return None
    started_at, _ = times.read_instant(sent.started_at, "/started_at")
    # Without completed_at, a client's clock may be ahead of ours.
    if sent.completed_at is not None and started_at > completed_at:
        raise InvalidInput.at("/started_at", "started_at: must not be after completed_at.")
    if sent.completed_at is None:
        times.check_not_ahead(started_at, now=now, most=dt.timedelta(days=1), pointer="/started_at")
    return started_at.astimezone(dt.UTC)


def _event_data(
    instrument: Instrument, score: Score, started_at: dt.datetime | None
) -> dict[str, Any]:
    """Say it under the keys of the log's schema; see health/event_types.py."""
    unscored = {item.link_id for item in instrument.items if not item.is_scored}
    answers = {
        link_id: value
        for link_id, value in score.answers.items()
        if value is not None or link_id not in unscored
    }
    data: dict[str, Any] = {
        **answers,
        "total_score": score.total,
        **_sub_scores(instrument, score),
        "severity": score.severity,
        "instrument": instrument.name,
        "instrument_version": instrument.version,
        "is_complete": score.is_complete,
    }
    optional = {
        "missing": list(score.missing),
        "safety_items": list(score.flagged),
        "started_at": started_at.isoformat() if started_at else None,
        "loinc": _loinc(instrument, score),
    }
    return data | {key: value for key, value in optional.items() if value}


def _sub_scores(instrument: Instrument, score: Score) -> dict[str, Any]:
    """PHQ-4's have keys of their own since the first daily form; others stand together."""
    if not instrument.sub_scores:
        return {}
    if instrument.name in BUILT_IN:
        return dict(score.sub_scores)
    return {"sub_scores": dict(score.sub_scores)}


def _loinc(instrument: Instrument, score: Score) -> dict[str, Any]:
    codes = {
        "panel": instrument.panel_loinc,
        "total": instrument.total_loinc if score.is_complete else None,
        "band": score.band.loinc if score.band else None,
        "items": {item.link_id: item.loinc for item in instrument.items if item.loinc},
    }
    return {key: code for key, code in codes.items() if code}


# A clinic's own questionnaires


def next_version(*, tenant_id: uuid.UUID, name: str) -> int:
    rows = AssessmentDefinition.objects.filter(tenant_id=tenant_id, name=name)
    newest: int | None = rows.aggregate(newest=Max("version"))["newest"]
    return (newest or 0) + 1


def check_name(*, tenant_id: uuid.UUID, name: str) -> None:
    """Raise InvalidInput where the clinic cannot have a questionnaire of this name.

    Figures and clients tell names apart by letters and digits alone.
    """
    definitions.check_name(name)
    rows = AssessmentDefinition.objects.filter(tenant_id=tenant_id).order_by("name")
    names = set(rows.values_list("name", flat=True).distinct())
    alike = [other for other in sorted(names) if plain_name(other) == plain_name(name)]
    if alike and name not in names:
        detail = (
            f"name: differs from {alike[0]} in underscores alone. Choose another name, or make"
            f" the next version of {alike[0]}."
        )
        raise InvalidInput.at("/name", detail)


def add_definition(
    *, tenant_id: uuid.UUID, name: str, title: str, content: Any, is_active: bool
) -> AssessmentDefinition:
    """Add a version of a questionnaire; the ones before stay as they are."""
    check_name(tenant_id=tenant_id, name=name)
    version = next_version(tenant_id=tenant_id, name=name)
    definitions.read(name=name, version=version, title=title, content=content)
    try:
        with transaction.atomic():
            row = AssessmentDefinition.objects.create(
                tenant_id=tenant_id, name=name, version=version, title=title, content=content
            )
    except IntegrityError as error:
        raise VersionTaken("Somebody added a version of this meanwhile. Try again.") from error
    if is_active:
        activate(definition=row)
    return row


@transaction.atomic
def activate(*, definition: AssessmentDefinition) -> None:
    """Let people be asked this version, and no other one of its name."""
    versions = AssessmentDefinition.objects.filter(
        tenant_id=definition.tenant_id, name=definition.name
    )
    # Two who choose at once come one after the other.
    list(versions.order_by("id").select_for_update().values_list("id"))
    versions.filter(is_active=True).exclude(id=definition.id).update(is_active=False)
    versions.filter(id=definition.id).update(is_active=True)
    definition.is_active = True


def deactivate(*, definition: AssessmentDefinition) -> None:
    """Ask nobody this questionnaire any more. What was answered stays."""
    AssessmentDefinition.objects.filter(id=definition.id).update(is_active=False)
    definition.is_active = False
