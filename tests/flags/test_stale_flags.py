"""A flag is stale when it stands unchanged and makes no difference any more."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from flags import queries
from flags.models import FeatureFlag, FeatureFlagCount
from flags.types import Purpose, Variant

NOW = timezone.now()


def age(key: str, days: float) -> None:
    FeatureFlag.objects.filter(flag_name=key).update(updated_at=NOW - dt.timedelta(days=days))


def count(key: str, variant: str, days_ago: float = 1, reason: str = "percentage_in") -> None:
    at = NOW - dt.timedelta(days=days_ago)
    FeatureFlagCount.objects.create(
        flag_name=key,
        variant=variant,
        reason=reason,
        hour=at.replace(minute=0, second=0, microsecond=0),
        evaluations=5,
        last_evaluated_at=at,
    )


def reason_of(key: str) -> str | None:
    return queries.stale_reasons(NOW).get(key)


def test_says_that_everybody_has_had_it_and_what_to_do(flags: Any) -> None:
    flags.make("search")
    age("search", 52.5)
    count("search", "on", days_ago=50)
    count("search", "on", reason="user_enabled")

    assert reason_of("search") == (
        "Everybody has had it for 52 days: remove the flag from the code, then delete it."
    )


def test_says_that_nobody_has_had_it(flags: Any) -> None:
    flags.make("search", is_enabled=False)
    age("search", 41)
    count("search", "off", reason="disabled")

    assert reason_of("search") == (
        "Nobody has had it for 41 days: remove the flag and the code behind it, then delete it."
    )


def test_names_the_variant_that_everybody_has_had(flags: Any) -> None:
    flags.make(
        "color",
        value_type="string",
        variants=[Variant("red", "r"), Variant("blue", "b", [(0, 100_000)])],
        default_variant="red",
        allowed_variant="red",
    )
    age("color", 60)
    count("color", "blue")

    assert reason_of("color") == (
        "Everybody has had the variant blue for 60 days: keep that in the code without the flag,"
        " then delete it."
    )


def test_says_that_nobody_has_asked_for_it(flags: Any) -> None:
    flags.make("search")
    age("search", 90)
    count("search", "on", days_ago=100)

    assert reason_of("search") == (
        "Nobody has asked for it for 90 days: see that no code needs it, then delete it."
    )


def test_leaves_a_flag_alone_that_gives_different_people_different_things(flags: Any) -> None:
    flags.make("search")
    age("search", 100)
    count("search", "on", days_ago=99)
    count("search", "off", days_ago=2)

    assert reason_of("search") is None


@pytest.mark.parametrize(
    ("purpose", "days", "is_stale"),
    [
        (Purpose.RELEASE, 39.9, False),
        (Purpose.RELEASE, 40, True),
        (Purpose.EXPERIMENT, 39.9, False),
        (Purpose.EXPERIMENT, 40, True),
        (Purpose.OPERATIONAL, 6.9, False),
        (Purpose.OPERATIONAL, 7, True),
        (Purpose.PERMISSION, 4000, False),
    ],
)
def test_gives_each_purpose_its_time(
    flags: Any, purpose: Purpose, days: float, *, is_stale: bool
) -> None:
    flags.make("search", purpose=purpose)
    age("search", days)

    assert (reason_of("search") is not None) == is_stale


def test_looks_only_at_what_came_of_it_since_the_last_change(flags: Any) -> None:
    flags.make("search")
    age("search", 45)
    count("search", "off", days_ago=46)
    # The hour of the change has evaluations of both sides of it.
    count("search", "off", days_ago=45)
    count("search", "on", days_ago=3)

    assert "Everybody has had it" in str(reason_of("search"))
