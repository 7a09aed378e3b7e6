"""The rules: what a person's facts say. Pure: no database, no clock, no settings.

One family of rules is one file: `found(facts)` gives patterns, `of_the_day(facts)` what is said
of the newest check-in alone. `findings.KINDS` lists what they can find, with its priority, and
`micro_candidates.CANDIDATES` the small insights. Texts are in `insights.catalogue`.
"""

from insights.generators.choosing import alerts, daily, find_all, safety
from insights.generators.micro_candidates import micro

__all__ = ["alerts", "daily", "find_all", "micro", "safety"]
