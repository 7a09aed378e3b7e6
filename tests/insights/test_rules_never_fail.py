"""Whatever old clients sent, the rules find what they can and say it in whole sentences."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health.types import MOOD_SCORES as SCORES
from insights.generators import alerts, daily, find_all, micro
from insights.types import Facts
from tests.insights.facts import TODAY, check_words, checkin, event, facts, noon

KEYS = (
    "mood_today", "moods", "confidence_today", "anxiety_level", "medication_taken",
    "missed_doses", "primary_concern_today", "top_concern_today", "side_effects",
    "physical_symptoms", "coping_strategies_used", "coping_strategies", "phq4_score",
    "phq4_feeling_nervous", "phq4_stop_worrying", "phq4_little_interest", "phq4_feeling_down",
    "sentiment", "sentiment_confidence", "sentiment_analysis", "appointment_within_3_days",
    "appointment_anxiety", "sleep_hours", "energy_level", "nickname", "top_concern",
    "confidence_meds", "confidence_costs", "confidence_overall", "cycle_stage", "primary_need",
    "created_at", "mood", "status", "severity", "total_score", "responses",
)  # fmt: skip

AWKWARD = (
    "", "none", "None", "yes", "no", "partial", "medication_side_effects", "medicationSideEffects",
    "very tough", "hopeful, anxious", "{count} {} {0.__class__}", "“quoted”", "%s", "\x00", "\ud800",
    "a\u202eb", "9" * 5000, "1e999", "nan", "2026-11-21T00:00:00Z", "x" * 3000, ",,,", "severe",
    "User", "👩‍👩‍👧", "stimulation", "transfer", "financial_planning", "positive", "negative",
    *SCORES,
)  # fmt: skip

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-2, 13)
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(AWKWARD)
)
values = leaves | st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=6,
)
forms = st.dictionaries(st.sampled_from(KEYS), values, max_size=12)
days = st.integers(0, 9).map(range) | st.sets(st.integers(0, 59), max_size=12).map(sorted)

# What patterns are found in: days that are alike, between days that are anything.
PLAUSIBLE = {
    "mood_today": st.sampled_from(["hopeful, grateful", "overwhelmed", "excited", "x, y", "tired"]),
    "confidence_today": st.integers(1, 10),
    "anxiety_level": st.sampled_from([2, 5, 9]),
    "medication_taken": st.sampled_from(["yes", "no"]),
    "primary_concern_today": st.sampled_from(["costs", "Will it, ever?", "a_b", "{x}"]),
    "side_effects": st.just(["Headache", "odd_one"]),
    "coping_strategies_used": st.just(["Journaling"]),
    "sleep_hours": st.integers(3, 9),
    "sentiment": st.sampled_from(["positive", "negative", "neutral"]),
    "sentiment_confidence": st.floats(0.5, 1),
    "appointment_within_3_days": st.booleans(),
    "appointment_anxiety": st.integers(1, 10),
}
plausible = st.fixed_dictionaries({}, optional=PLAUSIBLE)
scores = st.fixed_dictionaries(
    {}, optional={f"confidence_{area}": st.integers(1, 10) for area in ("meds", "costs")}
)


@st.composite
def any_facts(draw: Any) -> Facts:
    usual = draw(plausible)
    checkins = [checkin(ago, **{**usual, **draw(plausible | forms)}) for ago in draw(days)]
    kinds = st.sampled_from(["mood", "medication", "assessment"])
    subtypes = st.none() | st.sampled_from(["phq4", "phq9", "GAD-7", "", "x"])
    events = [
        event(draw(kinds), draw(st.integers(0, 8)), draw(subtypes), **draw(forms))
        for _ in range(draw(st.integers(0, 3)))
    ]
    return facts(*checkins, events=events, profile={**draw(forms), **draw(scores)})


@settings(max_examples=150, deadline=None)
@given(any_facts(), values, values)
def test_always_finds_words(given_facts, onboarding, sent):
    everything = find_all(given_facts)

    for found in [*everything, daily(given_facts), micro(given_facts)]:
        check_words(found)
    check_words(micro(given_facts, onboarding, sent))
    assert [found for found in everything if found in alerts(given_facts)] == alerts(given_facts)


@settings(max_examples=150, deadline=None)
@given(any_facts())
def test_finds_each_occasion_once_and_the_same_again(given_facts):
    occasions = [found.occasion for found in find_all(given_facts)]

    assert len(set(occasions)) == len(occasions)
    assert find_all(given_facts) == find_all(given_facts)
    assert daily(given_facts) == daily(given_facts)


@settings(max_examples=150, deadline=None)
@given(any_facts())
def test_names_what_a_finding_rests_on(given_facts):
    ids = {row.id for row in (*given_facts.checkins, *given_facts.events)}

    for found in find_all(given_facts):
        assert found.evidence
        assert {link.id for link in found.evidence} <= ids
    assert bool(daily(given_facts).evidence) == bool(given_facts.checkins)


@pytest.mark.parametrize("created_at", [noon(0), TODAY])
def test_takes_dates_as_python_has_them(created_at):
    check_words(daily(facts(checkin(), profile={"created_at": created_at})))
