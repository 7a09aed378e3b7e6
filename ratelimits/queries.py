"""Questions about the requests of the last day, and about whom limits met."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import Sum

from ratelimits.models import ApiTrafficHour, RateLimitViolation
from ratelimits.types import Mode, Rule, Scope

DAY: Final = dt.timedelta(days=1)
HOUR: Final = dt.timedelta(hours=1)
MOST_BUCKETS: Final = 200
# A bucket is shown as long as so much of it is used.
LEAST_USED: Final = 0.5


class Route(NamedTuple):
    method: str
    route: str


def routes_since(since: dt.datetime) -> list[Route]:
    """Give what was asked for at all."""
    hours = ApiTrafficHour.objects.filter(hour__gte=since - HOUR)
    return [Route(*row) for row in hours.order_by().values_list("method", "route").distinct()]


# Who shares a bucket, as text. Endpoints are told by the id of method and route; methods of one
# endpoint share its bucket, which the caller of this settles.
SUBJECTS: Final = {
    Scope.USER: "user_id::text",
    Scope.TENANT: "tenant_id::text",
    Scope.NETWORK: "nullif(network, '')",
    Scope.API_KEY: "api_key_id::text",
    Scope.ENDPOINT: "c.place",
    Scope.TENANT_ENDPOINT: "tenant_id::text || ' ' || c.place",
}
ASKED: Final = """
  FROM rate_limit_traffic t
 CROSS JOIN LATERAL unnest(t.routes, t.requests) AS e (route, n)
  JOIN unnest(%(ids)s::int[], %(costs)s::int[], %(places)s::text[]) AS c (route, cost, place)
    ON c.route = e.route
 WHERE t.minute >= %(since)s
   AND (%(tenant)s::uuid IS NULL OR t.tenant_id = %(tenant)s::uuid)
   AND {subject} IS NOT NULL
"""
# Of all who asked: how many, how often, and those whose requests of a day are more than a bucket.
SUMS: Final = f"""
WITH sums AS MATERIALIZED (
    SELECT {{subject}} AS subject, sum(n) AS requests, sum(n * cost) AS units
    {ASKED}
     GROUP BY 1
)
SELECT (SELECT count(*) FROM sums),
       (SELECT coalesce(sum(requests), 0) FROM sums),
       (SELECT array_agg(subject) FROM sums WHERE units > %(capacity)s)
"""  # noqa: S608  Names of ours.
SERIES: Final = f"""
SELECT subject, array_agg(minute ORDER BY minute), array_agg(requests ORDER BY minute),
       array_agg(units ORDER BY minute)
  FROM (SELECT {{subject}} AS subject,
               (extract(epoch FROM minute - %(since)s) / 60)::int AS minute,
               sum(n)::bigint AS requests, sum(n * cost)::bigint AS units
        {ASKED}
           AND {{subject}} = ANY (%(subjects)s)
         GROUP BY 1, 2) s
 GROUP BY subject
 ORDER BY subject
"""  # noqa: S608  Names of ours.
FAVORITES: Final = f"""
SELECT DISTINCT ON (subject) subject, place
  FROM (SELECT {{subject}} AS subject, c.place, sum(n) AS requests
        {ASKED}
           AND {{subject}} = ANY (%(subjects)s)
         GROUP BY 1, 2) s
 ORDER BY subject, requests DESC, place
"""  # noqa: S608  Names of ours.
FIRST_MINUTE: Final = "SELECT min(minute) FROM rate_limit_traffic WHERE minute >= %s"


class Series(NamedTuple):
    """What one subject asked, minute by minute from the beginning of the day looked at."""

    subject: str
    minutes: list[int]
    requests: list[int]
    units: list[int]


class Demand(NamedTuple):
    """What a rule would have looked at. `series` has only those who could have been limited."""

    subject_count: int
    request_count: int
    series: Sequence[Series]


def demand(
    rule: Rule, costs: Mapping[int, tuple[int, str]], *, capacity: int, since: dt.datetime
) -> Demand:
    """Add up what a rule looks at; `costs` has for each route's id its cost and its path."""
    asked = _asked(rule, costs, since) | {"capacity": capacity}
    with connection.cursor() as cursor:
        cursor.execute(SUMS.format(subject=SUBJECTS[rule.scope]), asked)
        subject_count, request_count, subjects = cursor.fetchone() or (0, 0, None)
        if not subjects:
            return Demand(subject_count, int(request_count), ())
        cursor.execute(SERIES.format(subject=SUBJECTS[rule.scope]), asked | {"subjects": subjects})
        return Demand(subject_count, int(request_count), [Series(*row) for row in cursor])


def favorite_routes(
    rule: Rule, costs: Mapping[int, tuple[int, str]], subjects: Sequence[str], since: dt.datetime
) -> dict[str, str]:
    """Tell what each subject asked for most often."""
    asked = _asked(rule, costs, since) | {"subjects": list(subjects)}
    with connection.cursor() as cursor:
        cursor.execute(FAVORITES.format(subject=SUBJECTS[rule.scope]), asked)
        return dict(cursor.fetchall())


def _asked(rule: Rule, costs: Mapping[int, tuple[int, str]], since: dt.datetime) -> dict[str, Any]:
    return {
        "ids": list(costs),
        "costs": [cost for cost, _ in costs.values()],
        "places": [place for _, place in costs.values()],
        "since": since,
        "tenant": rule.tenant_id,
    }


def traffic_begins_at(since: dt.datetime) -> dt.datetime | None:
    """Give the first minute of what is kept; None if nothing is."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_MINUTE, [since])
        row = cursor.fetchone()
    return row[0] if row else None


# Whom limits met

NOW_LIMITED: Final = """
SELECT b.rule_name, r.id AS rule_id, r.mode, b.scope, b.tenant_id, b.user_id, b.api_key_id,
       b.network, b.route, r.capacity, b.left_now AS remaining, b.limited_since, b.limited_until,
       b.seen_at, v.refusals
  FROM rate_limit_rules r
  JOIN LATERAL (
       SELECT *,
              least(r.capacity, remaining + extract(epoch FROM %(now)s - seen_at)
                                            * r.refill / r.window_seconds)::int AS left_now
         FROM rate_limit_buckets
        WHERE rule_name = r.name
       ) b ON b.left_now <= r.capacity * %(share)s
  LEFT JOIN LATERAL (
       SELECT sum(violation_count)::bigint AS refusals
         FROM rate_limit_violations v
        WHERE v.hour >= %(since)s
          AND v.rule_name = b.rule_name
          AND v.key = b.key
       ) v ON true
 WHERE r.mode <> 'off'
 ORDER BY coalesce(b.limited_until, '-infinity') > %(now)s DESC, b.left_now::float / r.capacity,
          b.seen_at DESC
 LIMIT %(most)s
"""


class Bucket(NamedTuple):
    """A bucket that is half empty or worse, as it is by now."""

    rule_name: str
    rule_id: uuid.UUID
    mode: str
    scope: str
    tenant_id: uuid.UUID | None
    user_id: uuid.UUID | None
    api_key_id: uuid.UUID | None
    network: str
    route: str
    capacity: int
    remaining: int
    limited_since: dt.datetime | None
    limited_until: dt.datetime | None
    seen_at: dt.datetime
    refusals: int | None


def buckets_now(now: dt.datetime) -> list[Bucket]:
    """Give the emptiest buckets, those that refuse first."""
    asked = {"now": now, "since": now - DAY, "share": 1 - LEAST_USED, "most": MOST_BUCKETS}
    with connection.cursor() as cursor:
        cursor.execute(NOW_LIMITED, asked)
        return [Bucket(*row) for row in cursor]


def refusals_by_rule(now: dt.datetime) -> dict[str, dict[str, int]]:
    """Count what each rule refused in the last day, and what it would have in shadow."""
    rows = RateLimitViolation.objects.filter(hour__gte=now - DAY).order_by()
    found: dict[str, dict[str, int]] = {}
    for name, mode, number in rows.values_list("rule_name", "mode").annotate(
        number=Sum("violation_count")
    ):
        found.setdefault(name, {})[mode] = number
    return found


def own_refusals(user_id: uuid.UUID, now: dt.datetime) -> dict[str, int]:
    """Count what a person was refused in the last day, by rule. Inside the gate."""
    rows = RateLimitViolation.objects.filter(
        user_id=user_id, hour__gte=now - DAY, mode=Mode.ENFORCED.value
    )
    return dict(rows.order_by().values_list("rule_name").annotate(number=Sum("violation_count")))
