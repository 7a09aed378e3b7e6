"""Documents in a folder of this machine, or on a volume that all machines have mounted."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.files.storage import FileSystemStorage

from documents.failures import Code, StepFailed

CHUNK_BYTES = 256 * 1024


class Folder(FileSystemStorage):
    """Files that only the owner of our processes may read.

    `is_made`: the folder itself is made where it is missing. One that somebody named is not: a
    volume that is not mounted would have its files written beside it.
    """

    def __init__(self, *, location: Path, is_made: bool) -> None:
        super().__init__(location=location)
        self.is_made = is_made

    def put(self, key: str, content: BinaryIO) -> None:
        """Write in place: whoever writes a document writes the same bytes at the same places.

        Nobody reads them before its row says that they are all there.
        """
        with self._told_apart():
            path = Path(self.path(key))
            if self.is_made:
                Path(self.location).mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                shutil.copyfileobj(content, file, CHUNK_BYTES)
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
            _keep_entry(path.parent)

    def size_of(self, key: str) -> int:
        with self._told_apart():
            return Path(self.path(key)).stat().st_size

    def open_at(self, key: str, start: int, length: int) -> BinaryIO:
        with self._told_apart():
            file = Path(self.path(key)).open("rb")  # noqa: SIM115  The caller closes it.
            file.seek(start)
            return file

    def remove(self, key: str) -> None:
        with self._told_apart():
            Path(self.path(key)).unlink(missing_ok=True)

    @contextmanager
    def local_copy(self, key: str) -> Iterator[Path]:
        self.open_at(key, 0, 0).close()
        yield Path(self.path(key))

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if Path(self.location).is_dir():
                raise StepFailed(Code.FILE_MISSING, "The file is not in the folder.") from error
            raise StepFailed(Code.STORAGE_UNAVAILABLE, "The folder is not there.") from error
        except PermissionError as error:
            raise StepFailed(Code.STORAGE_FORBIDDEN, "The folder refuses us.") from error
        except OSError as error:
            detail = f"The folder: {errno_word(error)}."
            raise StepFailed(Code.STORAGE_UNAVAILABLE, detail) from error


def errno_word(error: OSError) -> str:
    """Say what went wrong without the path."""
    return os.strerror(error.errno) if error.errno else type(error).__name__


def _keep_entry(folder: Path) -> None:
    """The name of a new file survives a loss of power only with its folder."""
    descriptor: Any = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
