"""Whether a ramp may go on: requests of people with the variant against all others'. Pure.

It compares with the same minutes' other requests, so an outage for all holds nobody up.
"""

from typing import Final

import msgspec

from flags.types import Comparison, RequestFigures

# So few failures are chance, whatever their share.
FEWEST_ERRORS: Final = 3
# Below that nobody notices, however many times slower it is.
LEAST_DELAY_MS: Final = 50.0
# Judged besides the whole step, in which many good hours would hide it.
LATELY_MINUTES: Final = 10


class Guard(msgspec.Struct, frozen=True):
    """How much worse the variant's requests may be before its ramp pauses."""

    max_error_points: float = 1.0
    max_latency_ratio: float = 1.5
    min_requests: int = 50


def trouble(guard: Guard, found: Comparison) -> str | None:
    """Say in plain words what is worse for people with the variant; None if nothing is."""
    if is_too_little(guard, found):
        return None
    return _of_errors(guard, found.own, found.others) or _of_latency(guard, found.own, found.others)


def is_too_little(guard: Guard, found: Comparison) -> bool:
    """Tell whether so few requests, on either side, say nothing yet."""
    return min(found.own.requests, found.others.requests) < guard.min_requests


def _of_errors(guard: Guard, own: RequestFigures, others: RequestFigures) -> str | None:
    is_worse = own.error_points - others.error_points > guard.max_error_points
    if own.errors < FEWEST_ERRORS or not is_worse:
        return None
    return (
        f"{own.error_points:.1f} % of {own.requests} requests with the feature failed,"
        f" {others.error_points:.1f} % of {others.requests} without."
    )


def _of_latency(guard: Guard, own: RequestFigures, others: RequestFigures) -> str | None:
    slow, usual = own.p95, others.p95
    if slow is None or usual is None:
        return None
    if slow <= usual * guard.max_latency_ratio or slow - usual < LEAST_DELAY_MS:
        return None
    return (
        f"95 of 100 requests with the feature took up to {slow:.0f} ms ({own.requests} requests),"
        f" up to {usual:.0f} ms without ({others.requests} requests)."
    )
