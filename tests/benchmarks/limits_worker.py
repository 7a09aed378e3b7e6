"""Answers with how long requests took: uncounted, counted, refused, and while the store is away."""

import io
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from config.dev import valkey
from tests.benchmarks import worker

ANSWER = worker.set_django_up()

from django.conf import settings  # noqa: E402  After Django is set up.
from redis import Redis  # noqa: E402

from config import doorstep  # noqa: E402
from ratelimits import rules, store  # noqa: E402
from ratelimits.types import Rule, Scope, WhenAway  # noqa: E402

SLICE = 50
ASKED_AWAY = 600
WIDE: dict[str, Any] = {"capacity": 1_000_000, "refill": 1_000_000, "window_seconds": 60}
WHO = Rule(name="bench-people", scope=Scope.USER, **WIDE)
WHERE = Rule(name="bench-clinics", scope=Scope.TENANT, **WIDE)
WHAT = Rule(name="bench-endpoints", scope=Scope.ENDPOINT, **WIDE)
EMPTY = Rule(name="bench-refused", scope=Scope.USER, capacity=1, refill=1, window_seconds=86_400)
OPEN = Rule(name="bench-open", scope=Scope.USER, when_away=WhenAway.OPEN, **WIDE)
WAYS: dict[str, tuple[Rule, ...]] = {
    "off": (),
    "2 rules": (WHO, WHERE),
    "3 rules": (WHO, WHERE, WHAT),
    "refused": (EMPTY, WHERE),
}
# Of each request: how long it took, and how much of that this process worked.
Walls = dict[tuple[str, str], list[tuple[float, float]]]


def main() -> None:
    token, timeline, event, bodies, rounds, seconds = worker.read_question()
    handler = doorstep.guarded(WSGIHandler())
    found: Walls = {}
    for method, target, sent in (("GET", timeline, [b""]), ("POST", event, bodies)):
        requests = request_maker(handler, method, target, token, cycle(sent))
        measure(f"{method} {target}", requests, rounds * seconds, found)
    settings.RATE_LIMITS = True
    requests = request_maker(handler, "GET", timeline, token, cycle([b""]))
    failures = while_away(requests, found)
    worker.answer(found | failures, ANSWER)


def measure(what: str, ask: Callable[[], int], seconds: float, found: Walls) -> None:
    sets = {way: rules.RuleSet(used, version=at) for at, (way, used) in enumerate(WAYS.items())}
    for way in WAYS:
        turn(way, sets[way], ask)
        found[what, way] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for way in WAYS:
            found[what, way] += turn(way, sets[way], ask)


def turn(way: str, rule_set: rules.RuleSet, ask: Callable[[], int]) -> list[tuple[float, float]]:
    settings.RATE_LIMITS = way != "off"
    rules.replace(rule_set)
    walls: list[tuple[float, float]] = []
    for _ in range(SLICE):
        begin, worked = time.perf_counter(), time.thread_time()
        status = ask()
        walls.append((time.perf_counter() - begin, time.thread_time() - worked))
        # A bucket is empty after the first two of all.
        if status >= 500 or ((status == 429) != (way == "refused") and len(walls) > 2):
            raise SystemExit(f"{way}: {status}")
    return walls


def while_away(ask: Callable[[], int], found: Walls) -> dict[Any, Any]:
    folder = Path(tempfile.mkdtemp(prefix="novara-bench-"))
    failures: dict[Any, Any] = {}
    settings.REDIS_URL = valkey.start(folder)
    try:
        rules.replace(rules.RuleSet((OPEN,), version=100))
        asked = [store.Asked(OPEN, store.key_of(OPEN, "somebody"), 1)]
        pid = folder / "valkey" / "pid"
        outages: dict[str, Callable[[], None]] = {
            "none": lambda: None,
            "flushed": flush,
            "hung": lambda: os.kill(int(pid.read_text()), signal.SIGSTOP),
            "killed": lambda: os.kill(int(pid.read_text()), signal.SIGKILL),
        }
        for name, happen in outages.items():
            store.forget()
            walls = found["outages", name] = []
            failures["failures", name] = 0
            for _ in range(SLICE):
                ask()
            happen()
            for _ in range(ASKED_AWAY):
                failures["failures", name] += ask() >= 500
            for _ in range(ASKED_AWAY):
                begin, worked = time.perf_counter(), time.thread_time()
                store.ask(asked)
                walls.append((time.perf_counter() - begin, time.thread_time() - worked))
                # Through several probes of a store that hangs.
                time.sleep(0.002)
            if name == "hung":
                os.kill(int(pid.read_text()), signal.SIGCONT)
    finally:
        valkey.discard(folder)
        shutil.rmtree(folder)
    return failures


def flush() -> None:
    with Redis.from_url(settings.REDIS_URL) as own:
        own.flushall()
        own.script_flush()


def request_maker(
    handler: doorstep.Application, method: str, target: str, token: str, bodies: Iterator[bytes]
) -> Callable[[], int]:
    path, _, query = target.partition("?")

    def ask() -> int:
        body = next(bodies)
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1:8000",
            "HTTP_AUTHORIZATION": f"Bearer {token}",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
        }
        said: list[str] = []

        def start_response(status: str, _headers: object, _error: object = None, /) -> Any:
            said.append(status)

        response: Any = handler(environ, start_response)
        b"".join(response)
        # Who is refused at the doorstep has nothing to close.
        getattr(response, "close", bool)()
        return int(said[0][:3])

    return ask


if __name__ == "__main__":
    main()
