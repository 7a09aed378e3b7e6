"""Call GET the timeline in this process, with the middleware that notes reads and without.

Answers the CPU µs per call of each round; what is noted is thrown away after each.
"""

import time

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from tests.benchmarks import worker

ANSWER = worker.set_django_up()

from audit import reading  # noqa: E402  After Django is set up.
from tests.benchmarks.wsgi_calls import call  # noqa: E402

CALLS = 500
NOTING = "audit.middleware.noted_reads"
TIMELINE = "/api/v2/health/timeline?limit=50"


def main() -> None:
    token, rounds = worker.read_question()
    others = [name for name in settings.MIDDLEWARE if name != NOTING]
    with override_settings(MIDDLEWARE=others):
        without = WSGIHandler()
    handlers = {"without": without, "with": WSGIHandler()}
    found: dict[str, list[float]] = {name: [] for name in handlers}
    for number in range(rounds + 1):
        for name, handler in handlers.items():
            cost = cpu_per_call(handler, token)
            # The first round only warms up.
            if number:
                found[name].append(cost * 1e6)
    worker.answer(found, ANSWER)


def cpu_per_call(handler: WSGIHandler, token: str) -> float:
    started = time.process_time()
    for _ in range(CALLS):
        call(handler, "GET", TIMELINE, token)
    took = time.process_time() - started
    reading._forget()
    return took / CALLS


if __name__ == "__main__":
    main()
