"""What the launchers share: finding, ending and locking processes, and the way failures speak."""

import contextlib
import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil


class SetupError(Exception):
    """Something could not be set up; the last sentence of the message says what to do."""


def is_running(pid: int | None, argument: str) -> bool:
    """Whether `pid` lives and was started with exactly this argument.

    The argument keeps us from trusting a number that the system has given to a stranger.
    """
    if not pid:
        return False
    with contextlib.suppress(psutil.Error):
        arguments: list[str] = psutil.Process(pid).cmdline()
        return argument in arguments
    return False


def with_variable(name: str, value: str) -> list[psutil.Process]:
    """The processes, beside this one, that were started with name=value in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(name) == value:
                found.append(process)
    return found


def end(processes: Iterable[psutil.Process], *, grace: float) -> None:
    """TERM, then KILL for those that are still there after `grace` seconds."""
    remaining = list(processes)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in remaining:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        _, remaining = psutil.wait_procs(remaining, timeout=grace)


def wait_until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.02) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def port_is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def last_lines(log: Path, count: int = 8) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        text = file.read().decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-count:])


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[int]:
    """Hold the file's lock; the system lets go of it even when we are killed.

    Without `wait`, raises BlockingIOError when another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)
