"""The built-in questionnaires have the codes of LOINC, and bands without gaps."""

from itertools import pairwise

import pytest

from assessments.instruments import BUILT_IN
from health.event_types import EVENT_TYPES

CODES = {
    "phq4": ("69724-3", "70272-0", ["69725-0", "68509-9", "44250-9", "44255-8"]),
    "phq9": (
        "44249-1",
        "44261-6",
        ["44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3",
         "44260-8", "69722-7"],
    ),
    "gad7": (
        "69737-5",
        "70274-6",
        ["69725-0", "68509-9", "69733-4", "69734-2", "69735-9", "69689-8", "69736-7"],
    ),
}  # fmt: skip
HIGHEST = {"phq4": 12, "phq9": 27, "gad7": 21}


def test_are_these():
    assert BUILT_IN.keys() == CODES.keys()


@pytest.mark.parametrize("name", CODES)
def test_have_their_codes(name):
    instrument = BUILT_IN[name]

    codes = [item.loinc for item in instrument.items]

    assert (instrument.panel_loinc, instrument.total_loinc, codes) == CODES[name]
    for item in instrument.scored:
        answers = [(option.value, option.loinc) for option in item.options]
        assert answers == [(0, "LA6568-5"), (1, "LA6569-3"), (2, "LA6570-1"), (3, "LA6571-9")]


@pytest.mark.parametrize("name", CODES)
def test_have_a_band_for_every_total(name):
    instrument = BUILT_IN[name]

    assert instrument.highest == HIGHEST[name] == instrument.bands[-1].high
    assert instrument.bands[0].low == 0
    assert all(after.low == before.high + 1 for before, after in pairwise(instrument.bands))


def test_give_the_code_of_phq4s_total_to_nothing_else():
    phq4 = BUILT_IN["phq4"]

    assert {sub.name: sub.loinc for sub in phq4.sub_scores} == {
        "anxiety_score": None,
        "depression_score": "55758-7",
    }


def test_have_codes_for_the_bands_of_phq9():
    assert [band.loinc for band in BUILT_IN["phq9"].bands] == [
        "LA6708-7", "LA6709-5", "LA6710-3", "LA6711-1", "LA6712-9",
    ]  # fmt: skip


def test_ask_about_difficulty_with_codes_that_do_not_rise():
    difficulty = BUILT_IN["phq9"].items[-1]

    assert not difficulty.is_scored
    assert [option.loinc for option in difficulty.options] == [
        "LA6572-7", "LA6573-5", "LA6575-0", "LA6574-3",
    ]  # fmt: skip


@pytest.mark.parametrize("name", CODES)
def test_credit_their_makers(name):
    assert "Pfizer" in (BUILT_IN[name].credit or "")


@pytest.mark.parametrize("name", CODES)
def test_are_understood_by_the_log(name):
    understood = EVENT_TYPES["assessment"].schemas[-1]["properties"]

    for item in BUILT_IN[name].items:
        assert understood[item.link_id]["maximum"] == 3
    for sub in BUILT_IN[name].sub_scores:
        assert sub.name in understood
