"""Servers for one test run: not durable, and deleted with all they hold."""

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from config.dev import environment, postgres, valkey
from config.dev.processes import locked

PREFIX = "novara-throwaway-"


@contextlib.contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Start what the environment does not name; yield the variables that lead to it."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(0o711)  # So that, started by root, PostgreSQL's user can pass through.
    discard = partial(_discard, folder)
    atexit.register(discard)  # The caller may end without leaving this block.
    with locked(folder / "in-use"):
        try:
            variables = environment.new_secrets()
            if not os.environ.get("DOCUMENT_STORAGE"):
                variables["DOCUMENT_STORAGE"] = str(folder / "documents")
                (folder / "documents").mkdir()
            if not os.environ.get("AUDIT_MIRROR"):
                variables["AUDIT_MIRROR"] = str(folder / "audit")
                (folder / "audit").mkdir()
            if not os.environ.get("DATABASE_URL"):
                variables["DATABASE_URL"] = postgres.start(folder, durable=False)
            if not os.environ.get("REDIS_URL"):
                variables["REDIS_URL"] = valkey.start(folder)
            yield variables
        finally:
            atexit.unregister(discard)
            discard()


def _discard(folder: Path) -> None:
    valkey.discard(folder)
    postgres.discard(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Remove what runs left behind that were killed; the lock tells those that still live."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            with (folder / "in-use").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _discard(folder)
