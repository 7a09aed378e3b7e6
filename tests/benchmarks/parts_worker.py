"""Call the WSGI application in this process, with one part more at each step.

Answers, for each step, its name and the CPU µs per call of each round.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest import mock

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from tests.benchmarks import worker

ANSWER = worker.set_django_up()

from health import event_log  # noqa: E402  After Django is set up.
from tests.benchmarks.wsgi_calls import call  # noqa: E402

CALLS = 250


@dataclass(frozen=True)
class Step:
    name: str
    handler: WSGIHandler
    path: str
    under: Callable[[], AbstractContextManager[object]] = nullcontext


def main() -> None:
    token, bodies, rounds = worker.read_question()
    settings.ROOT_URLCONF = "tests.benchmarks.parts_urls"
    known = steps(token, bodies[0])
    found: dict[str, list[float]] = {step.name: [] for step in known}
    for number in range(rounds + 1):
        for step in known:
            cost = cpu_per_call(step, token, bodies)
            # The first round only warms up: connections, prepared statements, caches.
            if number:
                found[step.name].append(cost * 1e6)
    worker.answer(found, ANSWER)


def steps(token: str, body: bytes) -> list[Step]:
    with override_settings(MIDDLEWARE=[]):
        bare = WSGIHandler()
    full = WSGIHandler()
    answer = database_answer(full, token, body)

    def no_database() -> AbstractContextManager[object]:
        return mock.patch.object(event_log, "record", return_value=answer)

    return [
        Step("Django's handler, an empty view", bare, "/api/parts/nothing"),
        Step("+ middleware, without the log line", full, "/api/parts/nothing", no_log),
        Step("+ the log line", full, "/api/parts/nothing"),
        Step("+ the token", full, "/api/parts/token"),
        Step("+ the body, decoded and its shape checked", full, "/api/parts/body"),
        Step("+ all else of the view but the database", full, "/api/parts/event", no_database),
        Step("+ the database, one statement", full, "/api/parts/event"),
    ]


@contextmanager
def no_log() -> Iterator[None]:
    log = logging.getLogger("novara.requests")
    log.setLevel(logging.WARNING)
    yield
    log.setLevel(logging.NOTSET)


def database_answer(handler: WSGIHandler, token: str, body: bytes) -> str:
    """What the database says to one event, to be said again without it."""
    kept: list[str] = []
    real = event_log.record

    def record(*arguments: Any, **named: Any) -> str:
        kept.append(real(*arguments, **named))
        return kept[-1]

    with mock.patch.object(event_log, "record", record):
        call(handler, "POST", "/api/parts/event", token, body)
    return kept[-1]


def cpu_per_call(step: Step, token: str, bodies: Sequence[bytes]) -> float:
    with step.under():
        begin = time.thread_time()
        for number in range(CALLS):
            call(step.handler, "POST", step.path, token, bodies[number % len(bodies)])
        return (time.thread_time() - begin) / CALLS


if __name__ == "__main__":
    main()
