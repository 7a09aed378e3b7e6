"""Checkpoints in a folder of this machine, or on a volume that is mounted."""

import os
import uuid
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class Folder(FileSystemStorage):
    """Files that appear whole or not at all, and are never written over.

    `is_made`: the folder itself is made where it is missing. One that somebody named is not: a
    volume that is not mounted would have its files written beside it.
    """

    def __init__(self, *, location: Path, is_made: bool) -> None:
        super().__init__(location=location)
        self.is_made = is_made

    def _save(self, name: str, content: File[Any]) -> str:
        path = Path(self.path(name))
        if self.is_made:
            Path(self.location).mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = Path(self.location) / f".{uuid.uuid4().hex}"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
                to.write(content.read())
                to.flush()
                os.fsync(to.fileno())
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        return name
