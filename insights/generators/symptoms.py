"""Side effects that keep coming back."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from insights.generators import reading
from insights.generators.findings import find, month, rests_on, sureness, veiled
from insights.types import Facts, Finding

FEWEST: Final = 3


def found(facts: Facts) -> Iterator[Finding]:
    lately = reading.lately(facts)
    named = [(c, [s.lower() for s in _symptoms(c.form)]) for c in lately]
    counts = Counter(symptom for _, symptoms in named for symptom in symptoms)
    for symptom, count in counts.most_common(1):
        if count >= FEWEST:
            these = [checkin for checkin, symptoms in named if symptom in symptoms]
            yield find(
                "symptom_pattern",
                about=f"{veiled(symptom)}:{month(these[0].date)}",
                confidence=sureness(len(these)),
                evidence=rests_on(these, "symptom"),
                symptom=symptom,
                count=len(these),
                checkins=len(lately),
            )


def _symptoms(form: reading.Form) -> list[str]:
    named = reading.several(form.get("side_effects")) or reading.several(
        form.get("physical_symptoms")
    )
    return [symptom for symptom in named if symptom.lower() != "other"]
