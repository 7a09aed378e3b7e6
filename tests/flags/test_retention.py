"""What was counted is deleted when nobody needs it any more."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from flags import tasks
from flags.models import (
    FeatureFlagCount,
    FeatureFlagEvaluation,
    FeatureFlagExposure,
    FeatureFlagOutcome,
    FlagFlush,
)
from flags.types import Reason

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def now(db) -> dt.datetime:
    return timezone.now()


def evaluation(at: dt.datetime) -> FeatureFlagEvaluation:
    return FeatureFlagEvaluation(
        flag_name="kept", evaluation_result="true", evaluation_reason=Reason.EVERYBODY,
        evaluated_at=at,
    )  # fmt: skip


def count(at: dt.datetime) -> FeatureFlagCount:
    return FeatureFlagCount(
        flag_name="kept", variant="on", reason=Reason.EVERYBODY, hour=at, evaluations=1,
        last_evaluated_at=at,
    )  # fmt: skip


def exposure(at: dt.datetime) -> FeatureFlagExposure:
    return FeatureFlagExposure(
        flag_name="kept", variant="on", hour=at, exposures=2, subjects=[1, 2]
    )


def outcome(at: dt.datetime) -> FeatureFlagOutcome:
    return FeatureFlagOutcome(
        flag_name="kept", variant="on", minute=at, requests=0, errors=0, durations=[]
    )


def flush(at: dt.datetime) -> FlagFlush:
    return FlagFlush(process=uuid.uuid4(), sequence=1, flushed_at=at)


@pytest.mark.parametrize(
    ("make", "kept"),
    [
        (evaluation, 30 * DAY),
        (count, 400 * DAY),
        (exposure, 400 * DAY),
        (outcome, 30 * DAY),
        (flush, 2 * DAY),
    ],
)
def test_deletes_what_is_old(make, kept, now):
    young, old = make(now - kept + MINUTE), make(now - kept - MINUTE)
    young.save()
    old.save()

    deleted = tasks.delete_old_records()

    assert deleted == 1
    model = type(young)
    assert model.objects.filter(pk=young.pk).exists()
    assert not model.objects.filter(pk=old.pk).exists()


def test_deletes_many_in_portions(now, monkeypatch):
    monkeypatch.setattr(tasks, "PORTION", 10)
    FeatureFlagEvaluation.objects.bulk_create(evaluation(now - 31 * DAY) for _ in range(25))

    assert tasks.delete_old_records() == 25


def test_forgets_subjects_and_keeps_their_number(now):
    young, old = exposure(now - 47 * 60 * MINUTE), exposure(now - 49 * 60 * MINUTE)
    young.save()
    old.save()

    tasks.delete_old_records()

    young.refresh_from_db()
    old.refresh_from_db()
    assert (young.exposures, young.subjects) == (2, [1, 2])
    assert (old.exposures, old.subjects) == (2, None)
