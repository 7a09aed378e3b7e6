"""Starting, watching and ending the processes of a benchmark."""

import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def free_port() -> int:
    """A port below the ephemeral range, where no outgoing connection can take it."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def running(
    command: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path
) -> Iterator[int]:
    """The process group of one server, ended on the way out, whatever happened."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process.pid
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for deadline, number in ((10, signal.SIGTERM), (5, signal.SIGKILL)):
        try:
            os.killpg(process.pid, number)
            process.wait(deadline)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue


def wait_until_it_answers(url: str, *, pid: int, log: Path, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            if not is_alive(pid):
                break
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer. Its last words:\n{log.read_text()[-3000:]}")


def is_alive(pid: int) -> bool:
    stat = _stat(pid)
    return stat is not None and stat[0] != "Z"


def cpu_seconds(root: int) -> float | None:
    """CPU used so far by a process, its descendants and those already waited for."""
    stats = {int(path.name): _stat(int(path.name)) for path in PROC.glob("[0-9]*")}
    if stats.get(root) is None:
        return None
    family, found = {root}, True
    while found:
        born = {
            pid
            for pid, stat in stats.items()
            if stat is not None and pid not in family and int(stat[1]) in family
        }
        family, found = family | born, bool(born)
    ticks = sum(sum(map(int, stat[11:15])) for pid in family if (stat := stats[pid]) is not None)
    return ticks / TICKS_PER_SECOND


def cpu_seconds_alone(pid: int) -> float | None:
    stat = _stat(pid)
    return None if stat is None else (int(stat[11]) + int(stat[12])) / TICKS_PER_SECOND


def parent(pid: int) -> int | None:
    stat = _stat(pid)
    return None if stat is None else int(stat[1])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state on: state, parent, …"""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()
