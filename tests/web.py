"""Novara's own processes on the test database, for tests that call them over HTTP."""

import os
import random
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from config.dev.processes import last_lines, port_is_free, wait_until

WEB = (
    *("granian", "config.wsgi:application", "--interface", "wsgi", "--host", "127.0.0.1"),
    *("--workers", "1", "--blocking-threads", "2", "--runtime-mode", "st", "--no-ws"),
)


def installation(broker: int) -> dict[str, str]:
    """The test database, and a broker of their own: no other test's tasks are in it."""
    database, store = urlsplit(os.environ["DATABASE_URL"]), urlsplit(os.environ["REDIS_URL"])
    name = settings.DATABASES["default"]["NAME"]
    return {
        "DATABASE_URL": database._replace(path=f"/{name}").geturl(),
        "REDIS_URL": store._replace(path=f"/{broker}").geturl(),
    }


def run_alone(script: str, *arguments: str) -> int:
    """Run Python on the test database in a process without threads, which may fork."""
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", f"import django; django.setup()\n{script}", *arguments],
        check=False,
        cwd=settings.ROOT,
        env=os.environ | installation(0) | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        timeout=60,
    ).returncode


@contextmanager
def process(
    log: Path, *command: str, broker: int, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        running = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", *command],
            cwd=settings.ROOT,
            env=os.environ | installation(broker) | variables,
            stdout=output,
            stderr=output,
        )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def web(folder: Path, *, broker: int, **variables: str) -> Iterator[str]:
    """Run one web process with these variables; give its address."""
    port = free_port()
    log = folder / f"{port}.log"
    with process(log, *WEB, "--port", str(port), broker=broker, **variables) as running:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: running.poll() is not None or answers(url), seconds=60)
        assert answers(url), last_lines(log, 30)
        yield url


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/livez", timeout=5):  # noqa: S310
            return True
    except OSError:
        return False


def free_port() -> int:
    """Below the range from which the system takes ports for outgoing connections."""
    return next(p for p in random.sample(range(20_000, 32_000), 50) if port_is_free("127.0.0.1", p))
