"""manage.py verify_restore: a restored database is what was backed up, and its files are there."""

import hashlib
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config.restoring import archive, inventory, positions
from documents import storage
from documents.failures import StepFailed
from documents.models import Document
from documents.statuses import Status

LISTED: Final = 50
# In seconds, between two lines of progress.
TOLD_EVERY: Final = 5
# Their bytes are in the storage. A document that failed while they came has none.
STORED: Final = (
    *(Status.PROCESSING, Status.CHUNKING, Status.EMBEDDING),
    *(Status.COMPLETED, Status.FAILED),
)


class Command(BaseCommand):
    help = (
        "Compare the database with the inventory of a backup: every row, sequence, function,"
        " trigger, policy and right; and every document with its file. With Novara stopped, before"
        " it is started for the first time. Ends with 1 if anything differs."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a backup made by back_up")
        parser.add_argument(
            "--sizes-only",
            action="store_true",
            help="look at the sizes of files and do not read them, where they are too many",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            before = archive.read_inventory(options["folder"])
        except archive.ArchiveError as error:
            raise CommandError(str(error)) from error
        with transaction.atomic():
            now = inventory.take()
        found = list(inventory.differences(before, now))
        if why := positions.complaint():
            found.append(f"positions: {why}")
        found += self._files(is_read=not options["sizes_only"])
        for line in found[:LISTED]:
            self.stdout.write(line)
        if found:
            self.stdout.write(f"{len(found):,} differences from the backup.")
            if before.server != now.server:
                self.stdout.write(
                    f"It was made by PostgreSQL {before.server}, and this is {now.server}: the"
                    " texts of objects may differ for that."
                )
            raise SystemExit(1)
        self.stdout.write(
            f"All equal: {len(now.tables)} tables with {now.row_count:,} rows,"
            f" {len(now.sequences)} sequences, {len(now.objects)} objects, {self._count:,} files."
        )

    def _files(self, *, is_read: bool) -> Iterator[str]:
        documents = Document.objects.filter(status__in=STORED).exclude(
            failed_stage=Status.UPLOADING
        )
        self._count, told = 0, time.monotonic()
        for document in documents.order_by("id").iterator(chunk_size=500):
            if fault := _fault_of(document, is_read=is_read):
                yield f"file of document {document.id}: {fault}"
            self._count += 1
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                self.stderr.write(f"{self._count:,} files")


def _fault_of(document: Document, *, is_read: bool) -> str:
    try:
        if storage.size_of(document.storage_path) != document.file_size:
            return "has another size"
        if is_read and _sum(document) != document.file_hash:
            return "has other bytes"
    except StepFailed as failure:
        return failure.detail
    return ""


def _sum(document: Document) -> str:
    digest, part = hashlib.sha256(), storage.read(document.storage_path, 0, document.file_size)
    try:
        for piece in part:
            digest.update(piece)
    finally:
        part.close()
    return digest.hexdigest()
