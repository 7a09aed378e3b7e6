"""The worker's side of parsing: start a child, watch it, and say what became of it."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from documents.failures import Code, StepFailed
from documents.parsers.wire import Answer, Request
from documents.types import Limits, Parsed

ROOT: Final = Path(__file__).resolve().parents[2]
_POLL_SECONDS: Final = 0.5
_CHUNK: Final = 1024 * 1024
# The most a character takes on the wire, and room for what is not text.
_BYTES_PER_CHARACTER: Final = 4
_SPARE_BYTES: Final = 4 * 1024 * 1024
_GRACE_SECONDS: Final = 5
# Honest files take a second or two per megabyte.
_CPU_SECONDS: Final = 60
_CPU_SECONDS_PER_MEGABYTE: Final = 4
# What wrong memory accesses end with. An allocation that is refused ends with an abort or a trap,
# a limit with a signal of its own.
_FAULTS: Final = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE)

# Only what Python needs: no secret of ours is in the child's environment. One allocator arena and
# one thread per library keep the address space small on machines with many cores.
_ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "RAYON_NUM_THREADS": "1",
    "TOKIO_WORKER_THREADS": "1",
}


def parse_in_child(
    path: Path, media_type: str, *, limits: Limits, check: Callable[[], None]
) -> Parsed:
    """Parse the file. Raises StepFailed, or what `check` raises.

    `check` is called about twice a second; the child is gone when this returns or raises.
    """
    if not path.is_file():
        raise StepFailed(Code.FILE_MISSING)
    size = path.stat().st_size
    if not size:
        raise StepFailed(Code.NO_TEXT, "The file is empty.")
    limits = _for_size(limits, size)
    request = Request(str(path.resolve()), media_type, os.getpid(), limits)
    with _child(msgspec.json.encode(request).decode()) as child:
        reply = _read_reply(child, limits, check)
        if reply:
            return _opened(reply)
        raise _why_silent(child, limits)


def _for_size(limits: Limits, size: int) -> Limits:
    """Give a small file less time, so that many hostile ones cannot hold all workers for long."""
    seconds = int(_CPU_SECONDS + _CPU_SECONDS_PER_MEGABYTE * size / 1024**2)
    spared = max(0, limits.cpu_seconds - seconds)
    return replace(
        limits,
        cpu_seconds=limits.cpu_seconds - spared,
        wall_seconds=max(1, limits.wall_seconds - spared),
    )


@contextmanager
def _child(request: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(  # noqa: S603  The program is our own.
        [sys.executable, "-B", "-m", "documents.parsers.child", request],
        cwd=ROOT,
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        # A library's complaints may quote the document.
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            _kill(child)
        child.__exit__(None, None, None)


def _kill(child: subprocess.Popen[bytes]) -> None:
    # Not yet waited for, so the number cannot belong to another process.
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _read_reply(child: subprocess.Popen[bytes], limits: Limits, check: Callable[[], None]) -> bytes:
    assert child.stdout is not None  # noqa: S101  It is a pipe.
    most = limits.characters * _BYTES_PER_CHARACTER + _SPARE_BYTES
    ends_at = time.monotonic() + limits.wall_seconds
    reply = bytearray()
    checks_at = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            now = time.monotonic()
            if now >= ends_at:
                raise StepFailed(Code.RESOURCE_LIMIT, f"More than {limits.wall_seconds} s.")
            if now >= checks_at:
                check()
                checks_at = now + _POLL_SECONDS
            if selector.select(min(checks_at, ends_at) - now if checks_at > now else 0):
                piece = os.read(child.stdout.fileno(), _CHUNK)
                if not piece:
                    return bytes(reply)
                reply += piece
                if len(reply) > most:
                    raise StepFailed(Code.RESOURCE_LIMIT, f"A result of more than {most} bytes.")


def _opened(reply: bytes) -> Parsed:
    try:
        answer = msgspec.msgpack.decode(reply, type=Answer)
    except msgspec.DecodeError:
        raise StepFailed(Code.INTERNAL_ERROR, "The child's answer broke off.") from None
    if answer.parsed is None:
        raise StepFailed(Code(answer.code), answer.detail)
    return answer.parsed


def _why_silent(child: subprocess.Popen[bytes], limits: Limits) -> StepFailed:
    status, peak_bytes = _ended(child)
    if status >= 0:
        return StepFailed(Code.INTERNAL_ERROR, f"The child ended with {status} and no answer.")
    ended_by = signal.Signals(-status)
    detail = f"{ended_by.name} with a peak of {peak_bytes // 1024**2} MiB."
    if ended_by not in _FAULTS or peak_bytes > limits.memory_bytes // 2:
        return StepFailed(Code.RESOURCE_LIMIT, detail)
    return StepFailed(Code.DAMAGED, detail)


def _ended(child: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Wait for a child that has closed its end of the pipe; give its exit and its peak memory."""
    ends_at = time.monotonic() + _GRACE_SECONDS
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode, usage.ru_maxrss * 1024
        if time.monotonic() > ends_at:
            _kill(child)
        time.sleep(0.01)
