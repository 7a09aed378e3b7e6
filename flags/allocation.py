"""Which buckets a variant has, so that whoever grows or shrinks moves nobody else.

Ranges are in the order in which they were taken. A variant that shrinks gives up what it took
last. One that grows takes free buckets: first those that it gave up, so that the same subjects
have it again; then those behind its newest range; then the lowest ones.
"""

from collections.abc import Sequence
from math import isfinite

from msgspec import structs

from core.errors import InvalidInput
from flags.types import BUCKETS, Variant

Range = tuple[int, int]


def buckets_of(percentage: float) -> int:
    """Say a percentage in buckets; steps of 0.001 %."""
    return round(percentage * BUCKETS / 100)


def resize(variants: Sequence[Variant], name: str, percentage: float) -> list[Variant]:
    """Give a variant this percentage of the buckets, and leave the others theirs."""
    size = buckets_of(percentage) if isfinite(percentage) else -1
    others = [part for one in variants if one.name != name for part in one.ranges]
    free = BUCKETS - sum(end - start for start, end in others)
    if not 0 <= size <= free:
        detail = f"{name}: must be from 0 to {free * 100 / BUCKETS:g} %; the rest is taken."
        raise InvalidInput.at("/variants", detail)
    return [_resized(one, size, others) if one.name == name else one for one in variants]


def resize_all(variants: Sequence[Variant], percentages: dict[str, float]) -> list[Variant]:
    """Bring all variants to their percentages; those that shrink make room first."""
    found = list(variants)
    shrinking_first = sorted(
        percentages, key=lambda name: buckets_of(percentages[name]) - _size_of(found, name)
    )
    for name in shrinking_first:
        found = resize(found, name, percentages[name])
    return found


def _size_of(variants: Sequence[Variant], name: str) -> int:
    return next(one.size for one in variants if one.name == name)


def _resized(variant: Variant, size: int, others: Sequence[Range]) -> Variant:
    kept, given_up = _cut(variant.ranges, size)
    given_up += variant.given_up
    kept = _grown(kept, size, _without(given_up, others))
    behind = kept[-1][1] if kept else 0
    for wanted in ((behind, BUCKETS), (0, BUCKETS)):
        kept = _grown(kept, size, _without([wanted], [*others, *kept]))
    return structs.replace(variant, ranges=kept, given_up=_without(given_up, kept))


def _cut(ranges: Sequence[Range], size: int) -> tuple[list[Range], list[Range]]:
    """Part ranges into those of the first buckets, so many, and the rest."""
    kept, rest = [], []
    for start, end in ranges:
        middle = min(end, start + size)
        size -= middle - start
        kept += [(start, middle)] if start < middle else []
        rest += [(middle, end)] if middle < end else []
    return kept, rest


def _grown(ranges: Sequence[Range], size: int, more: Sequence[Range]) -> list[Range]:
    """Add as many buckets as are missing; what adjoins the newest range becomes part of it."""
    found = list(ranges)
    added, _ = _cut(more, size - sum(end - start for start, end in ranges))
    for start, end in added:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _without(ranges: Sequence[Range], taken: Sequence[Range]) -> list[Range]:
    """Leave what is free of these ranges, in their order."""
    found = []
    for start, end in ranges:
        at = start
        for other_start, other_end in [*sorted(taken), (end, end)]:
            if at < min(other_start, end):
                found.append((at, min(other_start, end)))
            at = max(at, other_end)
    return found
