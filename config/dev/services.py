"""The processes of `run`: their commands, and a supervisor that keeps them alive."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from config.dev.processes import end, with_variable

# Stands in the environment of every process we start, so that a later run knows its orphans.
MARK = "NOVARA_RUN"
ATTEMPTS = 5
FIRST_ATTEMPTS = 1  # While starting, a program that ends is most likely broken.
STEADY = 60.0
LARGEST_LOG = 10_000_000


@dataclass
class Service:
    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = 0.0
    stopping: bool = field(default=False)

    def start(self, variables: dict[str, str]) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=variables,
                start_new_session=True,
            )
        self.started = time.monotonic()
        self.stopping = False

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: int) -> None:
        if self.process is not None and self.is_alive():
            self.process.send_signal(number)

    def kill_group(self) -> None:
        """End what the main process left behind: its children do not outlive it."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def count_failure(self) -> None:
        if time.monotonic() - self.started > STEADY:
            self.failures = 0
        self.failures += 1
        self.due = time.monotonic() + min(2 ** (self.failures - 1), 10)


def all_services(folder: Path, host: str, port: int, stream_port: int) -> list[Service]:
    logs = folder / "logs"
    python = [sys.executable, "-m"]
    web = [
        "granian", "config.wsgi:application", "--interface", "wsgi",
        "--host", host, "--port", str(port),
        "--workers", str(_cores()), "--blocking-threads", str(_threads()),
        "--runtime-mode", "st", "--backlog", "1024", "--no-ws",
        "--log-level", "warning", "--no-access-log",
        # At a reload the old worker goes this much later, when the new one has loaded its code.
        "--respawn-failed-workers", "--respawn-interval", "5", "--workers-kill-timeout", "8",
    ]  # fmt: skip
    # One process holds the event streams of all; it knows how many there are.
    stream = [
        "granian", "config.asgi:application", "--interface", "asgi",
        "--host", host, "--port", str(stream_port),
        "--workers", "1", "--runtime-mode", "st", "--backlog", "1024", "--no-ws",
        # More than it lets in at all: who is over that is to get an answer.
        "--backpressure", "6000",
        # An access log would hold the tickets.
        "--log-level", "warning", "--no-access-log",
        "--respawn-failed-workers", "--workers-kill-timeout", "8",
    ]  # fmt: skip
    worker = _worker(worker_name(folder), queues="default,metrics", processes=2)
    # On its own, so that long documents keep nothing else waiting. An embedder takes all cores.
    documents = _worker(
        worker_name(folder, "documents"), queues="documents", processes=max(1, _cores() // 2)
    )
    # A file with beat's number would stop the next beat after a crash: name none.
    beat = [
        "celery", "-A", "config", "beat", "-s", str(folder / "celerybeat-schedule"),
        "--pidfile=", "--loglevel", "WARNING",
    ]  # fmt: skip
    commands = {
        "web": web,
        "stream": stream,
        "worker": worker,
        "documents": documents,
        "beat": beat,
    }
    return [
        Service(name, python + command, logs / f"{name}.log") for name, command in commands.items()
    ]


def _worker(name: str, *, queues: str, processes: int) -> list[str]:
    return [
        "celery", "-A", "config", "worker", "-Q", queues, "-n", name,
        "--pool", "prefork", "-c", str(processes), "--loglevel", "WARNING",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip


def worker_name(folder: Path, kind: str = "worker") -> str:
    """Differs between checkouts: they may share a broker."""
    return f"{kind}@{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"


def variables_for(folder: Path, env_file: Path) -> dict[str, str]:
    """What the caller's environment says, and where the rest is to be read.

    The addresses themselves are not passed on: processes would keep them when the file changes.
    """
    return {
        **os.environ,
        "NOVARA_ENV_FILE": str(env_file),
        "PYTHONUNBUFFERED": "1",
        MARK: str(folder),
    }


def end_orphans(folder: Path, *, grace: float) -> int:
    """End what a killed run of this folder left behind, whatever its parent is now."""
    orphans = with_variable(MARK, str(folder))
    end(orphans, grace=grace)
    return len(orphans)


def turn_over(log: Path) -> None:
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_name(f"{log.name}.1"))


def _threads() -> int:
    """Of each worker: eight are the fastest, but all together keep 20 connections at most."""
    return max(2, min(8, 20 // _cores()))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
