"""Questions about flags, their history and their subjects."""

import datetime as dt
import uuid
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.models import Tenant, User
from flags import stale
from flags.evaluation import RuleSet
from flags.models import FeatureFlag, FeatureFlagChangeRequest, FeatureFlagVersion
from flags.targeting import plain_email
from flags.types import BOUNDS, Comparison, Context, RequestFigures

# The version that the flag of a row has now.
VERSION_NOW: Final = Subquery(
    FeatureFlag.objects.filter(flag_name=OuterRef("flag_name")).values("version")
)


def context_of_person(user_id: uuid.UUID) -> Context:
    """Read what flags may ask of a person: clinic and address. Inside the gate: one's own."""
    found = User.objects.filter(id=user_id).values_list("tenant_id", "email").first()
    tenant_id, email = found or (None, None)
    return Context(str(user_id), email, str(tenant_id) if tenant_id else None)


def is_of_another_clinic(tenant_id: uuid.UUID, user_id: str | None, email: str | None) -> bool:
    """Tell whether an id or an address is that of a person of ours whose clinic is another one."""
    named = Q(id=user_id) if user_id else Q()
    if email:
        named |= Q(email=plain_email(email).lower())
    return bool(named) and User.objects.filter(named).exclude(tenant_id=tenant_id).exists()


def version_made_at(flag_name: str, version: int) -> dt.datetime | None:
    found = FeatureFlagVersion.objects.filter(flag_name=flag_name, version=version)
    return found.values_list("changed_at", flat=True).first()


def waiting_change_requests() -> QuerySet[FeatureFlagChangeRequest]:
    """Give what a second person can still agree to: the flag is as it was."""
    is_open = FeatureFlagChangeRequest.State.OPEN
    return FeatureFlagChangeRequest.objects.filter(state=is_open, base_version=VERSION_NOW)


def rule_set_at(moment: dt.datetime, environment: str = "") -> RuleSet:
    """Give the flags as they were at a moment, from their history. It has no version of its own."""
    newest = (
        FeatureFlagVersion.objects.filter(changed_at__lte=moment)
        .order_by("flag_name", "-version")
        .distinct("flag_name")
    )
    known = [(one.definition, one.version) for one in newest]
    return RuleSet(
        [(definition, version) for definition, version in known if definition is not None],
        version=0,
        environment=environment or settings.ENVIRONMENT,
    )


# The hour of the change itself belongs to both sides of it.
GIVEN_SINCE_THE_LAST_CHANGE = """
SELECT f.flag_name, array_agg(DISTINCT c.variant)
  FROM feature_flags f
  JOIN feature_flag_counts c ON c.flag_name = f.flag_name AND c.hour >= f.updated_at
 WHERE f.flag_name = ANY(%s)
   AND c.variant <> ''
 GROUP BY f.flag_name
"""


def stale_reasons(now: dt.datetime) -> dict[str, str]:
    """Say of each stale flag why it is one, and what to do about it."""
    flags = [(flag.definition, flag.updated_at) for flag in FeatureFlag.objects.all()]
    old = [
        (definition, since)
        for definition, since in flags
        if stale.may_be_stale(definition, since, now)
    ]
    with connection.cursor() as cursor:
        cursor.execute(GIVEN_SINCE_THE_LAST_CHANGE, [[definition.key for definition, _ in old]])
        given = dict(cursor.fetchall())
    reasons = {
        definition.key: stale.stale_reason(definition, since, given.get(definition.key, ()), now)
        for definition, since in old
    }
    return {key: reason for key, reason in reasons.items() if reason}


# A row has as many durations as all others, so each of its requests is in the sum of every place.
OUTCOMES = """
WITH places AS (
    SELECT o.variant = %(variant)s AS is_own,
           d.place,
           sum(d.number)::bigint AS number,
           sum(o.requests)::bigint AS requests,
           sum(o.errors)::bigint AS errors
      FROM feature_flag_outcomes o
     CROSS JOIN unnest(o.durations) WITH ORDINALITY AS d (number, place)
     WHERE o.flag_name = %(flag_name)s
       AND o.minute >= %(since)s
     GROUP BY 1, 2
)
SELECT is_own, max(requests), max(errors), array_agg(number ORDER BY place)
  FROM places
 GROUP BY is_own
"""


def outcomes(flag_name: str, variant: str, since: dt.datetime) -> Comparison:
    """Compare the requests of people with a variant with the others', by whole minutes."""
    parameters: dict[str, str | dt.datetime] = {
        "flag_name": flag_name,
        "variant": variant,
        "since": since.replace(second=0, microsecond=0),
    }
    with connection.cursor() as cursor:
        cursor.execute(OUTCOMES, parameters)
        found = {is_own: RequestFigures(*figures) for is_own, *figures in cursor.fetchall()}
    nothing = RequestFigures(0, 0, [0] * (len(BOUNDS) + 1))
    return Comparison(found.get(True, nothing), found.get(False, nothing))


def clinic_names() -> dict[str, str]:
    """Give the names of all clinics by id, as definitions write ids in conditions."""
    return {str(pk): name for pk, name in Tenant.objects.values_list("id", "name")}
