"""How often a flag was asked for within a day, and by how many people."""

import datetime as dt
from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db import connection
from django.db.models import Sum

from flags.models import FeatureFlagCount

DAY: Final = dt.timedelta(hours=24)
# Above that, people are not told apart over the hours: it would take too long for a page.
MOST_TOLD_APART: Final = 500_000

PEOPLE = """
SELECT variant, sum(exposures) FROM feature_flag_exposures
 WHERE flag_name = %s AND hour >= %s
 GROUP BY variant
"""
PEOPLE_TOLD_APART = """
SELECT variant, count(DISTINCT subject)
  FROM feature_flag_exposures, unnest(subjects) subject
 WHERE flag_name = %s AND hour >= %s
 GROUP BY variant
"""


class Asked(NamedTuple):
    variant: str
    evaluations: str
    people: str
    # Of all evaluations, for a bar.
    share: float


def asked_lately(flag_name: str, now: dt.datetime) -> Sequence[Asked]:
    since = now - DAY
    counts = FeatureFlagCount.objects.filter(flag_name=flag_name, hour__gte=since)
    evaluations = dict(
        counts.order_by("variant").values_list("variant").annotate(number=Sum("evaluations"))
    )
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, [flag_name, since])
        people = dict(cursor.fetchall())
        is_upper_bound = sum(people.values()) > MOST_TOLD_APART
        if not is_upper_bound:
            cursor.execute(PEOPLE_TOLD_APART, [flag_name, since])
            people = dict(cursor.fetchall())
    total = sum(evaluations.values())
    up_to = "up to " if is_upper_bound else ""
    return [
        Asked(
            variant or "none",
            f"{number:,}",
            f"{up_to}{people.get(variant, 0):,}",
            100 * number / total,
        )
        for variant, number in evaluations.items()
    ]
