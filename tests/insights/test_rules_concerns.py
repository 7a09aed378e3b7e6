import pytest

from insights.generators import find_all
from tests.insights.facts import checkins, facts, only, types

SIDE_EFFECTS = {"primary_concern_today": "medication_side_effects"}


def test_sees_a_concern_that_was_named_three_times():
    found = only(find_all(facts(*checkins(SIDE_EFFECTS, {}, SIDE_EFFECTS, SIDE_EFFECTS))),
                 "concern_pattern")  # fmt: skip

    assert found.priority == 7
    assert found.values == {"concern": "medication_side_effects", "count": 3, "checkins": 4}
    assert len(found.evidence) == 3


@pytest.mark.parametrize(
    "concerns",
    [
        ["medication_side_effects"] * 2,
        ["costs", "sleep", "work"],
        ["none"] * 3,
        [["costs"]] * 3,
        [""] * 3,
    ],
)
def test_is_silent_about_fewer_different_or_no_concerns(concerns):
    days = checkins(*({"primary_concern_today": concern} for concern in concerns))

    assert "concern_pattern" not in types(find_all(facts(*days)))


def test_speaks_of_the_concern_that_is_named_most():
    costs = {"top_concern_today": "costs"}
    days = checkins(costs, SIDE_EFFECTS, costs, SIDE_EFFECTS, costs, SIDE_EFFECTS, costs)

    assert only(find_all(facts(*days)), "concern_pattern").values["concern"] == "costs"


def test_tells_nothing_of_a_concern_by_its_occasion():
    days = checkins(*[{"primary_concern_today": "My secret"}] * 3)

    found = find_all(facts(*days, profile={"top_concern": "secret"}))

    assert {"concern_pattern", "persistent_concern_support"} <= set(types(found))
    assert "secret" not in " ".join(finding.occasion for finding in found).lower()


@pytest.mark.parametrize(
    ("top_concern", "concern"),
    [("Medication timing", "medication_side_effects"), ("the cost", "Cost of it all")],
)
def test_sees_a_concern_that_was_there_from_the_beginning(top_concern, concern):
    today = checkins({"primary_concern_today": concern})

    found = find_all(facts(*today, profile={"top_concern": top_concern}))

    assert only(found, "persistent_concern_support").confidence == 0.9


@pytest.mark.parametrize("top_concern", ["costs", "the", "", None, 7, ["medication"]])
def test_is_silent_about_a_concern_that_is_new(top_concern):
    found = find_all(facts(*checkins(SIDE_EFFECTS), profile={"top_concern": top_concern}))

    assert "persistent_concern_support" not in types(found)
