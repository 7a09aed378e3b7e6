"""What the charts of the console's home show, asked in the gate of whoever looks.

Each question reads what the period holds and nothing of the years before: sums by day and hour that
are kept anyway, or an index of a few rows for each document.
"""

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from django.db import connection
from django.db.models import Min

from accounts.models import Tenant
from config.charts import Chart, Period, Series, bars, lines, quantile, spread
from ratelimits.types import BOUNDS

HOUR: Final = dt.timedelta(hours=1)
DAY: Final = dt.timedelta(days=1)
PERIODS: Final = {
    one.key: one
    for one in (
        Period("24h", "24 hours", HOUR, 24),
        Period("4w", "4 weeks", DAY, 28),
        Period("12w", "12 weeks", DAY, 84),
    )
}
USUAL: Final = PERIODS["4w"]

LEAST_SHARE: Final = 0.0001
# Clinic by clinic, along the key; not all days of all years.
HEALTH: Final = """
    SELECT m.local_date, sum(m.event_count)::bigint, sum(m.person_count)::bigint,
           sum(m.checkin_count)::bigint
      FROM tenants t
     CROSS JOIN LATERAL (
           SELECT d.local_date, d.event_count, d.person_count, d.checkin_count
             FROM tenant_daily_metrics d
            WHERE d.tenant_id = t.id
              AND d.local_date BETWEEN %s AND %s
           ) m
     GROUP BY m.local_date
"""
DOCUMENTS: Final = """
    SELECT date_trunc(%s, ended_at, 'UTC'),
           count(*) FILTER (WHERE outcome = 'succeeded'),
           count(*) FILTER (WHERE outcome = 'failed')
      FROM document_attempts
     WHERE ended_at >= %s
       AND (stage = 'embedding' AND outcome = 'succeeded'
            OR outcome = 'failed' AND retry_at IS NULL)
     GROUP BY 1
"""
EXPOSURES: Final = """
    SELECT date_trunc(%s, e.hour, 'UTC'), sum(e.exposures)::bigint
      FROM feature_flags f
     CROSS JOIN LATERAL (
           SELECT x.hour, x.exposures
             FROM feature_flag_exposures x
            WHERE x.flag_name = f.flag_name
              AND x.hour >= %s
           ) e
     GROUP BY 1
"""
FIRST_EXPOSURE: Final = """
    SELECT min(e.hour)
      FROM feature_flags f
     CROSS JOIN LATERAL (
           SELECT x.hour
             FROM feature_flag_exposures x
            WHERE x.flag_name = f.flag_name
            ORDER BY x.hour
            LIMIT 1
           ) e
"""
# Route "*" is all routes together. Hour by hour, as other routes lie between.
REQUESTS: Final = f"""
    SELECT date_trunc(%s, h.hour, 'UTC'),
           coalesce(sum(t.request_count) FILTER (WHERE t.status_class < 4), 0)::bigint,
           coalesce(sum(t.request_count) FILTER (WHERE t.status_class = 4), 0)::bigint,
           coalesce(sum(t.request_count) FILTER (WHERE t.status_class > 4), 0)::bigint,
           {", ".join(f"sum(t.histogram[{place}])::bigint" for place in range(1, len(BOUNDS) + 2))}
      FROM generate_series(%s::timestamptz, %s::timestamptz, interval '1 hour') AS h (hour)
     CROSS JOIN LATERAL (
           SELECT r.status_class, r.request_count, r.histogram
             FROM api_traffic_hours r
            WHERE r.hour = h.hour
              AND r.route = '*'
           ) t
     GROUP BY 1
"""
FIRST_REQUEST: Final = "SELECT min(hour) FROM api_traffic_hours"

Found = Mapping[dt.datetime, Sequence[Any]]


def charts(user: Any, period: Period, now: dt.datetime) -> list[Chart]:
    """Give the charts of somebody's role: the house's, a clinic's, or without health figures."""
    places = period.buckets(now)
    since = _beginning(user)
    found: list[Chart] = []
    if period.is_daily and not user.is_support:
        found += _health(places, since)
    found.append(_documents(places, since, period))
    if user.is_superuser:
        found += [_exposures(places, period), *_requests(places, period, now)]
    return [replace(one, is_daily=period.is_daily) for one in found]


def _beginning(user: Any) -> dt.datetime:
    """Tell since when there could have been anything."""
    if not user.is_superuser:
        begun: dt.datetime = user.tenant.created_at
        return begun
    first: dt.datetime = Tenant.objects.aggregate(first=Min("created_at"))["first"]
    return first


def _health(places: Sequence[dt.datetime], since: dt.datetime) -> list[Chart]:
    rows = _rows(HEALTH, [places[0].date(), places[-1].date()])
    found = {dt.datetime.combine(day, dt.time(), dt.UTC): rest for day, *rest in rows}
    begun = _earliest(since, found)
    events, people, checkins = (
        spread(places, {place: row[column] for place, row in found.items()}, begun)
        for column in range(3)
    )
    return [
        _bars(
            "events",
            "Health events",
            places,
            [Series("events", "main", events)],
            note="By the day on which they happened, in the person's own time zone.",
        ),
        _bars(
            "people",
            "Active people",
            places,
            [Series("people", "main", people)],
            summary=f"At most {max(filter(None, people), default=0):,} on one day",
            note="People who recorded something of that day.",
        ),
        _bars("checkins", "Daily check-ins", places, [Series("check-ins", "main", checkins)]),
    ]


def _documents(places: Sequence[dt.datetime], since: dt.datetime, period: Period) -> Chart:
    found = _found(DOCUMENTS, [_unit(period), places[0]])
    completed, failed = _columns(places, found, _earliest(since, found), 2)
    return _bars(
        "documents",
        "Documents",
        places,
        [Series("completed", "main", completed), Series("failed", "bad", failed)],
        note="A document that failed, was retried and completed is in both.",
    )


def _exposures(places: Sequence[dt.datetime], period: Period) -> Chart:
    found = _found(EXPOSURES, [_unit(period), places[0]])
    ((first,),) = _rows(FIRST_EXPOSURE)
    (seen,) = _columns(places, found, first, 1)
    return _bars(
        "exposures",
        "Flag exposures",
        places,
        [Series("exposures", "main", seen)],
        note="People and servers that were shown a variant, once an hour and variant.",
    )


def _requests(places: Sequence[dt.datetime], period: Period, now: dt.datetime) -> list[Chart]:
    found = _found(REQUESTS, [_unit(period), places[0], now])
    ((first,),) = _rows(FIRST_REQUEST)
    fine, refused, broken = _columns(places, found, first, 3)
    histograms = [found[place][3:] if place in found else None for place in places]
    middle, slow = (
        [quantile(share, one, BOUNDS) if one else None for one in histograms]
        for share in (0.5, 0.95)
    )
    total, errors = _sum(fine) + _sum(refused) + _sum(broken), _sum(broken)
    return [
        _bars(
            "requests",
            "API requests",
            places,
            [
                Series("answered", "main", fine),
                Series("refused (4xx)", "mild", refused),
                Series("errors (5xx)", "bad", broken),
            ],
            summary=f"{total:,} requests, {errors:,} errors{_share(errors, total)}",
        ),
        _latency(places, middle, slow),
    ]


def _latency(
    places: Sequence[dt.datetime], middle: Sequence[float | None], slow: Sequence[float | None]
) -> Chart:
    series = [
        Series("half within (p50)", "main", middle),
        Series("95 of 100 within (p95)", "mild", slow),
    ]
    key, title = "latency", "API latency"
    known = [(one, other) for one, other in zip(middle, slow, strict=True) if one is not None]
    if not known:
        return Chart(key, title, "", series)
    buckets, drawn, most = lines(places, series)
    half, most_of = known[-1]
    return Chart(
        key,
        title,
        f"Lately half within {half:,.0f} ms, 95 of 100 within {most_of:,.0f} ms",
        series,
        buckets,
        drawn,
        most,
        unit=" ms",
        note=f"Estimated from classes up to {BOUNDS[-1]:,} ms; what takes longer counts as that.",
    )


def _bars(
    key: str,
    title: str,
    places: Sequence[dt.datetime],
    series: Sequence[Series],
    *,
    summary: str = "",
    note: str = "",
) -> Chart:
    if not any(itertools.chain.from_iterable(one.figures for one in series)):
        return Chart(key, title, "", series)
    buckets, most = bars(places, series)
    said = summary or ", ".join(f"{_sum(one.figures):,} {one.name}" for one in series)
    return Chart(key, title, said, series, buckets, (), most, note=note)


def _share(part: int, whole: int) -> str:
    if not part:
        return ""
    return f" ({part / whole:.2%})" if part / whole >= LEAST_SHARE else " (under 0.01%)"


def _sum(figures: Sequence[float | None]) -> int:
    return int(sum(filter(None, figures)))


def _earliest(since: dt.datetime, found: Found) -> dt.datetime:
    """What was brought over from elsewhere may be older than the clinic here."""
    return min([since, *found])


def _columns(
    places: Sequence[dt.datetime], found: Found, since: dt.datetime | None, count: int
) -> list[list[float | None]]:
    return [
        spread(places, {place: row[column] for place, row in found.items()}, since)
        for column in range(count)
    ]


def _unit(period: Period) -> str:
    return "day" if period.is_daily else "hour"


def _found(query: str, parameters: Sequence[Any]) -> Found:
    return {place: rest for place, *rest in _rows(query, parameters)}


def _rows(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
