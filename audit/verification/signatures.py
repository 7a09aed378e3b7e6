"""Checkpoints and their copies in the mirror, held against the links."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.db import connection

from audit import chain, checkpoints, storage
from audit.models import AuditCheckpoint
from audit.verification.explanations import Explanations
from audit.verification.faults import Fault, Report, Scope, name_of, when

PAGE: Final = 200
AT_ONCE: Final = 2_000
# Of the given links of tenants: their hash and when they were sealed, where they are there.
LINKS: Final = """
    SELECT s.tenant_id, s.sequence, s.hash, s.sealed_at
      FROM unnest(%s::uuid[], %s::bigint[]) AS h (tenant_id, sequence)
      JOIN audit_seals s ON s.tenant_id = h.tenant_id AND s.sequence = h.sequence
"""


class Signatures:
    def __init__(self, scope: Scope, report: Report, explained: Explanations) -> None:
        self._scope = scope
        self._report = report
        self._explained = explained
        self._heads: list[tuple[chain.Head, chain.Statement, str]] = []

    # In the database

    def stored(self) -> Iterator[Fault | None]:
        """Look at the checkpoints of the database, and that each continues the one before."""
        before: AuditCheckpoint | None = None
        number = 0
        while page := list(self._rows().filter(number__gt=number).order_by("number")[:PAGE]):
            for one in page:
                yield from self._one(one, before)
                before, number = one, one.number
            yield from self._flush()
            yield None

    def _rows(self) -> Any:
        rows = AuditCheckpoint.objects.all()
        if self._scope.since:
            rows = rows.filter(signed_at__gte=self._scope.since)
        return rows.filter(signed_at__lt=self._scope.until) if self._scope.until else rows

    def _one(self, one: AuditCheckpoint, before: AuditCheckpoint | None) -> Iterator[Fault]:
        self._report.checkpoints += 1
        self._report.not_mirrored += one.mirrored_at is None
        signed = checkpoints.signed_statement(one)
        where = f"Checkpoint {one.number} of {when(one.signed_at)}"
        statement = _statement(one.statement)
        if statement is None or (statement.checkpoint, statement.signed_at) != (
            one.number,
            one.signed_at.isoformat(),
        ):
            yield _fault("checkpoint-forged", f"{where} does not say what it should.", one)
            return
        if why := chain.flaw(signed, settings.AUDIT_SIGNING_KEYS):
            yield _fault("checkpoint-forged", f"{where} proves nothing: {why}.", one)
            return
        if before is not None and one.number != before.number + 1:
            sentence = f"Checkpoints {before.number + 1} to {one.number - 1} are missing."
            yield _fault("checkpoint-missing", sentence, one)
        elif before is not None and statement.previous != chain.digest(before.statement):
            yield _fault("checkpoint-forged", f"{where} continues another one than is there.", one)
        elif before is None and self._scope.since is None and one.number != 1:
            sentence = f"Checkpoints 1 to {one.number - 1} are missing."
            yield _fault("checkpoint-missing", sentence, one)
        self._remember(statement, where)

    # Heads

    def _remember(self, statement: chain.Statement, where: str) -> None:
        for head in statement.heads:
            if self._scope.tenant_id in {None, head.tenant}:
                self._heads.append((head, statement, where))

    def _flush(self) -> Iterator[Fault]:
        """Hold what checkpoints say of links against the links."""
        while self._heads:
            heads, self._heads = self._heads[:AT_ONCE], self._heads[AT_ONCE:]
            with connection.cursor() as cursor:
                cursor.execute(
                    LINKS,
                    [[head.tenant for head, _, _ in heads], [head.link for head, _, _ in heads]],
                )
                links = {(row[0], row[1]): (bytes(row[2]).hex(), row[3]) for row in cursor}
            for head, statement, where in heads:
                yield from self._head(head, statement, where, links.get((head.tenant, head.link)))

    def _head(
        self,
        head: chain.Head,
        statement: chain.Statement,
        where: str,
        link: tuple[str, dt.datetime] | None,
    ) -> Iterator[Fault]:
        signed_at = dt.datetime.fromisoformat(statement.signed_at)
        if link is not None and link[0] == head.hash:
            return
        if self._explained.explains_loss(signed_at, link[1] if link else None):
            return
        whose = name_of(head.tenant)
        if link is None:
            sentence = (
                f"{where} tells of link {head.link} of {whose}, which is not there: the end of the"
                " chain was cut off."
            )
            yield Fault("chain-cut", sentence, head.tenant, head.link, None, signed_at)
            return
        sentence = (
            f"{where} tells of another link {head.link} of {whose} than is there: the chain was"
            " rewritten."
        )
        yield Fault("chain-rewritten", sentence, head.tenant, head.link, None, signed_at)

    # In the mirror

    def mirrored(self) -> Iterator[Fault | None]:
        """Look at the mirror, day by day: what it holds, and what it should hold."""
        try:
            days = sorted({*storage.days(), *self._days()})
            for day in days:
                if self._is_within(day):
                    yield from self._day(day)
                    yield None
        except Exception as error:  # noqa: BLE001  Each storage has errors of its own.
            sentence = (
                f"The mirror cannot be read ({type(error).__name__}), so nothing shows whether the"
                " ends of the chains were cut off."
            )
            yield Fault("mirror-away", sentence)

    def _days(self) -> Iterator[str]:
        mirrored = self._rows().filter(mirrored_at__isnull=False)
        yield from (day.isoformat() for day in mirrored.dates("signed_at", "day"))

    def _is_within(self, day: str) -> bool:
        since, until = self._scope.since, self._scope.until
        return (since is None or day >= since.date().isoformat()) and (
            until is None or day <= until.date().isoformat()
        )

    def _day(self, day: str) -> Iterator[Fault]:
        first = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
        of_day = {"signed_at__gte": first, "signed_at__lt": first + dt.timedelta(days=1)}
        rows = AuditCheckpoint.objects.filter(**of_day).order_by("number")
        stored = {checkpoints.name_of(one): one for one in rows}
        names = storage.names_of(day) if day in storage.days() else []
        for name in names:
            self._report.mirrored += 1
            yield from self._object(name, stored.get(name))
        for name, one in stored.items():
            if one.mirrored_at is not None and name not in names:
                sentence = (
                    f"Checkpoint {one.number} of {when(one.signed_at)} is not in the mirror any"
                    f" more ({name})."
                )
                yield _fault("mirror-lacks", sentence, one)
        yield from self._flush()

    def _object(self, name: str, one: AuditCheckpoint | None) -> Iterator[Fault]:
        content = storage.get(name)
        if one is not None and content == checkpoints.signed_statement(one).content():
            return
        signed = _signed(content)
        statement = _statement(signed.statement) if signed else None
        if signed is None or statement is None:
            yield Fault("mirror-changed", f"{name} in the mirror is no checkpoint.")
            return
        if why := chain.flaw(signed, settings.AUDIT_SIGNING_KEYS):
            yield Fault("mirror-changed", f"{name} in the mirror proves nothing: {why}.")
            return
        signed_at = dt.datetime.fromisoformat(statement.signed_at)
        where = f"Checkpoint {statement.checkpoint} of {when(signed_at)} in the mirror"
        self._remember(statement, where)
        now = AuditCheckpoint.objects.filter(number=statement.checkpoint).first()
        if self._explained.explains_loss(signed_at, now.signed_at if now else None):
            self._report.notes.append(
                f"{where} is of a time that a restored backup did not have: what happened then is"
                " lost, as an entry tells."
            )
            return
        sentence = f"{where} is not the one in the database: that was deleted or changed."
        yield Fault("checkpoint-missing", sentence, None, None, None, signed_at)


def _statement(text: str) -> chain.Statement | None:
    try:
        return chain.Statement.of(text)
    except ValueError:
        return None


def _signed(content: bytes) -> chain.SignedStatement | None:
    try:
        return chain.SignedStatement.of(content)
    except ValueError:
        return None


def _fault(kind: str, sentence: str, one: AuditCheckpoint) -> Fault:
    return Fault(kind, sentence, None, None, None, one.signed_at)
