"""A percentage gives as many as it says, to the same ones again, and takes from nobody else."""

import math
from bisect import bisect_left
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from flags.allocation import resize, resize_all
from flags.evaluation import bucket_of
from flags.models import FeatureFlag
from flags.types import BUCKETS, Context, Reason, Variant

SUBJECTS: Final = [f"00000000-0000-7000-8000-{number:012x}" for number in range(100_000)]
STEPS: Final = [*range(101), *range(99, -1, -1)]


@pytest.fixture(scope="module")
def ordered():
    """The buckets of all subjects for one flag, in order."""
    return sorted(bucket_of("steps", subject) for subject in SUBJECTS)


def switch(percentage=0.0):
    off = [Variant("on", value=True), Variant("off", value=False)]
    return resize(off, "on", percentage)


def mask(variants, name="on"):
    """The buckets of a variant, one bit each."""
    ranges = next(one.ranges for one in variants if one.name == name)
    return sum((1 << end) - (1 << start) for start, end in ranges)


def count(ordered, variants, name="on"):
    ranges = next(one.ranges for one in variants if one.name == name)
    return sum(bisect_left(ordered, end) - bisect_left(ordered, start) for start, end in ranges)


def test_gives_each_percentage_up_and_down(ordered):
    variants, seen = switch(), []
    by_percentage: dict[int, set[int]] = {}
    for percentage in STEPS:
        variants = resize(variants, "on", percentage)
        seen.append((percentage, count(ordered, variants), mask(variants)))
        by_percentage.setdefault(percentage, set()).add(mask(variants))

    for (before, _, old), (after, _, new) in pairwise(seen):
        kept = old if after > before else new
        assert old & new == kept, f"{before} → {after}"
    for percentage, people, _ in seen:
        assert abs(people / len(SUBJECTS) * 100 - percentage) <= 0.5
    assert seen[0][1] == seen[-1][1] == 0
    assert seen[100][1] == len(SUBJECTS)
    assert {len(masks) for masks in by_percentage.values()} == {1}


@pytest.mark.parametrize("percentage", [0, 0.001, 1, 25, 50, 99.999, 100])
def test_evaluates_as_its_ranges_say(flags, percentage):
    flags.make("steps", variants=switch(percentage))
    rule_set, subjects = flags.load(), SUBJECTS[:20_000]
    inside = mask(switch(percentage))

    found = [rule_set.ask("steps", Context(subject)).value for subject in subjects]

    assert found == [bool(inside >> bucket_of("steps", one) & 1) for one in subjects]


def test_keeps_its_people_through_the_services(flags):
    """Up and down by saved steps, those who have it are those who had it at that percentage."""
    flags.make("steps")
    people = SUBJECTS[:2_000]
    having: dict[float, set[str]] = {}
    before: set[str] = set()
    for percentage in (0.001, 5, 12.5, 25, 50, 99, 100, 99, 50, 25, 12.5, 5, 0.001, 0):
        flags.roll_out("steps", percentage)
        rule_set = flags.load()

        now = {one for one in people if rule_set.ask("steps", Context(one)).value}

        assert before <= now or now <= before
        assert now == having.setdefault(percentage, now)
        before = now
    assert having[100] == set(people)
    assert having[0] == set()
    assert FeatureFlag.objects.get(flag_name="steps").version == 15


def test_draws_for_two_flags_apart():
    both = sum(
        bucket_of("first", subject) < BUCKETS / 2 and bucket_of("second", subject) < BUCKETS / 2
        for subject in SUBJECTS
    )

    assert abs(both / len(SUBJECTS) * 100 - 25) <= 1


def test_spreads_subjects_evenly(ordered):
    """Each hundredth has about a hundredth of the people; six deviations would be bad luck."""
    edges = [bisect_left(ordered, edge) for edge in range(0, BUCKETS + 1, BUCKETS // 100)]
    counts = [end - start for start, end in pairwise(edges)]

    expected = len(SUBJECTS) / 100
    assert len(counts) == 100
    assert max(abs(one - expected) for one in counts) < 6 * math.sqrt(expected)


def test_moves_nobody_of_another_variant(flags):
    three = [Variant(name, value=name) for name in ("a", "b", "c", "none")]
    three = resize_all(three, {"a": 10.0, "b": 20.0, "c": 30.0})
    flags.make("three", value_type="string", variants=three, default_variant="none",
               allowed_variant="a")  # fmt: skip
    people = SUBJECTS[:5_000]
    rule_set = flags.load()
    before = {one: rule_set.ask("three", Context(one)).variant for one in people}

    for percentage in (20, 50, 15, 10):
        flags.roll_out("three", percentage, "a")
        rule_set = flags.load()
        after = {one: rule_set.ask("three", Context(one)).variant for one in people}

        for one in people:
            if before[one] in {"b", "c"}:
                assert after[one] == before[one]
            elif before[one] == "a":
                assert after[one] == "a"
    assert after == before


@pytest.mark.parametrize(("percentage", "buckets"), [(0.001, 1), (0.0014, 1), (33.333, 33_333)])
def test_knows_fractions_of_a_percent(flags, percentage, buckets):
    flags.make("fraction")

    stored = flags.roll_out("fraction", percentage)

    size = stored.definition.variants[0].size
    assert size == buckets
    assert float(stored.rollout_percentage) == size / 1000


def test_gives_the_first_bucket_alone_at_the_smallest_step(flags):
    first = next(one for one in map(str, range(10**7)) if bucket_of("smallest", one) == 0)
    flags.make("smallest", variants=switch(0.001))

    reasons = [flags.load().ask("smallest", Context(one)).reason for one in (first, "other")]

    assert reasons == [Reason.PERCENTAGE_IN, Reason.PERCENTAGE_OUT]


@pytest.mark.parametrize("percentage", [-0.001, 100.001, 60.001, -50, math.inf, math.nan])
def test_refuses_what_is_not_free(percentage):
    two = resize([Variant("a", 1), Variant("b", 2)], "b", 40)

    with pytest.raises(InvalidInput) as refused:
        resize(two, "a", percentage)

    assert "a: must be from 0 to 60 %" in str(refused.value)
    assert refused.value.errors[0].pointer == "/variants"


# Properties of the allocation, over any history of changes.

NAMES: Final = ("a", "b", "c", "d")
SIZES = st.integers(0, BUCKETS).map(lambda size: size / 1000)
CHANGES = st.lists(st.tuples(st.sampled_from(NAMES), SIZES), max_size=12)


def apply(changes):
    """Do the changes that fit, and tell each step."""
    variants = [Variant(name, value=name) for name in NAMES]
    steps = []
    for name, percentage in changes:
        room = 100_000 - sum(one.size for one in variants if one.name != name)
        changed = resize(variants, name, min(round(percentage * 1000), room) / 1000)
        steps.append((name, variants, changed))
        variants = changed
    return variants, steps


def by_name(variants):
    return {one.name: one for one in variants}


def cover(variants):
    parts = sorted(part for one in variants for part in one.ranges)
    assert all(0 <= start < end <= BUCKETS for start, end in parts)
    assert all(one[1] <= other[0] for one, other in pairwise(parts))
    return sum(end - start for start, end in parts)


@given(CHANGES)
def test_never_overlaps_and_moves_only_the_named_one(changes):
    _, steps = apply(changes)

    for name, before, after in steps:
        assert cover(after) == sum(one.size for one in after)
        old, new = by_name(before), by_name(after)
        assert {one: old[one] for one in NAMES if one != name} == {
            one: new[one] for one in NAMES if one != name
        }
        assert cover([Variant(name, name, new[name].ranges + new[name].given_up)]) <= BUCKETS
        smaller, larger = sorted((old[name], new[name]), key=lambda one: one.size)
        assert mask([smaller], name) & mask([larger], name) == mask([smaller], name)


@given(CHANGES, st.sampled_from(NAMES), SIZES, st.floats(0, 1))
def test_takes_the_same_ones_back_while_nobody_took_them(changes, name, percentage, share):
    variants, _ = apply(changes)
    before = by_name(variants)[name]
    smaller = min(round(percentage * 1000), before.size) / 1000

    shrunk = resize(variants, name, smaller)
    for other in shrunk:
        if other.name != name:
            shrunk = resize(shrunk, other.name, other.percentage * share)
    again = resize(shrunk, name, before.percentage)

    assert mask(again, name) == mask(variants, name)


@given(CHANGES, st.sampled_from(NAMES), SIZES)
def test_gives_the_same_ones_up_again(changes, name, percentage):
    variants, _ = apply(changes)
    before = by_name(variants)[name]
    room = BUCKETS - sum(one.size for one in variants if one.name != name)
    larger = max(min(round(percentage * 1000), room), before.size) / 1000

    grown = resize(variants, name, larger)
    again = resize(grown, name, before.percentage)

    assert mask(again, name) == mask(variants, name)


@given(CHANGES, st.lists(st.integers(0, BUCKETS), min_size=4, max_size=4))
def test_brings_all_to_their_sizes_at_once(changes, edges):
    variants, _ = apply(changes)
    ends = sorted(edges)
    wanted = [ends[0], *(end - start for start, end in pairwise(ends))]
    percentages = {name: size / 1000 for name, size in zip(NAMES, wanted, strict=True)}

    changed = resize_all(variants, percentages)

    assert [one.size for one in changed] == wanted
    assert cover(changed) == ends[-1]
    for name in NAMES:
        old, new = mask(variants, name), mask(changed, name)
        assert old & new == (old if new.bit_count() >= old.bit_count() else new)


@given(CHANGES)
def test_does_nothing_for_the_same_percentage(changes):
    variants, _ = apply(changes)

    same = resize_all(variants, {one.name: one.percentage for one in variants})

    assert same == variants
