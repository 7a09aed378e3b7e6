"""The translation of the old form into events and rows, and back, as pure functions."""

from hypothesis import given, settings
from hypothesis import strategies as st

from health import checkins
from health.event_types import check_data, get_event_type
from tests.health.forms import FULL, forms, is_same

thorough = settings(max_examples=150, deadline=None)


@thorough
@given(form=forms, is_enhanced=st.booleans())
def test_comes_back_from_events_as_it_was(form, is_enhanced):
    parts = checkins.to_events(form, is_enhanced=is_enhanced)

    assert is_same(checkins.to_form(parts), form)


@thorough
@given(form=forms)
def test_comes_back_from_a_row_as_it_was(form):
    row = checkins.to_row(form)

    assert is_same(checkins.from_row(row), form)
    assert row.keys() == {*checkins.COLUMNS, "extra"}


@thorough
@given(form=forms)
def test_makes_events_that_their_schemas_accept(form):
    parts = checkins.to_events(form, is_enhanced=False)

    for part in parts:
        check_data(get_event_type(part.event_type), part.data)


@thorough
@given(form=forms)
def test_makes_at_most_one_event_of_a_type_and_the_mood_first(form):
    types = [part.event_type for part in checkins.to_events(form, is_enhanced=False)]

    assert types[0] == "mood"
    assert len(types) == len(set(types)) <= 6


def test_lands_every_field_of_the_full_form_in_its_event():
    parts = {part.event_type: part for part in checkins.to_events(FULL, is_enhanced=True)}

    assert {name: part.subtype for name, part in parts.items()} == {
        "mood": "enhanced_checkin",
        "medication": "daily_status",
        "symptom": "side_effect",
        "appointment": "upcoming",
        "note": "coping_strategies",
        "assessment": "phq4",
    }
    assert "extra" not in parts["mood"].data
    assert parts["medication"].data == {"reported": "partial", "missed_doses": 0}
    assert parts["appointment"].data == {"within_3_days": False, "anxiety": 3}
    assert parts["assessment"].data == {
        "total_score": 0,
        "anxiety_score": 6,
        "depression_score": None,
    }


def test_keeps_what_does_not_fit_under_its_own_name():
    form = {"mood_today": "ok", "confidence_today": 5, "missed_doses": True, "anxiety_level": 8.0}

    (mood,) = checkins.to_events(form, is_enhanced=False)
    row = checkins.to_row(form)

    assert is_same(mood.data["extra"], {"missed_doses": True, "anxiety_level": 8.0})
    assert is_same(row["extra"], {"missed_doses": True, "anxiety_level": 8.0})
    assert row["missed_doses"] is row["anxiety_level"] is None
