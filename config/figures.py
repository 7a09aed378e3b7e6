"""What somebody who runs Novara wants to know beyond single parts: requests, limits, audit, queues.

Labels are words of this program alone. Each question looks at so many rows at most.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import redis
from django.db import connection
from django.utils import timezone

from audit import staff_figures
from audit.staff_figures import SealerState
from config.broker import broker_client
from config.restoring import positions
from config.routes import all_routes
from core import gate
from ratelimits.types import BOUNDS, METHODS

Figures: TypeAlias = Mapping[tuple[str, ...], float]

QUEUES: Final = ("default", "metrics", "documents")
# What a route, a method or a rule is called that is none of ours (any more).
OTHER: Final = "other"
STATUSES: Final = {1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}

# Counts begin anew at midnight, as counters do when a process begins anew.
TRAFFIC: Final = """
    SELECT route, method, status_class, request_count, total_ms, histogram
      FROM api_traffic_hours
     WHERE hour >= date_trunc('day', now(), 'UTC')
       AND route <> '*'
"""
# All of them, from an index: a sum of some would go up and down.
LIMITED: Final = f"""
    SELECT CASE WHEN r.name IS NULL THEN '{OTHER}' ELSE r.name END, v.mode,
           sum(v.violation_count)::float8
      FROM (SELECT rule_name, mode, sum(violation_count) AS violation_count
              FROM rate_limit_violations
             WHERE hour >= date_trunc('day', now(), 'UTC')
             GROUP BY rule_name, mode) v
      LEFT JOIN rate_limit_rules r ON r.name = v.rule_name
     GROUP BY 1, 2
"""
ALERTS: Final = """
    SELECT severity, status, count(*)::float8
      FROM audit_alerts
     WHERE status <> 'resolved'
     GROUP BY severity, status
"""
# The event that has waited longest for whoever writes insights.
UNREAD: Final = """
    SELECT coalesce(extract(epoch FROM now() - min(e.recorded_at)), 0)::float8
      FROM (SELECT recorded_at
              FROM health_events
             WHERE tx_id >= (SELECT position FROM insight_cursors)
             ORDER BY tx_id
             LIMIT 1000) e
"""
# A transaction that stays open holds back every reader of a log.
DATABASE: Final = """
    SELECT count(*)::float8, current_setting('max_connections')::float8,
           coalesce(max(extract(epoch FROM now() - xact_start))
                    FILTER (WHERE backend_xmin IS NOT NULL OR backend_xid IS NOT NULL), 0)::float8,
           pg_database_size(current_database())::float8
      FROM pg_stat_activity
     WHERE backend_type = 'client backend'
"""


class Place(NamedTuple):
    route: str
    method: str


class Traffic(NamedTuple):
    """Of today. `buckets` are for each route and method, by BOUNDS, with the sum in seconds."""

    requests: Figures
    buckets: Mapping[Place, list[int]]
    seconds: Mapping[Place, float]


class Audit(NamedTuple):
    sealer: SealerState
    alerts: Figures


class Database(NamedTuple):
    connections: float
    most_connections: float
    oldest_transaction: float
    size: float
    positions_missing: float


def traffic() -> Traffic:
    requests: dict[tuple[str, ...], float] = {}
    buckets: dict[Place, list[int]] = {}
    seconds: dict[Place, float] = {}
    for route, method, status, count, ms, histogram in _rows(TRAFFIC):
        # Tallies may name a route that is gone, and whatever method somebody sent.
        ours = route if route in all_routes() else OTHER
        place = Place(ours, method if method in METHODS else OTHER)
        labels = (*place, STATUSES.get(status, OTHER))
        requests[labels] = requests.get(labels, 0) + count
        before = buckets.get(place, [0] * (len(BOUNDS) + 1))
        buckets[place] = [sum(pair) for pair in zip(before, histogram, strict=True)]
        seconds[place] = seconds.get(place, 0) + ms / 1000
    return Traffic(requests, buckets, seconds)


def limited() -> Figures:
    return {(rule, mode): count for rule, mode, count in _rows(LIMITED)}


def audit() -> Audit:
    with gate.as_system():
        sealer = staff_figures.sealer_state(now=timezone.now())
    alerts: Figures = {(severity, status): count for severity, status, count in _rows(ALERTS)}
    return Audit(sealer, alerts)


def unread_events() -> float:
    """Give for how many seconds the oldest event has waited for its insights."""
    ((lag,),) = _rows(UNREAD)
    return float(lag)


def database() -> Database:
    ((connections, most, oldest, size),) = _rows(DATABASE)
    return Database(connections, most, oldest, size, positions.look().missing)


def queues() -> Figures:
    """Count the tasks that wait in each queue; nothing at all while the broker is away."""
    try:
        with broker_client() as client:
            return {(name,): float(client.llen(name)) for name in QUEUES}
    except redis.RedisError:
        return {}


def _rows(query: str) -> list[tuple[Any, ...]]:
    with gate.as_system(), connection.cursor() as cursor:
        cursor.execute(query)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
