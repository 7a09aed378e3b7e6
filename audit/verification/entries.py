"""Entries beside the links that hold them: both are read once, in the same order."""

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from django.db import connection
from psycopg import sql

from audit import chain, lines
from audit.lines import Line, Position
from audit.sealing import EPOCH, microseconds
from audit.verification.explanations import Explanations
from audit.verification.faults import Fault, Report, Scope, instant, name_of, when
from audit.verification.links import StoredLink, previous_of, start_of

# Clocks of a database and of workers differ, and are set right now and then.
TOLERANCE: Final = 300 * 1_000_000
TOLERANCE_OF_LINKS: Final = dt.timedelta(microseconds=TOLERANCE)
# Entries without a link that are kept until the end, as some of them may be found to have moved.
MOST_STRAYS: Final = 10_000
# Entries that are missing, until the log is asked for all of them why.
MOST_WAITING: Final = 20_000
ANYWHERE: Final = "SELECT id FROM audit_logs WHERE id = ANY(%s)"


@dataclass(slots=True)
class Expected:
    """A link whose entries are being read."""

    link: StoredLink
    leaves: list[bytes]
    places: dict[int, int]
    # Sealed times in microseconds: nothing was recorded after; and nothing of a transaction that
    # began after the link before was recorded before that.
    latest: int
    known_tx: int
    earliest: int
    # Leaves of entries that are not what was sealed, by their places.
    others: dict[int, Line] = field(default_factory=dict)


class Walk:
    """One pass over pages of links and the entries that should hang in them."""

    def __init__(
        self, scope: Scope, report: Report, explained: Explanations, now: dt.datetime
    ) -> None:
        self._scope = scope
        self._report = report
        self._explained = explained
        self._now = now
        # The latest time at which a link so far was sealed.
        self._latest = EPOCH
        self._last: dict[uuid.UUID, StoredLink] = {}
        self._start = lines.START
        self._strays: list[Line] = []
        # What is not there, until the log is asked why: by its link, the entries' ids and places;
        # without any if nothing is left of the link.
        self._missing: list[tuple[StoredLink, dict[int, int]]] = []
        self._waiting = 0
        self._moved: set[int] = set()

    def page(self, page: Sequence[StoredLink]) -> Iterator[Fault]:
        if not self._report.links:
            self._start = start_of(page[0], self._scope)
        batches = [list(batch) for _, batch in groupby(page, key=lambda link: link.end)]
        expected: list[tuple[Position, dict[bytes, Expected]]] = []
        for batch in batches:
            if batch[0].end <= self._start and self._report.links:
                yield _out_of_order(batch[0])
            expected.append((batch[0].end, {}))
            for link in batch:
                yield from self._link(link)
                yield from self._time_of(link)
                expected[-1][1][str(link.tenant_id).encode()] = self._expect(link)
        yield from self._read(expected)
        if self._waiting >= MOST_WAITING:
            yield from self._explain()

    def _expect(self, link: StoredLink) -> Expected:
        before = self._last.get(link.tenant_id)
        self._last[link.tenant_id] = _without_entries(link)
        return Expected(
            link,
            chain.split(link.leaves),
            {entry_id: place for place, entry_id in enumerate(link.entry_ids)},
            microseconds(link.sealed_at) + TOLERANCE,
            before.next_tx if before else 1 << 64,
            microseconds(before.sealed_at) - TOLERANCE if before else 0,
        )

    # Links

    def _link(self, link: StoredLink) -> Iterator[Fault]:
        self._report.links += 1
        before = self._last.get(link.tenant_id)
        if before is None and link.sequence > 1 and self._scope.since is not None:
            before = previous_of(link)
            if before is not None:
                self._last[link.tenant_id] = before
        expected_sequence = before.sequence + 1 if before else 1
        whose = name_of(link.tenant_id)
        if link.sequence != expected_sequence:
            yield _of_link(
                "link-missing",
                f"Links {expected_sequence} to {link.sequence - 1} of {whose} are missing before"
                f" link {link.sequence}, sealed {when(link.sealed_at)}.",
                link,
            )
        elif link.previous_hash != (before.hash if before else chain.FIRST):
            yield _of_link(
                "chain-broken",
                f"{_name(link)}, does not continue the link before it: one of the two was"
                " rewritten.",
                link,
            )
        if link.computed_hash() != link.hash:
            yield _of_link(
                "link-changed",
                f"{_name(link)}, does not give its own hash: it was changed.",
                link,
            )

    def _time_of(self, link: StoredLink) -> Iterator[Fault]:
        """Retention goes by it, and one sealer after the other takes it from the same clock."""
        if link.sealed_at > self._now + TOLERANCE_OF_LINKS:
            yield _of_link("time-false", f"{_name(link)}, is of a time that has not come.", link)
        elif link.sealed_at < self._latest - TOLERANCE_OF_LINKS:
            what = f"is older, as it says, than one before it, sealed {when(self._latest)}"
            yield _of_link("time-false", f"{_name(link)}, {what}.", link)
        self._latest = max(self._latest, min(link.sealed_at, self._now))

    # Entries

    def _read(self, expected: list[tuple[Position, dict[bytes, Expected]]]) -> Iterator[Fault]:
        start, (end, _) = self._start, expected[-1]
        at = 0
        for line in lines.read(self._window(start, end)):
            while line.position >= expected[at][0]:
                yield from self._finish(expected[at][1])
                at += 1
            yield from self._entry(line, expected[at][1].get(line.tenant))
        for _, batch in expected[at:]:
            yield from self._finish(batch)
        self._start = max(start, end)

    def _window(self, start: Position, end: Position) -> sql.Composed:
        window = sql.SQL("{} AND {}").format(start.onwards(), end.before())
        if self._scope.tenant_id is None:
            return window
        tenant = sql.Literal(str(self._scope.tenant_id))
        return sql.SQL("{} AND tenant_id = {}").format(window, tenant)

    def _entry(self, line: Line, expected: Expected | None) -> Iterator[Fault]:
        self._report.entries += 1
        place = expected.places.pop(line.id, None) if expected else None
        if expected is None or place is None:
            yield from self._stray(line)
            return
        if expected.leaves[place : place + 1] != [line.leaf]:
            expected.others[place] = line
            return
        if line.is_erased:
            self._report.erased += 1
            if not self._explained.explains_erasure(line):
                yield _of_entry(
                    "erasure-unexplained",
                    "has lost its payload, and no entry tells that its person was erased",
                    line,
                    expected.link,
                )
        if line.recorded_at > expected.latest or (
            line.tx_id >= expected.known_tx and line.recorded_at < expected.earliest
        ):
            yield _of_entry(
                "time-false",
                f"says that it was recorded {when(instant(line.recorded_at))}, when its"
                " transaction cannot have run",
                line,
                expected.link,
            )

    def _stray(self, line: Line) -> Iterator[Fault]:
        if len(self._strays) < MOST_STRAYS:
            self._strays.append(line)
        else:
            yield _inserted(line)

    def _finish(self, batch: dict[bytes, Expected]) -> Iterator[Fault]:
        for expected in batch.values():
            link = expected.link
            if link.is_pruned or expected.places:
                self._missing.append((_without_entries(link), expected.places))
                self._waiting += max(1, len(expected.places))
            if not link.is_pruned:
                yield from _tree(expected)

    def _explain(self) -> Iterator[Fault]:
        """Ask the log why entries are not there: one clinic after the other, as it tells."""
        missing = sorted(self._missing, key=lambda one: (one[0].tenant_id, one[0].sequence))
        self._missing, self._waiting = [], 0
        unexplained = []
        for link, places in missing:
            if not places and self._explained.pruning_of(link):
                self._report.pruned += link.entry_count
            elif not places:
                yield _of_link("link-emptied", f"{_name(link)}, {_lost(link)}", link)
            for entry_id, place in places.items():
                if self._explained.pruning_of(link, place):
                    self._report.pruned += 1
                else:
                    unexplained.append((link, entry_id))
        yield from self._look_for_missing(unexplained)

    def _look_for_missing(self, missing: list[tuple[StoredLink, int]]) -> Iterator[Fault]:
        """Tell entries that are gone from those that are where no link expects them."""
        if not missing:
            return
        with connection.cursor() as cursor:
            cursor.execute(ANYWHERE, [[entry_id for _, entry_id in missing]])
            elsewhere = {entry_id for (entry_id,) in cursor.fetchall()}
        self._moved |= elsewhere
        for link, entry_id in missing:
            where = f"link {link.sequence} of {name_of(link.tenant_id)}"
            if entry_id in elsewhere:
                kind, what = "entry-changed", "has another tenant or another transaction now"
            else:
                kind, what = "entry-missing", "is missing, and no retention tells of it"
            yield Fault(
                kind,
                f"Entry {entry_id}, sealed {when(link.sealed_at)} in {where}, {what}.",
                link.tenant_id,
                link.sequence,
                entry_id,
                link.sealed_at,
            )

    # The end

    def rest(self, end: Position) -> Iterator[Fault]:
        """Look at what lies behind the last link of a single tenant, then at what has no link."""
        yield from self._explain()
        if self._scope.is_whole and self._scope.tenant_id is not None:
            for line in lines.read(self._window(self._start, end)):
                self._report.entries += 1
                yield from self._stray(line)
        for line in self._strays:
            if line.id not in self._moved:
                yield _inserted(line)
        self._report.last_links = len(self._last)


def _tree(expected: Expected) -> Iterator[Fault]:
    """Hold leaves against the root; say which of the two is wrong where entries differ."""
    link = expected.link
    is_whole = len(expected.leaves) == len(link.entry_ids) == link.entry_count
    if is_whole and chain.root(expected.leaves) == link.root:
        for line in expected.others.values():
            yield _of_entry("entry-changed", "is not what was sealed: it was changed", line, link)
        return
    yield _of_link(
        "link-changed",
        f"{_name(link)}, does not give its own root: its leaves or the root were changed.",
        link,
    )
    leaves = list(expected.leaves)
    for place, line in expected.others.items():
        if place < len(leaves):
            leaves[place] = line.leaf
    if chain.root(leaves) != link.root:
        for line in expected.others.values():
            yield _of_entry("entry-changed", "is not what its link says", line, link)


def _without_entries(link: StoredLink) -> StoredLink:
    """Leave what does not grow with them, as links are kept."""
    return replace(link, entry_ids=[], leaves=b"")


def _name(link: StoredLink) -> str:
    whose = name_of(link.tenant_id)
    return f"Link {link.sequence} of {whose}, sealed {when(link.sealed_at)}"


def _lost(link: StoredLink) -> str:
    return (
        f"has lost all of its {link.entry_count} entries, and no retention that could have applied"
        " tells that it deleted them."
    )


def _of_link(kind: str, sentence: str, link: StoredLink) -> Fault:
    return Fault(kind, sentence, link.tenant_id, link.sequence, None, link.sealed_at)


def _out_of_order(link: StoredLink) -> Fault:
    return _of_link(
        "link-moved",
        f"{_name(link)}, ends before the link that was written before it.",
        link,
    )


def _of_entry(kind: str, what: str, line: Line, link: StoredLink) -> Fault:
    return Fault(
        kind,
        f"Entry {line.id} of {name_of(link.tenant_id)}, recorded {when(instant(line.recorded_at))},"
        f" in link {link.sequence}, sealed {when(link.sealed_at)}, {what}.",
        link.tenant_id,
        link.sequence,
        line.id,
        link.sealed_at,
    )


def _inserted(line: Line) -> Fault:
    tenant = uuid.UUID(line.tenant.decode())
    recorded_at = instant(line.recorded_at)
    return Fault(
        "entry-inserted",
        f"Entry {line.id} of {name_of(tenant)}, recorded {when(recorded_at)} as it says, lies in"
        f" the sealed past (transaction {line.tx_id}), and no link holds it: it was put there"
        " later.",
        tenant,
        None,
        line.id,
        recorded_at,
    )
