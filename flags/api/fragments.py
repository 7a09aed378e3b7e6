"""The JSON of outcomes, made once: a rule set has few of them, and everybody gets one."""

from collections.abc import Callable, Sequence
from typing import Final

from flags.evaluation import RuleSet
from flags.types import Outcome, Reason

# Where what differs by subject goes in between.
Pieces = Sequence[bytes]
Write = Callable[[Outcome, RuleSet], Pieces]
# Their outcomes are new objects each time, so keeping them would fill the memory.
FLEETING: Final = {Reason.FLAG_NOT_FOUND, Reason.ERROR_DEFAULT}


class Written(dict[Outcome, Pieces]):
    """The pieces of one rule set's outcomes."""

    def __init__(self, write: Write, rule_set: RuleSet) -> None:
        super().__init__()
        self.write, self.rule_set = write, rule_set

    def __missing__(self, outcome: Outcome) -> Pieces:
        pieces = self.write(outcome, self.rule_set)
        if outcome.reason not in FLEETING:
            self[outcome] = pieces
        return pieces


class Fragments:
    """The pieces of the newest rule set of each environment."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._by_environment: dict[str, Written] = {}

    def of(self, rule_set: RuleSet) -> Written:
        written = self._by_environment.get(rule_set.environment)
        if written is None or written.rule_set is not rule_set:
            written = Written(self._write, rule_set)
            self._by_environment[rule_set.environment] = written
        return written
