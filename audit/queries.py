"""Questions about the log, its alerts, and who is meant by the ids in them."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q, QuerySet

from audit import lines
from audit.models import BY_OTHERS, AuditAlert, AuditAlertRule, AuditLog
from audit.types import HOUSE, ActorKind, AlertStatus, GroupBy

LINK: Final = f"SELECT sequence, sealed_at {lines.LINK_OF_POSITION}"
# How far the order of ids may be from that of times: what is counted first is written later.
OUT_OF_STEP: Final = dt.timedelta(hours=1)
# An object is told of about when it is made.
MADE: Final = dt.timedelta(minutes=10)
# The year 9000, in milliseconds: who types an id may type any.
LATEST: Final = 221_845_392_000_000
# What of a rule staff may read: not who is told of its alerts.
SHOWN: Final = (
    *("id", "name", "description", "events", "outcome", "actor_kinds", "counts", "threshold"),
    *("window_minutes", "group_by", "severity", "cool_down_minutes", "is_enabled"),
)


# Who is meant


def _users() -> Any:
    """The model by the setting, as accounts is above this floor."""
    return cast(Any, get_user_model()).objects


def people(ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, str]:
    """Name people; those whom the asking role may not see are left out."""
    wanted = {each for each in ids if each}
    users = _users()
    return dict(users.filter(id__in=wanted).values_list("id", "email")) if wanted else {}


def clinics() -> dict[uuid.UUID, str]:
    """Name all clinics that the asking role may see, the house among them."""
    model: Any = get_user_model()._meta.get_field("tenant").related_model
    return {HOUSE: "The whole house"} | dict(
        model.objects.order_by("name").values_list("id", "name")
    )


def find_person(email: str) -> uuid.UUID | None:
    users = _users()
    found: uuid.UUID | None = users.filter(email=email).values_list("id", flat=True).first()
    return found


def tenant_of_person(user_id: uuid.UUID) -> uuid.UUID | None:
    users = _users()
    found: uuid.UUID | None = users.filter(id=user_id).values_list("tenant_id", flat=True).first()
    return found


def is_only_superuser(user_id: uuid.UUID) -> bool:
    active = _users().filter(is_superuser=True, is_staff=True, is_active=True)
    return list(active.values_list("id", flat=True)[:2]) == [user_id]


# Entries. Each condition has an index that it walks along, newest first.


def by_actor(actor_id: uuid.UUID) -> Q:
    """What somebody did to others or in the console; what people do is under their own record."""
    return Q(actor_id=actor_id) & ~Q(actor_kind=ActorKind.PERSON)


def about_object(object_id: str, subject_id: uuid.UUID | None = None) -> Q:
    """What happened to an object: of a person, or of nobody."""
    owner = Q(subject_id=subject_id) if subject_id else Q(subject_id__isnull=True)
    return owner & Q(object_id=object_id)


def _object_of_somebody(rows: QuerySet[AuditLog], object_id: uuid.UUID) -> Q | None:
    """Find whose an object is by when it was made, which its id tells (UUID 7)."""
    milliseconds = object_id.int >> 80
    if object_id.version != 7 or milliseconds > LATEST:  # noqa: PLR2004
        return None
    made_at = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    near = rows.filter(recorded_at__gte=made_at - MADE, recorded_at__lte=made_at + MADE)
    of = near.filter(object_id=str(object_id), subject_id__isnull=False).order_by()
    subject_id = of.values_list("subject_id", flat=True).first()
    return about_object(str(object_id), subject_id) if subject_id else None


def older_than(entry_id: int) -> Q:
    """Bound the time as well, for lists that walk along it; it is near that of the entries' ids."""
    at = AuditLog.objects.filter(id=entry_id).values_list("recorded_at", flat=True).first()
    older = Q(id__lt=entry_id)
    return older & Q(recorded_at__lte=at + OUT_OF_STEP) if at else older


def meant_by(rows: QuerySet[AuditLog], term: str) -> Q | None:
    """Tell what an id, or a person's whole e-mail address, means in the log.

    One kind after another is asked for: all of them in one condition would read the whole log.
    """
    person = find_person(term.lower()) if "@" in term else None
    as_id = person or as_uuid(term)
    kinds = [about_object(term), Q(request_id=term)]
    if as_id:
        kinds = [Q(subject_id=as_id), by_actor(as_id), *kinds]
    found = next((kind for kind in kinds if rows.filter(kind).order_by().exists()), None)
    return _object_of_somebody(rows, as_id) if found is None and as_id else found


def as_uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Link:
    """The link of its tenant's chain that an entry is in."""

    sequence: int
    sealed_at: dt.datetime


def link_of(entry: AuditLog) -> Link | None:
    """Find the link of an entry; None: it is not sealed yet."""
    with connection.cursor() as cursor:
        cursor.execute(LINK, [entry.tenant_id, entry.tx_id, entry.id])
        row = cursor.fetchone()
    return Link(*row) if row else None


# Alerts


def find_rule(rule_id: uuid.UUID) -> AuditAlertRule | None:
    return AuditAlertRule.objects.only(*SHOWN).filter(id=rule_id).first()


def entries_of(alert: AuditAlert) -> Q:
    """The entries that an alert may have counted, by its rule as it is now."""
    rule = find_rule(alert.rule_id)
    if rule is None:
        return Q(pk__in=[])
    wanted = Q(is_notable=True, event__in=rule.events)
    wanted &= Q(recorded_at__gte=alert.first_at, recorded_at__lte=alert.last_at)
    if rule.outcome:
        wanted &= Q(outcome=rule.outcome)
    if rule.actor_kinds:
        wanted &= Q(actor_kind__in=rule.actor_kinds)
    if alert.tenant_id != HOUSE:
        wanted &= Q(tenant_id=alert.tenant_id)
    columns: Mapping[str, str] = {
        GroupBy.ACTOR: "actor_id",
        GroupBy.SUBJECT: "subject_id",
        GroupBy.OBJECT: "object_id",
        GroupBy.NETWORK: "network",
    }
    if alert.group_by == GroupBy.ACTOR and as_uuid(alert.group_key) is None:
        kind, _, source = alert.group_key.partition(" ")
        return wanted & Q(actor_id__isnull=True, actor_kind=kind, source=source)
    column = columns.get(alert.group_by)
    return wanted & Q(**{column: alert.group_key}) if column else wanted


def unresolved_alerts() -> QuerySet[AuditAlert]:
    """What waits for somebody, of all that the asking role may see."""
    return AuditAlert.objects.exclude(status=AlertStatus.RESOLVED)


# What a person is told of an entry. Of others' networks they learn nothing.
TOLD: Final = (
    *("id", "recorded_at", "category", "event", "outcome", "actor_kind", "actor_id"),
    *("object_type", "object_id", "object_count", "details"),
)


def entries_about(
    person_id: uuid.UUID,
    *,
    first: dt.datetime | None = None,
    end: dt.datetime | None = None,
    with_all: bool = False,
    before: tuple[dt.datetime, int] | None = None,
) -> QuerySet[AuditLog]:
    """What was done with a person's record, newest first: by others, or by whomever.

    Others are people, servers and SQL: what Novara itself does for a person is no look at them.
    """
    found = AuditLog.objects.filter(subject_id=person_id)
    # The condition of an index: a person's own entries are many, and so are Novara's.
    narrowed = found if with_all else found.filter(BY_OTHERS)
    if first is not None:
        narrowed = narrowed.filter(recorded_at__gte=first)
    if end is not None:
        narrowed = narrowed.filter(recorded_at__lt=end)
    if before is not None:
        at, last = before
        # The first condition is where the index begins.
        narrowed = narrowed.filter(recorded_at__lte=at).exclude(recorded_at=at, id__gte=last)
    return narrowed.order_by("-recorded_at", "-id").only(*TOLD)
