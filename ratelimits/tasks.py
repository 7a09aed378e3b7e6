"""Work for later."""

import datetime as dt
from typing import Any, Final

from celery import shared_task
from django.db.models import QuerySet
from django.utils import timezone

from core import gate
from core.portions import delete_in_portions
from ratelimits import buckets
from ratelimits.models import (
    ApiTrafficHour,
    RateLimitFlush,
    RateLimitTraffic,
    RateLimitViolation,
)

TRAFFIC_KEPT: Final = dt.timedelta(hours=25)
VIOLATIONS_KEPT: Final = dt.timedelta(days=90)
HOURS_KEPT: Final = dt.timedelta(days=400)
FLUSHES_KEPT: Final = dt.timedelta(days=2)
PORTION: Final = 20_000


@shared_task
def delete_old_records() -> int:
    """Delete what was counted so long ago that nobody needs it."""
    now = timezone.now()
    old: tuple[QuerySet[Any], ...] = (
        RateLimitTraffic.objects.filter(minute__lt=now - TRAFFIC_KEPT),
        RateLimitViolation.objects.filter(hour__lt=now - VIOLATIONS_KEPT),
        ApiTrafficHour.objects.filter(hour__lt=now - HOURS_KEPT),
        RateLimitFlush.objects.filter(flushed_at__lt=now - FLUSHES_KEPT),
    )
    with gate.as_system():
        full = buckets.forget_full(now)
    return full + sum(delete_in_portions(rows, PORTION) for rows in old)
