"""Questions about the requests of the last day, and about whom limits met."""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from django.db import OperationalError, connection, transaction
from django.db.models import Sum
from psycopg.errors import QueryCanceled

from ratelimits.models import ApiTrafficHour, RateLimitViolation
from ratelimits.types import Mode, Rule, Scope

DAY: Final = dt.timedelta(days=1)
HOUR: Final = dt.timedelta(hours=1)
MOST_BUCKETS: Final = 200
# More than so many subjects are not played through for a preview.
MOST_BUSY: Final = 20_000
# Who hammers passes now and then, as something flows back all the time: limited is whoever was
# refused so lately.
LATELY: Final = dt.timedelta(seconds=10)
# A bucket is shown as long as so much of it is used.
LEAST_USED: Final = 0.5


Answer = TypeVar("Answer")


class Route(NamedTuple):
    """What was asked for in the last day, and how often."""

    method: str
    route: str
    request_count: int


def routes_since(since: dt.datetime) -> list[Route]:
    hours = ApiTrafficHour.objects.filter(hour__gte=since - HOUR).exclude(route="*").order_by()
    found = hours.values_list("method", "route").annotate(number=Sum("request_count"))
    return [Route(*row) for row in found]


class Priced(NamedTuple):
    """A route as a rule looks at it. `place` is the route, whatever the method."""

    id: int
    cost: int
    place: str


class Prices(NamedTuple):
    """What requests cost: `base`, and routes that cost something else; 0 is not looked at."""

    base: int
    others: Sequence[Priced]


# Who shares a bucket.
SUBJECTS: Final = {
    Scope.USER: "user_id",
    Scope.TENANT: "tenant_id",
    Scope.NETWORK: "nullif(network, '')",
    Scope.API_KEY: "api_key_id",
    Scope.ENDPOINT: "c.place",
    Scope.TENANT_ENDPOINT: "tenant_id::text || ' ' || c.place",
}
# Compared as what they are: a column that is cast has no index.
UUIDS: Final = frozenset({Scope.USER, Scope.TENANT, Scope.API_KEY})
# Counted by endpoint, so each request must be taken with its route.
BY_ENDPOINT: Final = frozenset({Scope.ENDPOINT, Scope.TENANT_ENDPOINT})

# All requests of a row at the base's cost, without a look at its routes, and what others differ.
BASE: Final = """
SELECT {subject} AS subject, minute, request_count AS n, request_count::bigint * %(base)s AS units
  FROM rate_limit_traffic
 WHERE %(base)s > 0
   AND {own}
 UNION ALL
"""
OTHERS: Final = """
SELECT {subject} AS subject, minute, e.n * c.n AS n, e.n::bigint * c.units AS units
  FROM rate_limit_traffic t
 CROSS JOIN LATERAL unnest(t.routes, t.requests) AS e (route, n)
  JOIN unnest(%(ids)s::int[], %(ns)s::int[], %(units)s::int[], %(places)s::text[])
       AS c (route, n, units, place)
    ON c.route = e.route
 WHERE t.routes && %(ids)s::int[]
   AND {own}
"""
OWN: Final = """minute >= %(since)s
   AND (%(tenant)s::uuid IS NULL OR tenant_id = %(tenant)s::uuid)
   AND {subject} IS NOT NULL"""
# Of all who asked: how many, how often, and those whose requests of a day are more than a bucket.
SUMS: Final = """
WITH sums AS MATERIALIZED (
    SELECT subject, sum(n) AS requests, sum(units) AS units
      FROM ({asked}) a
     GROUP BY subject
    HAVING sum(n) > 0
)
SELECT (SELECT count(*) FROM sums),
       (SELECT coalesce(sum(requests), 0) FROM sums)::bigint,
       (SELECT count(*) FROM sums WHERE units > %(capacity)s),
       ARRAY(SELECT subject FROM sums WHERE units > %(capacity)s
              ORDER BY units DESC LIMIT %(most)s)
"""
SERIES: Final = """
SELECT subject::text, array_agg(place ORDER BY place), array_agg(requests ORDER BY place),
       array_agg(units ORDER BY place)
  FROM (SELECT subject, (extract(epoch FROM minute - %(since)s) / 60)::int AS place,
               sum(n)::bigint AS requests, sum(units)::bigint AS units
          FROM ({asked}) a
         GROUP BY subject, minute
        HAVING sum(n) > 0) s
 GROUP BY subject
 ORDER BY subject
"""
FAVORITES: Final = """
SELECT DISTINCT ON (subject) subject, place
  FROM (SELECT ({subject})::text AS subject, c.place, sum(e.n) AS requests
          FROM rate_limit_traffic t
         CROSS JOIN LATERAL unnest(t.routes, t.requests) AS e (route, n)
          JOIN unnest(%(ids)s::int[], %(places)s::text[]) AS c (route, place)
            ON c.route = e.route
         WHERE {own}
         GROUP BY 1, 2) s
 ORDER BY subject, requests DESC, place
"""
# A preview that takes longer is given up.
PATIENCE: Final = "SET LOCAL statement_timeout = '20s'"
AS_USUAL: Final = "SET LOCAL statement_timeout TO DEFAULT"
FIRST_MINUTE: Final = "SELECT min(minute) FROM rate_limit_traffic WHERE minute >= %s"


class Series(NamedTuple):
    """What one subject asked, minute by minute from the beginning of the day looked at."""

    subject: str
    minutes: list[int]
    requests: list[int]
    units: list[int]


class Demand(NamedTuple):
    """What a rule would have looked at.

    `series` has those who could have been limited, the busiest first if there are too many;
    `busy_count` tells how many there are.
    """

    subject_count: int = 0
    request_count: int = 0
    busy_count: int = 0
    series: Sequence[Series] = ()


def demand(rule: Rule, prices: Prices, *, capacity: int, since: dt.datetime) -> Demand | None:
    """Add up what a rule looks at, of those who asked for more than `capacity` in the day.

    None: it is too much for somebody who waits.
    """
    return _patiently(lambda: _demand(rule, prices, capacity, since))


def _patiently(ask: Callable[[], Answer]) -> Answer | None:
    """Ask; None if it takes too long."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(PATIENCE)
            found = ask()
            cursor.execute(AS_USUAL)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return None
        raise
    return found


def _demand(rule: Rule, prices: Prices, capacity: int, since: dt.datetime) -> Demand:
    asked = _asked(rule, prices, since) | {"capacity": capacity, "most": MOST_BUSY}
    with connection.cursor() as cursor:
        cursor.execute(SUMS.format(asked=_rows(rule)), asked)
        subjects, requests, busy_count, busy = cursor.fetchone() or (0, 0, 0, [])
        series: Sequence[Series] = ()
        if busy:
            told = asked | {"subjects": busy}
            cursor.execute(SERIES.format(asked=_rows(rule, among=True)), told)
            series = [Series(*row) for row in cursor]
    return Demand(subjects, requests, busy_count, series)


def favorite_routes(
    rule: Rule, priced: Sequence[Priced], subjects: Sequence[str], since: dt.datetime
) -> dict[str, str]:
    """Tell what each subject asked for most often of what the rule looks at.

    Nothing, if that is too much for somebody who waits.
    """
    asked = _asked(rule, Prices(0, priced), since) | {"subjects": list(subjects)}
    subject = SUBJECTS[rule.scope]
    kind = "uuid" if rule.scope in UUIDS else "text"
    own = f"{_own(subject)} AND {subject} = ANY (%(subjects)s::{kind}[])"

    def ask() -> dict[str, str]:
        with connection.cursor() as cursor:
            cursor.execute(FAVORITES.format(subject=subject, own=own), asked)
            return dict(cursor.fetchall())

    return _patiently(ask) or {}


def _rows(rule: Rule, *, among: bool = False) -> str:
    """Write what gives the requests that a rule looks at; `among`: of some subjects."""
    subject = SUBJECTS[rule.scope]
    own = _own(subject)
    if among:
        own += f" AND {subject} = ANY (%(subjects)s)"
    base = "" if rule.scope in BY_ENDPOINT else BASE
    return (base + OTHERS).format(subject=subject, own=own)


def _own(subject: str) -> str:
    return OWN.format(subject=subject)


def _asked(rule: Rule, prices: Prices, since: dt.datetime) -> dict[str, Any]:
    base = prices.base
    return {
        "base": base,
        "ids": [one.id for one in prices.others],
        "ns": [bool(one.cost) - bool(base) for one in prices.others],
        "units": [one.cost - base for one in prices.others],
        "places": [one.place for one in prices.others],
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
WITH shown AS MATERIALIZED (
    SELECT b.*, r.id AS rule_id, r.mode, r.capacity AS most
      FROM rate_limit_rules r
      JOIN LATERAL (
           SELECT rule_name, key, scope, tenant_id, user_id, api_key_id, network, route,
                  limited_since, limited_until, seen_at,
                  least(r.capacity, remaining + extract(epoch FROM %(now)s - seen_at)
                                                * r.refill / r.window_seconds)::int AS left_now
             FROM rate_limit_buckets
            WHERE rule_name = r.name
           ) b ON b.left_now <= r.capacity * %(share)s
               -- Where requests cost more than one, much may be left, and not enough.
               OR b.limited_until > %(lately)s
     WHERE r.mode <> 'off'
     ORDER BY coalesce(b.limited_until, '-infinity') > %(lately)s DESC,
              b.left_now::float / r.capacity, b.seen_at DESC
     LIMIT %(most)s
)
SELECT s.rule_name, s.rule_id, s.mode, s.scope, s.tenant_id, s.user_id, s.api_key_id, s.network,
       s.route, s.most, s.left_now, s.limited_since, s.limited_until, s.seen_at, v.refusals
  FROM shown s
  LEFT JOIN (
       SELECT rule_name, key, sum(violation_count)::bigint AS refusals
         FROM rate_limit_violations
        WHERE hour >= %(since)s
          AND (rule_name, key) IN (SELECT rule_name, key FROM shown)
        GROUP BY rule_name, key
       ) v ON v.rule_name = s.rule_name AND v.key = s.key
 ORDER BY coalesce(s.limited_until, '-infinity') > %(lately)s DESC, s.left_now::float / s.most,
          s.seen_at DESC
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
    asked: dict[str, Any] = {
        "now": now,
        "lately": now - LATELY,
        "since": now - DAY,
        "share": 1 - LEAST_USED,
        "most": MOST_BUCKETS,
    }
    with connection.cursor() as cursor:
        cursor.execute(NOW_LIMITED, asked)
        return [Bucket(*row) for row in cursor]


MET: Final = """
WITH latest AS MATERIALIZED (
    SELECT *
      FROM rate_limit_violations
     WHERE last_at >= %(since)s {of_rule}
     ORDER BY last_at DESC
     LIMIT %(rows)s
)
SELECT rule_name, mode, scope, tenant_id, user_id, api_key_id, network, route,
       sum(violation_count)::bigint, min(first_at), max(last_at),
       (array_agg(samples ORDER BY last_at DESC))[1]::text
  FROM latest
 GROUP BY rule_name, key, mode, scope, tenant_id, user_id, api_key_id, network, route
 ORDER BY max(last_at) DESC
 LIMIT %(most)s
"""
# Of one caller and rule there is a row for each hour.
MOST_MET: Final = 10_000


class Met(NamedTuple):
    """What a rule refused one caller, or would have; with the last few samples."""

    rule_name: str
    mode: str
    scope: str
    tenant_id: uuid.UUID | None
    user_id: uuid.UUID | None
    api_key_id: uuid.UUID | None
    network: str
    route: str
    violation_count: int
    first_at: dt.datetime
    last_at: dt.datetime
    samples: list[dict[str, Any]]


def met(*, since: dt.datetime, rule_name: str, most: int) -> list[Met]:
    """Give whom rules met, those of late first; counted are the last MOST_MET rows."""
    asked: dict[str, Any] = {"since": since, "rule": rule_name, "most": most, "rows": MOST_MET}
    query = MET.format(of_rule="AND rule_name = %(rule)s" if rule_name else "")
    with connection.cursor() as cursor:
        cursor.execute(query, asked)
        return [Met(*[*row[:-1], json.loads(row[-1])]) for row in cursor]


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
