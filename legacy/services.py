"""What can be done with an old database: bring it over, verify, undo."""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from django.contrib.admin.models import LogEntry
from django.db import Error, connection, transaction
from django.db.models import Count
from django.utils import timezone

from accounts import services as accounts
from core.errors import DomainError
from health import queries
from health import services as health
from legacy import importer, mapping, verification
from legacy.mapping import people
from legacy.models import LegacyImport, LegacyRecord
from legacy.sources import Source, SourceError, open_source
from legacy.types import Finding, Person, Report, Row

# One migration at a time: two would do the same work.
LOCK = 0x6C6567616379
BATCH = 2000
DRY = "This was a dry run: nothing was changed."
TOO_MUCH = "stands here, and is not in the source"

Progress = Callable[[int, int, int], None]


class AlreadyRunning(DomainError):
    status = 409
    code = "migration-running"


class WrittenSince(DomainError):
    status = 409
    code = "written-since"


def migrate(*, source: str, is_dry_run: bool, progress: Progress) -> Report:
    """Bring an old database over, person by person, and verify it field by field."""
    with _alone(), open_source(source) as opened:
        run = _Run(opened, progress)
        run.each_person(run.plan_only if is_dry_run else run.bring_and_compare)
        run.rows_of_nobody(run.count_only if is_dry_run else run.bring_records)
        if is_dry_run:
            run.report.note(DRY)
        else:
            run.look_for_more()
        return run.finish()


def verify(*, source: str, progress: Progress) -> Report:
    """Compare what stands here with an old database; nothing is written."""
    with open_source(source) as opened:
        run = _Run(opened, progress)
        run.each_person(run.compare_only)
        run.rows_of_nobody(run.compare_records)
        run.look_for_more()
        return run.finish()


def write_waiting_events(*, progress: Progress) -> Report:
    """Write the events of all check-ins that still wait for them."""
    started = time.monotonic()
    report = Report(source="")
    waiting = list(dict.fromkeys(queries.people_with_waiting_checkins()))
    report.people = {"found": len(waiting)}
    written = 0
    for done, user_id in enumerate(waiting, 1):
        written += health.write_waiting_events(user_id=user_id)
        progress(done, len(waiting), written)
    report.count("daily_checkins", written)
    report.seconds = round(time.monotonic() - started, 3)
    return report


def undo(*, is_dry_run: bool, progress: Progress) -> Report:
    """Take back everything that was brought over, unless somebody has written since."""
    with _alone():
        started = time.monotonic()
        report = Report(source="")
        known = LegacyImport.objects.order_by("id").values_list("user_id", flat=True)
        ids = list(known)
        report.people = {"found": len(ids), "taken_back": 0}
        keepers = [user_id for user_id in ids if _has_written(user_id)]
        if keepers:
            raise WrittenSince(
                f"{len(keepers)} of {len(ids)} people who were brought over have written"
                " something new since, or work here. Nothing was undone."
            )
        for done, user_id in enumerate(ids, 1):
            if not is_dry_run:
                _take_back(user_id)
            report.people["taken_back"] += 1
            progress(done, len(ids), done)
        _take_back_records(report, is_dry_run=is_dry_run)
        if is_dry_run:
            report.note(DRY)
        report.seconds = round(time.monotonic() - started, 3)
        return report


class _Run:
    """One pass over an old database."""

    def __init__(self, source: Source, progress: Progress) -> None:
        self._source, self._progress = source, progress
        self._started = time.monotonic()
        self._now = timezone.now()
        self._tenant_id = importer.first_tenant()
        self._rows_read = 0
        self._rows_of_nobody: Counter[str] = Counter()
        self.report = Report(source=source.label)
        columns = source.tables()
        self._columns = {
            table: mapping.person_columns(table, names) for table, names in columns.items()
        }
        if not set(people.USERS) & columns.keys():
            raise SourceError("The source holds no table of users.")
        self._people = people.identify(self._account_rows())
        refs = [(ref, person.rank) for person in self._people for ref in person.refs]
        source.know(refs)
        self.report.people["found"] = len(self._people)

    def each_person(self, work: Callable[[Person, mapping.Rows], None]) -> None:
        streams = {
            table: _Stream(self._source.rows_of_people(table, columns))
            for table, columns in self._columns.items()
            if columns
        }
        for person in self._people:
            rows = {table: stream.take(person.rank) for table, stream in streams.items()}
            rows = {table: found for table, found in rows.items() if found}
            self._rows_read += sum(map(len, rows.values()))
            work(person, rows)
            self._progress(person.rank + 1, len(self._people), self._rows_read)

    def rows_of_nobody(self, work: Callable[[Sequence[Row]], None]) -> None:
        """Go through the rows that name nobody; where each has to be somebody's, it is a fault."""
        for table, columns in self._columns.items():
            source = self._source
            rows = source.other_rows(table, columns) if columns else source.rows(table)
            if table in mapping.PLACED:
                for row in rows:
                    detail = "names nobody in the source"
                    column = columns[0] if columns else "user_id"
                    self.report.add_fault(Finding(table, row.key, column, detail))
                continue
            while batch := list(islice(rows, BATCH)):
                self._rows_read += len(batch)
                faults = mapping.unreadable(batch)
                for fault in faults:
                    self.report.add_fault(fault)
                refused = {(fault.table, fault.key) for fault in faults}
                work([row for row in batch if (row.table, row.key) not in refused])

    def finish(self) -> Report:
        self.report.seconds = round(time.monotonic() - self._started, 3)
        return self.report

    # What is done with a person

    def plan_only(self, person: Person, rows: mapping.Rows) -> None:
        plan = self._plan(person, rows)
        known = LegacyImport.objects.filter(user_id=person.id).exists()
        try:
            if not known and not plan.faults:
                importer.check_free(person, plan)
        except importer.CannotBring as refusal:
            plan.faults.append(refusal.finding)
        if plan.faults:
            self._refuse(plan.faults)
        else:
            self._count("already_here" if known else "brought", rows)

    def bring_and_compare(self, person: Person, rows: mapping.Rows) -> None:
        try:
            known = self._bring(person, rows)
        except importer.CannotBring as refusal:
            self._refuse([refusal.finding])
        except Error as error:
            self._refuse([_collision(person, error)])
        else:
            if known is not None:
                self._compare(person, rows, known)

    def compare_only(self, person: Person, rows: mapping.Rows) -> None:
        known = LegacyImport.objects.filter(user_id=person.id).first()
        if known is not None:
            self._count("already_here", rows)
            self._compare(person, rows, known)
        elif importer.was_erased(person):
            self._note_erased(person)
        else:
            detail = "is not here"
            self.report.add_difference(Finding(person.table, person.key, "", detail))

    def _bring(self, person: Person, rows: mapping.Rows) -> LegacyImport | None:
        known = LegacyImport.objects.filter(user_id=person.id).first()
        if known is None and importer.was_erased(person):
            self._note_erased(person)
            return None
        faults = [*person.faults, *(f for r in rows.values() for f in mapping.unreadable(r))]
        sum_of = "" if faults else importer.digest(rows)
        if known is not None and known.source_digest == sum_of:
            self._count("already_here", rows)
            return known
        plan = self._plan(person, rows)
        if plan.faults:
            self._refuse(plan.faults)
            return None
        if known is not None:
            importer.bring_changes(
                person=person, plan=plan, known=known, sum_of=sum_of, now=self._now
            )
            self._count("already_here", rows)
        else:
            importer.bring(
                person=person,
                plan=plan,
                tenant_id=self._tenant_id,
                source=self._source.label,
                sum_of=sum_of,
                now=self._now,
            )
            self._count("brought", rows)
        for text, times in plan.notes.items():
            self.report.note(f"{person.table} {person.key}: {times} times: {text}")
        return LegacyImport.objects.get(user_id=person.id)

    def _plan(self, person: Person, rows: mapping.Rows) -> mapping.Plan:
        has_only_texts = self._source.has_only_texts
        return mapping.make_plan(person, rows, has_only_texts=has_only_texts, now=self._now)

    def _compare(self, person: Person, rows: mapping.Rows, known: LegacyImport) -> None:
        verification.compare_person(person=person, rows=rows, known=known, report=self.report)

    def _count(self, what: str, rows: mapping.Rows) -> None:
        self.report.people[what] += 1
        for table, found in rows.items():
            self.report.count(table, len(found))

    def _refuse(self, faults: Sequence[Finding]) -> None:
        self.report.people["refused"] += 1
        for fault in faults:
            self.report.add_fault(fault)

    def _note_erased(self, person: Person) -> None:
        self.report.people["refused"] += 1
        self.report.note(f"{person.table} {person.key}: was erased here; not brought again")

    # What is done with rows of nobody

    def count_only(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.report.count(row.table, 1)
            self._rows_of_nobody[row.table] += 1

    def bring_records(self, rows: Sequence[Row]) -> None:
        importer.write_new_records(rows, tenant_id=self._tenant_id, now=self._now)
        self.compare_records(rows)

    def compare_records(self, rows: Sequence[Row]) -> None:
        self.count_only(rows)
        verification.compare_records(rows=rows, report=self.report)

    def look_for_more(self) -> None:
        """Look for people and rows of nobody that were brought, and left the source since."""
        known = {person.id for person in self._people}
        brought = LegacyImport.objects.filter(source=self._source.label)
        for user_id, key in brought.values_list("user_id", "source_key").iterator():
            if user_id not in known:
                self.report.add_difference(Finding("users", key, "", TOO_MUCH))
        here = LegacyRecord.objects.filter(user_id__isnull=True).order_by("source_table")
        tables = here.values_list("source_table").annotate(rows=Count("id"))
        for table, rows in tables:
            more = rows - self._rows_of_nobody[table]
            if more > 0 and table in self._columns:
                self.report.add_difference(Finding(table, f"({more} rows)", "", TOO_MUCH))

    def _account_rows(self) -> Iterator[Row]:
        for table in people.USERS:
            if table in self._columns:
                yield from self._source.rows(table, ("id", "email"))


class _Stream:
    """The rows of a table in the order of people's ranks."""

    def __init__(self, rows: Iterator[tuple[int, Row]]) -> None:
        self._rows = rows
        self._next: tuple[int, Row] | None = next(rows, None)

    def take(self, rank: int) -> list[Row]:
        taken = []
        while self._next is not None and self._next[0] == rank:
            taken.append(self._next[1])
            self._next = next(self._rows, None)
        return taken


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if cursor.fetchone() != (True,):
            raise AlreadyRunning("Another migration is running. Wait until it has ended.")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _collision(person: Person, error: Error) -> Finding:
    """Name the rule that refused a person; the error's own text would quote their data."""
    diagnosis = getattr(error.__cause__, "diag", None)
    rule = getattr(diagnosis, "constraint_name", None) or getattr(diagnosis, "sqlstate", None)
    detail = f"cannot be brought over: the database refuses it ({rule or type(error).__name__})"
    return Finding(person.table, person.key, "", detail)


def _has_written(user_id: uuid.UUID) -> bool:
    known = LegacyImport.objects.select_related("user").get(user_id=user_id)
    stood = {name: known.after.get(name) for name in importer.COUNTED}
    return (
        known.user.is_staff
        or known.user.is_superuser
        or LogEntry.objects.filter(user_id=user_id).exists()
        or importer.snapshot(user_id) != stood
    )


@transaction.atomic
def _take_back(user_id: uuid.UUID) -> None:
    if _has_written(user_id):
        raise WrittenSince(
            "Somebody who was brought over has written something new just now. The undoing was"
            " stopped; whoever was not reached stays."
        )
    accounts.erase_person(
        user_id=user_id, requested_by="manage.py migrate_v1", reason=importer.UNDONE
    )


def _take_back_records(report: Report, *, is_dry_run: bool) -> None:
    left = LegacyRecord.objects.filter(user_id__isnull=True)
    report.count("legacy_records", left.count())
    if not is_dry_run:
        left.delete()
