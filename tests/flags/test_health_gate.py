"""What stops a ramp: requests that fail, or last, much more with the variant than without."""

import pytest

from flags.health_gate import Guard, trouble
from flags.types import BOUNDS, Comparison, RequestFigures

FAST = 50.0
GUARD = Guard(max_error_points=1.0, max_latency_ratio=1.5, min_requests=50)


def figures(requests: int, errors: int = 0, milliseconds: float = FAST) -> RequestFigures:
    durations = [0] * (len(BOUNDS) + 1)
    durations[next(at for at, bound in enumerate(BOUNDS) if milliseconds <= bound)] = requests
    return RequestFigures(requests, errors, durations)


def test_says_in_plain_words_what_fails_more_often() -> None:
    found = Comparison(figures(412, 33), figures(390, 2))

    said = trouble(GUARD, found)

    assert said == "8.0 % of 412 requests with the feature failed, 0.5 % of 390 without."


def test_says_in_plain_words_what_takes_longer() -> None:
    found = Comparison(figures(200, milliseconds=500), figures(100, milliseconds=100))

    said = trouble(GUARD, found)

    assert said == (
        "95 of 100 requests with the feature took up to 488 ms (200 requests), up to 98 ms without"
        " (100 requests)."
    )


@pytest.mark.parametrize(
    ("own", "others", "is_trouble"),
    [
        # As many fail without it: the whole house is broken.
        (figures(400, 80), figures(400, 80), False),
        (figures(400, 80), figures(400, 76), False),
        # Those without it have the trouble.
        (figures(400), figures(400, 80), False),
        # Just within the bound, and just beyond.
        (figures(1000, 10), figures(1000), False),
        (figures(1000, 11), figures(1000), True),
        # Fewer than three are chance.
        (figures(50, 2), figures(50), False),
        (figures(50, 3), figures(50), True),
        # Too little to tell, on either side.
        (figures(49, 49), figures(400), False),
        (figures(400, 400), figures(49), False),
        (figures(400, 400), figures(0), False),
        (figures(0), figures(0), False),
        # Twice as slow, but nobody notices.
        (figures(200, milliseconds=50), figures(200, milliseconds=25), False),
        (figures(200, milliseconds=2500), figures(200, milliseconds=1000), True),
        (figures(200, milliseconds=1000), figures(200, milliseconds=2500), False),
    ],
)
def test_stops_only_what_is_worse_than_for_all_others(
    own: RequestFigures, others: RequestFigures, *, is_trouble: bool
) -> None:
    assert (trouble(GUARD, Comparison(own, others)) is not None) == is_trouble
