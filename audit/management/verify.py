"""manage.py audit verify: show that nothing of the log was changed."""

import datetime as dt
import uuid
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any, Final

import msgspec
from django.core.management.base import BaseCommand

from audit import verification
from audit.verification import Report, Scope
from audit.verification.faults import when
from core.management.progress import ProgressLine

HELP: Final = (
    "Compute the chains of the audit log anew and compare them with what is stored, with the signed"
    " checkpoints and with their mirror. Ends with 1 if anything is not as it was sealed, and says"
    " where. Others may write meanwhile."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--tenant", type=uuid.UUID, metavar="UUID", help="one clinic's chain alone")
    parser.add_argument(
        "--from", dest="since", type=_time, metavar="TIME", help="links sealed from then on"
    )
    parser.add_argument(
        "--to", dest="until", type=_time, metavar="TIME", help="links sealed before then"
    )
    parser.add_argument(
        "--entry", type=int, metavar="ID", help="prove a single entry; others can check the proof"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line; the sum last")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    if options["entry"] is not None:
        _prove(command, options["entry"], is_json=options["json"])
    else:
        scope = Scope(options["tenant"], options["since"], options["until"])
        _verify(command, scope, is_json=options["json"])


def _time(text: str) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError("must be a day or a time, such as 2026-11-21T08:30Z") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)


def _verify(command: BaseCommand, scope: Scope, *, is_json: bool) -> None:
    report, line = Report(), ProgressLine(command.stderr)

    def tell(done: int, total: int) -> None:
        line.tell(done, total, f"{report.faults:,} faults", rows=report.entries, what="links")

    for fault in verification.verify(scope, report, tell):
        line.clear()
        command.stdout.write(_json(fault) if is_json else fault.sentence)
    line.clear()
    command.stdout.write(_json(report) if is_json else _summary(report))
    if report.faults:
        raise SystemExit(1)


def _json(told: Any) -> str:
    return msgspec.json.encode(told, enc_hook=str).decode()


def _summary(report: Report) -> str:
    parts = list(report.notes)
    parts.append(
        f"{report.entries:,} entries in {report.links:,} links of {report.last_links:,} chains;"
        f" {report.erased:,} with an erased payload, {report.pruned:,} deleted by retention."
    )
    parts.append(
        f"{report.checkpoints:,} signed checkpoints, {report.mirrored:,} in the mirror,"
        f" {report.not_mirrored:,} not copied yet."
    )
    if report.not_sealed and report.oldest_not_sealed:
        since = when(report.oldest_not_sealed)
        parts.append(f"{report.not_sealed:,} entries wait to be sealed, the oldest since {since}.")
    faults = "1 fault." if report.faults == 1 else f"{report.faults:,} faults."
    parts.append(faults if report.faults else "All is as it was sealed.")
    return "\n".join(parts)


def _prove(command: BaseCommand, entry_id: int, *, is_json: bool) -> None:
    proof = verification.prove(entry_id)
    if is_json:
        command.stdout.write(_json(proof))
    else:
        for fault in proof.faults:
            command.stdout.write(fault.sentence)
        if not proof.faults:
            command.stdout.write(proof.sentence)
    if proof.faults or proof.state == "unknown":
        raise SystemExit(1)
