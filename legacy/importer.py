"""The importer: one person of an old database, one transaction."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from django.db import connection, transaction

from accounts import services as accounts
from accounts.models import ErasureCertificate, Tenant, User, UserProfile
from core import exact_json
from core.models import uuid7s
from health import checkins
from health import services as health
from health.models import DailyCheckin, HealthEvent
from insights.models import Insight, InsightInteraction
from legacy import mapping
from legacy.mapping import Plan, values
from legacy.mapping.checkins import Checkin
from legacy.models import LegacyImport, LegacyRecord
from legacy.types import Finding, Person, Row

UNDONE: Final = "migration undone"
BATCH: Final = 2000

# What a person has here, to tell later whether they wrote something new. Events of check-ins
# are not counted, as they may be written after their rows.
SNAPSHOT: Final = """
    SELECT (SELECT count(*) FROM health_events WHERE user_id = u.id AND source <> 'checkin'),
           (SELECT count(*) FROM daily_checkins WHERE user_id = u.id),
           (SELECT coalesce(sum(revision), 0) FROM daily_checkins WHERE user_id = u.id),
           (SELECT updated_at::text FROM user_profiles WHERE user_id = u.id),
           (SELECT count(*) FROM insight_interactions WHERE user_id = u.id),
           (SELECT count(*) FROM analytics_events WHERE user_id = u.id),
           (SELECT count(*) FROM refresh_families WHERE user_id = u.id)
      FROM users u
     WHERE u.id = %s
"""
COUNTED: Final = (
    *("events", "checkins", "revisions", "profile_updated_at"),
    *("interactions", "analytics_events", "sessions"),
)


class CannotBring(Exception):
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


def first_tenant() -> uuid.UUID:
    return Tenant.objects.values_list("id", flat=True).get(slug=accounts.FIRST_TENANT)


def digest(rows: mapping.Rows) -> str:
    """Sum up everything that the old database holds of a person."""
    lines = sorted(
        (row.table, row.key, msgspec.json.encode(row.values, enc_hook=str))
        for found in rows.values()
        for row in found
    )
    total = hashlib.sha256()
    for table, key, said in lines:
        total.update(msgspec.json.encode([table, key]))
        total.update(said)
    return total.hexdigest()


def snapshot(user_id: uuid.UUID) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(SNAPSHOT, [user_id])
        found = cursor.fetchone() or [None] * len(COUNTED)
    return {
        name: value if isinstance(value, str) else int(value or 0)
        for name, value in zip(COUNTED, found, strict=True)
    }


def was_erased(person: Person) -> bool:
    """Tell whether the person was erased here: they are not brought over again."""
    certificates = ErasureCertificate.objects.filter(subject_id=person.id)
    return certificates.exclude(reason=UNDONE).exists()


def check_free(person: Person, plan: Plan) -> None:
    """Refuse a person whose id or address belongs to an account that was not brought over."""
    taken = User.objects.filter(email=plan.account.email).exclude(id=person.id)
    if taken.exists():
        raise CannotBring(
            Finding(person.table, person.key, "email", "belongs to another account here")
        )
    if User.objects.filter(id=person.id).exists():
        raise CannotBring(
            Finding(person.table, person.key, "id", "is the id of another account here")
        )


@transaction.atomic
def bring(
    *, person: Person, plan: Plan, tenant_id: uuid.UUID, source: str, sum_of: str, now: dt.datetime
) -> dict[str, int]:
    """Bring a person over with everything, and give the rows that came by table."""
    check_free(person, plan)
    account = plan.account
    accounts.import_account(
        user_id=person.id,
        tenant_id=tenant_id,
        user=account.user,
        profile=account.profile | {"extra": account.extra},
        updated_at=account.updated_at,
    )
    health.import_history(
        user_id=person.id,
        tenant_id=tenant_id,
        checkins=[_old(checkin, account.zone) for checkin in plan.checkins],
        events=[{"id": event.id} | event.columns for event in plan.events],
    )
    _write_rest(person, plan, tenant_id, now)
    counts = _counts(plan)
    LegacyImport.objects.create(
        tenant_id=tenant_id,
        user_id=person.id,
        source=source,
        source_key=person.key,
        source_digest=sum_of,
        counts=counts,
        after=snapshot(person.id),
        imported_at=now,
    )
    return counts


@transaction.atomic
def bring_changes(
    *, person: Person, plan: Plan, known: LegacyImport, sum_of: str, now: dt.datetime
) -> dict[str, int]:
    """Bring what was added or changed in the old database since.

    What was changed here too stays as it is here; the verification tells of it.
    """
    LegacyImport.objects.select_for_update().get(id=known.id)
    before = snapshot(person.id)
    is_untouched = before["profile_updated_at"] == known.after.get("profile_updated_at")
    if is_untouched:
        _change_account(person, plan)
    revisions = _change_checkins(person, plan, known, now)
    _change_events(person, plan, known, now)
    _write_rest(person, plan, known.tenant_id, now)
    # What the person wrote since must go on counting as new.
    grown = snapshot(person.id)
    known.after = {
        name: _moved(known.after.get(name), before[name], grown[name]) for name in COUNTED
    } | {
        "updated": known.after.get("updated", {}) | revisions,
        # What was written here since the first time is the person's own.
        "since": known.after.get("since") or known.imported_at.isoformat(),
    }
    counts = _counts(plan)
    known.source_digest, known.counts, known.imported_at = sum_of, counts, now
    known.save(update_fields=["after", "source_digest", "counts", "imported_at"])
    return counts


def _moved(stood: Any, before: Any, grown: Any) -> Any:
    if isinstance(grown, int) and isinstance(before, int):
        return int(stood or 0) + grown - before
    return grown if stood == before else stood


def _change_account(person: Person, plan: Plan) -> None:
    account = plan.account
    profile = UserProfile.objects.select_related("user").get(user_id=person.id)
    user = {name: value for name, value in account.user.items() if name != "tokens_valid_from"}
    if any(getattr(profile.user, name) != value for name, value in user.items()):
        taken = User.objects.filter(email=account.email).exclude(id=person.id)
        if taken.exists():
            raise CannotBring(
                Finding(person.table, person.key, "email", "belongs to another account here")
            )
    accounts.change_imported_account(
        user_id=person.id,
        user=user,
        profile=account.profile | {"extra": account.extra},
        updated_at=account.updated_at,
    )


def _change_checkins(
    person: Person, plan: Plan, known: LegacyImport, now: dt.datetime
) -> dict[str, int]:
    """Add new check-ins whose day is free, and change those that nobody changed here."""
    rows = {row.id: row for row in DailyCheckin.objects.filter(user_id=person.id)}
    days = {row.date_submitted for row in rows.values() if row.deleted_at is None}
    updated = known.after.get("updated", {})
    new = [c for c in plan.checkins if c.id not in rows and c.date not in days]
    zone = plan.account.zone
    health.import_history(
        user_id=person.id,
        tenant_id=known.tenant_id,
        checkins=[_old(checkin, zone) for checkin in new],
        events=[],
    )
    revisions = {}
    for checkin in plan.checkins:
        row = rows.get(checkin.id)
        if row is None or row.revision != updated.get(str(row.id), 1):
            continue
        is_day_free = checkin.date == row.date_submitted or checkin.date not in days
        if is_day_free and not _says(row, checkin):
            revisions[str(row.id)] = health.change_imported_checkin(
                user_id=person.id, checkin=_old(checkin, zone), now=now
            )
    return revisions


def _says(row: DailyCheckin, checkin: Checkin) -> bool:
    return row.date_submitted == checkin.date and _canonical(
        checkins.from_row(vars(row))
    ) == _canonical(checkins.from_row(checkins.to_row(checkin.form)))


def _change_events(person: Person, plan: Plan, known: LegacyImport, now: dt.datetime) -> None:
    """Add new events; correct those that the old service changed in place and nobody here."""
    events = HealthEvent.objects.filter(user_id=person.id).current()
    here = {event.root_id: event for event in events}
    new = [{"id": e.id} | e.columns for e in plan.events if e.id not in here]
    health.import_history(user_id=person.id, tenant_id=known.tenant_id, checkins=[], events=new)
    for event in plan.events:
        current = here.get(event.id)
        if current is None or current.recorded_at > known.imported_at:
            continue
        if current.source == checkins.SOURCE:
            continue
        if any(
            _canonical(getattr(current, name)) != _canonical(value)
            for name, value in event.columns.items()
            if name in {"event_subtype", "event_data", "occurred_at", "local_date"}
        ):
            health.change_imported_event(event_id=event.id, changes=event.columns, now=now)


def _canonical(value: Any) -> bytes:
    """Compare as JSON does, with numbers as they are read here: as floats."""
    return msgspec.json.encode(msgspec.json.decode(exact_json.encode(value)), order="sorted")


def _old(checkin: Checkin, zone: str) -> dict[str, Any]:
    return {
        "id": checkin.id,
        "date": checkin.date,
        "form": checkin.form,
        "is_enhanced": checkin.is_enhanced,
        "created_at": checkin.created_at,
        "updated_at": checkin.updated_at,
        "event_ids": checkin.event_ids,
        **checkin.when(zone),
    }


def _write_rest(person: Person, plan: Plan, tenant_id: uuid.UUID, now: dt.datetime) -> None:
    owner = {"tenant_id": tenant_id, "user_id": person.id}
    insights = [Insight(**owner, **insight.columns) for insight in plan.insights]
    changed = {f.attname for f in Insight._meta.concrete_fields} - {"id", "tenant_id", "user_id"}
    Insight.objects.bulk_create(
        insights,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["id", "tenant"],
        update_fields=sorted(changed),
    )
    InsightInteraction.objects.bulk_create(
        [InsightInteraction(**owner, **found.columns) for found in plan.interactions],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["id", "tenant"],
        update_fields=["action", "context", "insight_id", "client_insight_id"],
    )
    write_records(plan.records, tenant_id=tenant_id, user_id=person.id, now=now)


@transaction.atomic
def write_new_records(rows: Sequence[Row], *, tenant_id: uuid.UUID, now: dt.datetime) -> None:
    """Write rows of nobody, but those that stand here already as they are."""
    tables, keys = {row.table for row in rows}, {row.key for row in rows}
    stand = LegacyRecord.objects.filter(source_table__in=tables, source_key__in=keys)
    digests = {
        (record.source_table, record.source_key): _canonical(record.content) for record in stand
    }
    new = [
        row
        for row in rows
        if digests.get((row.table, row.key)) != _canonical(mapping.content_of(row))
    ]
    write_records(new, tenant_id=tenant_id, user_id=None, now=now)


def write_records(
    rows: Sequence[Row], *, tenant_id: uuid.UUID, user_id: uuid.UUID | None, now: dt.datetime
) -> None:
    ids = uuid7s(len(rows))
    LegacyRecord.objects.bulk_create(
        [
            LegacyRecord(
                id=record_id,
                tenant_id=tenant_id,
                user_id=user_id,
                source_table=row.table,
                source_key=row.key,
                content=mapping.content_of(row),
                created_at=values.instant(row.get("created_at")) or now,
            )
            for record_id, row in zip(ids, rows, strict=True)
        ],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["source_table", "source_key", "tenant"],
        update_fields=["content"],
    )


def _counts(plan: Plan) -> dict[str, int]:
    counts: Mapping[str, Sequence[Any]] = {
        "daily_checkins": plan.checkins,
        "health_events": plan.events,
        "insights": plan.insights,
        "insight_interactions": plan.interactions,
        "legacy_records": plan.records,
    }
    return {"users": 1} | {table: len(rows) for table, rows in counts.items() if rows}
