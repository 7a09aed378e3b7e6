"""PHQ-4, PHQ-9 and GAD-7: what they ask, how they are scored, and their LOINC codes.

Items that two of them share have one key, the one that the log uses since the first daily form.
"""

import re
from typing import Final

from assessments.types import Band, Instrument, Item, Option, SubScore

CREDIT: Final = (
    "Developed by Drs. Robert L. Spitzer, Janet B.W. Williams, Kurt Kroenke and colleagues, with"
    " an educational grant from Pfizer Inc. No permission is required to reproduce, translate,"
    " display or distribute."
)
TWO_WEEKS: Final = (
    "Over the last 2 weeks, how often have you been bothered by the following problems?"
)

# What an answer says is its coded weight, never its place in the list and never its words.
HOW_OFTEN: Final = (
    Option(0, "Not at all", "LA6568-5"),
    Option(1, "Several days", "LA6569-3"),
    Option(2, "More than half the days", "LA6570-1"),
    Option(3, "Nearly every day", "LA6571-9"),
)
# Their codes do not rise with their weights.
HOW_DIFFICULT: Final = (
    Option(0, "Not difficult at all", "LA6572-7"),
    Option(1, "Somewhat difficult", "LA6573-5"),
    Option(2, "Very difficult", "LA6575-0"),
    Option(3, "Extremely difficult", "LA6574-3"),
)


def _how_often(link_id: str, loinc: str, text: str) -> Item:
    return Item(link_id, text, HOW_OFTEN, loinc)


NERVOUS: Final = _how_often("feeling_nervous", "69725-0", "Feeling nervous, anxious or on edge")
WORRYING: Final = _how_often(
    "stop_worrying", "68509-9", "Not being able to stop or control worrying"
)
INTEREST: Final = _how_often(
    "little_interest", "44250-9", "Little interest or pleasure in doing things"
)
DOWN: Final = _how_often("feeling_down", "44255-8", "Feeling down, depressed, or hopeless")

PHQ4: Final = Instrument(
    name="phq4",
    version="1",
    title="PHQ-4",
    intro=TWO_WEEKS,
    items=(NERVOUS, WORRYING, INTEREST, DOWN),
    bands=(
        Band(0, 2, "none", "None"),
        Band(3, 5, "mild", "Mild"),
        Band(6, 8, "moderate", "Moderate"),
        Band(9, 12, "severe", "Severe"),
    ),
    sub_scores=(
        # No code is known for the GAD-2 score: 70272-0, which some use for it, is PHQ-4's total.
        SubScore(
            "anxiety_score",
            "Anxiety (GAD-2)",
            ("feeling_nervous", "stop_worrying"),
            cut_off=3,
            offers="gad7",
        ),
        SubScore(
            "depression_score",
            "Depression (PHQ-2)",
            ("little_interest", "feeling_down"),
            loinc="55758-7",
            cut_off=3,
            offers="phq9",
        ),
    ),
    panel_loinc="69724-3",
    total_loinc="70272-0",
    credit=CREDIT,
)

PHQ9: Final = Instrument(
    name="phq9",
    version="1",
    title="PHQ-9",
    intro=TWO_WEEKS,
    items=(
        INTEREST,
        DOWN,
        _how_often(
            "sleep_trouble", "44259-0", "Trouble falling or staying asleep, or sleeping too much"
        ),
        _how_often("tiredness", "44254-1", "Feeling tired or having little energy"),
        _how_often("appetite", "44251-7", "Poor appetite or overeating"),
        _how_often(
            "feeling_failure",
            "44258-2",
            "Feeling bad about yourself, or that you are a failure or have let yourself or your"
            " family down",
        ),
        _how_often(
            "concentration",
            "44252-5",
            "Trouble concentrating on things, such as reading the newspaper or watching television",
        ),
        _how_often(
            "movement",
            "44253-3",
            "Moving or speaking so slowly that other people could have noticed. Or the opposite,"
            " being so fidgety or restless that you have been moving around a lot more than usual",
        ),
        _how_often(
            "self_harm_thoughts",
            "44260-8",
            "Thoughts that you would be better off dead, or of hurting yourself in some way",
        ),
        Item(
            "difficulty",
            "If you checked off any problems, how difficult have these problems made it for you"
            " to do your work, take care of things at home, or get along with other people?",
            HOW_DIFFICULT,
            "69722-7",
            is_scored=False,
        ),
    ),
    bands=(
        Band(0, 4, "minimal", "None or minimal", "LA6708-7"),
        Band(5, 9, "mild", "Mild", "LA6709-5"),
        Band(10, 14, "moderate", "Moderate", "LA6710-3"),
        Band(15, 19, "moderately_severe", "Moderately severe", "LA6711-1"),
        Band(20, 27, "severe", "Severe", "LA6712-9"),
    ),
    safety_items=frozenset({"self_harm_thoughts"}),
    panel_loinc="44249-1",
    total_loinc="44261-6",
    credit=CREDIT,
)

GAD7: Final = Instrument(
    name="gad7",
    version="1",
    title="GAD-7",
    intro=TWO_WEEKS,
    items=(
        NERVOUS,
        WORRYING,
        _how_often("worrying_too_much", "69733-4", "Worrying too much about different things"),
        _how_often("trouble_relaxing", "69734-2", "Trouble relaxing"),
        _how_often("restlessness", "69735-9", "Being so restless that it is hard to sit still"),
        _how_often("irritability", "69689-8", "Becoming easily annoyed or irritable"),
        _how_often(
            "feeling_afraid", "69736-7", "Feeling afraid as if something awful might happen"
        ),
    ),
    bands=(
        Band(0, 4, "minimal", "Minimal"),
        Band(5, 9, "mild", "Mild"),
        Band(10, 14, "moderate", "Moderate"),
        Band(15, 21, "severe", "Severe"),
    ),
    panel_loinc="69737-5",
    total_loinc="70274-6",
    credit=CREDIT,
)

BUILT_IN: Final = {instrument.name: instrument for instrument in (PHQ4, PHQ9, GAD7)}


def plain_name(name: str | None) -> str:
    """Read "PHQ-4", "phq_4" and "phq4" as one name."""
    return re.sub(r"[^a-z0-9]", "", (name or "").lower())


def aliases(instrument: Instrument) -> dict[str, str]:
    """Tell the link id of each name under which clients send an item.

    That is the link id, the LOINC code, its number (q1, the way of the first service), and either
    of them after the questionnaire's name, as in phq4_feeling_down.
    """
    found: dict[str, str] = {}
    for number, item in enumerate(instrument.items, start=1):
        names = (item.link_id, f"q{number}")
        for name in (*names, *(f"{instrument.name}_{name}" for name in names), item.loinc):
            if name:
                found.setdefault(name, item.link_id)
    # An item's own name comes before another one's number.
    return found | {item.link_id: item.link_id for item in instrument.items}
