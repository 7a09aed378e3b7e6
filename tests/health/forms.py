"""Check-in forms for property tests, and what it means that one came back as it was sent."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from health import checkins

# The 18 fields of the form, without the date (which has its own place).
FULL = {
    "mood_today": "hopeful, tired",
    "confidence_today": 7,
    "medication_taken": "partial",
    "user_note": "Slept well.\nThen called the clinic.",
    "primary_concern_today": "medication_side_effects",
    "anxiety_level": 8,
    "side_effects": ["Headache", "Bloating"],
    "missed_doses": 0,
    "injection_confidence": 7,
    "appointment_within_3_days": False,
    "appointment_anxiety": 3,
    "coping_strategies_used": ["Meditation/\nmindfulness", "Journaling"],
    "partner_involved_today": False,
    "wish_knew_more_about": [],
    "phq4_score": 0,
    "phq4_anxiety": 6,
    "phq4_depression": None,
}

over_http = settings(
    max_examples=15,
    deadline=None,
    # Each example makes a person of its own, so the shared transaction is no danger.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40
) | st.sampled_from(
    ["", "yes", "not tracked", "line\nbreak", "\u200d🌟é", "x" * 20_000, "\\u0000", "5e22"]
)
numbers = (
    st.sampled_from([0, 1, -1, 0.0, 1.0, 10, 10.0, 7.6, 1e16, 1e23, 1.5e300])
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
)
plain = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)

_FITTING: dict[type, st.SearchStrategy[Any]] = {
    checkins.Text: texts,
    checkins.YesNo: st.booleans(),
    checkins.Texts: st.lists(texts, max_size=3),
    checkins.Hundredths: st.integers(0, 100).map(lambda share: share / 100),
    checkins.Object: st.dictionaries(texts, values, max_size=3),
}
_KINDS = {**{field.name: field.kind for field in checkins.FIELDS}, **checkins.COLUMNS}


def _fitting(kind: checkins.Kind) -> st.SearchStrategy[Any]:
    if isinstance(kind, checkins.Whole):
        return st.integers(kind.low, min(kind.high, 2**31 - 1))
    return _FITTING[type(kind)]


_required = {
    "mood_today": texts.filter(lambda text: bool(text.strip())),
    "confidence_today": st.integers(1, 10),
}
_known = {name: _fitting(kind) | values for name, kind in _KINDS.items() if name not in _required}
_unknown = st.dictionaries(
    texts.filter(lambda key: key not in {*_KINDS, *checkins.RESERVED, "date_submitted"}),
    values,
    max_size=4,
)

known_fields = st.fixed_dictionaries({}, optional=_known)
forms = st.builds(
    lambda required, known, unknown: unknown | known | required,
    st.fixed_dictionaries(_required),
    known_fields,
    _unknown,
)
changes = st.builds(
    lambda required, known, unknown: unknown | known | required,
    st.fixed_dictionaries({}, optional=_required),
    known_fields,
    _unknown,
)


def is_same(left: Any, right: Any) -> bool:
    """Compare type and all: True is not 1, and 1 is not 1.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(is_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    return bool(left == right)


def said(shown: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """Take out of an answer what the server adds, and the nulls it shows for what was not said."""
    added = {"id", "user_id", "created_at", "date_submitted", "fields"}
    return {
        key: value
        for key, value in shown.items()
        if key not in added and (key in sent or value is not None)
    }
