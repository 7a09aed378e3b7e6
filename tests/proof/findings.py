"""What the proof tells: sections, what was tried in them, what was found."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from config.dev.progress import say

MOST_TOLD: Final = 40


@dataclass(frozen=True)
class Finding:
    """Something that should not be. `how` is the request or statement that shows it again."""

    what: str
    how: str = ""


@dataclass
class Section:
    """One part of the proof. Without a try there is no proof: it counts as failed."""

    name: str
    promise: str
    tried: int = 0
    findings: list[Finding] = field(default_factory=list)
    # What was tried, with figures: pairs for a table of the report.
    facts: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return self.tried > 0 and not self.findings

    def found(self, what: str, how: str = "") -> None:
        self.findings.append(Finding(what, how))

    def expect(self, is_so: object, what: str, how: str = "") -> None:
        """Count one try; what is not so is a finding."""
        self.tried += 1
        if not is_so:
            self.found(what, how)

    def fact(self, name: str, value: object) -> None:
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        self.facts.append((name, shown))


@dataclass(frozen=True)
class Mutation:
    """One hole that was made on purpose, and which checks saw it."""

    what: str
    kind: str
    caught_by: tuple[str, ...]

    @property
    def is_caught(self) -> bool:
        return bool(self.caught_by)


@dataclass
class Proof:
    seed: int
    is_quick: bool
    is_whole: bool
    sections: list[Section] = field(default_factory=list)
    mutations: list[Mutation] = field(default_factory=list)
    # What was made to be looked for, and where.
    world: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def survivors(self) -> list[Mutation]:
        return [one for one in self.mutations if not one.is_caught]

    @property
    def holds(self) -> bool:
        return all(section.holds for section in self.sections) and not self.survivors

    @contextmanager
    def section(self, name: str, promise: str) -> Iterator[Section]:
        """Say it on the screen while it lasts, and how it ended."""
        section, started = Section(name, promise), time.monotonic()
        say(f"  {name} …")
        try:
            yield section
        except Exception as error:
            section.found(f"The check itself broke: {type(error).__name__}: {error}"[:500])
            raise
        finally:
            section.seconds = time.monotonic() - started
            self.sections.append(section)
            sign = "✓" if section.holds else "✗"
            found = f"{len(section.findings)} found" if section.findings else "nothing found"
            say(f"{sign} {name}: {section.tried:,} tried, {found}, {section.seconds:.1f} s")
            for finding in section.findings[:5]:
                say(f"    {finding.what}\n      {finding.how}"[:400])
