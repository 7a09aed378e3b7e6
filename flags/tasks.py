"""Work for later."""

import datetime as dt
from typing import Any, Final

from celery import shared_task
from django.db.models import QuerySet
from django.utils import timezone

from core import gate
from core.portions import delete_in_portions
from flags.models import (
    FeatureFlagCount,
    FeatureFlagEvaluation,
    FeatureFlagExposure,
    FeatureFlagOutcome,
    FlagFlush,
)
from flags.services import ramping

DAY: Final = dt.timedelta(days=1)
EVALUATIONS_KEPT: Final = 30 * DAY
SUMS_KEPT: Final = 400 * DAY
OUTCOMES_KEPT: Final = 30 * DAY
SUBJECTS_KEPT: Final = 2 * DAY
FLUSHES_KEPT: Final = 2 * DAY
PORTION: Final = 5_000


@shared_task
def delete_old_records() -> int:
    """Delete what was counted so long ago that nobody needs it, and hashes of subjects early."""
    now = timezone.now()
    old: tuple[QuerySet[Any], ...] = (
        FeatureFlagEvaluation.objects.filter(evaluated_at__lt=now - EVALUATIONS_KEPT),
        FeatureFlagCount.objects.filter(hour__lt=now - SUMS_KEPT),
        FeatureFlagExposure.objects.filter(hour__lt=now - SUMS_KEPT),
        FeatureFlagOutcome.objects.filter(minute__lt=now - OUTCOMES_KEPT),
        FlagFlush.objects.filter(flushed_at__lt=now - FLUSHES_KEPT),
    )
    with gate.as_system():
        FeatureFlagExposure.objects.filter(
            hour__lt=now - SUBJECTS_KEPT, subjects__isnull=False
        ).update(subjects=None)
    return sum(delete_in_portions(rows, PORTION) for rows in old)


@shared_task
def advance_ramps() -> int:
    """Let ramps take their next steps; those that are not healthy pause."""
    return ramping.advance_ramps(now=timezone.now())
