"""Answers with the statements, and their parameters, that the hot paths send to Postgres."""

from typing import Any
from unittest import mock

from django.core.handlers.wsgi import WSGIHandler

from tests.benchmarks import worker

ANSWER = worker.set_django_up()

from core import gate  # noqa: E402  After Django is set up.
from tests.benchmarks.wsgi_calls import call  # noqa: E402

Statement = tuple[str, tuple[Any, ...]]


def main() -> None:
    token, event, timeline, body = worker.read_question()
    handler = WSGIHandler()
    answer = {
        "event": sent_by(handler, "POST", event, token, body),
        "timeline": sent_by(handler, "GET", timeline, token, b""),
    }
    worker.answer(answer, ANSWER)


def sent_by(handler: WSGIHandler, method: str, target: str, token: str, body: bytes) -> Statement:
    kept: list[Statement] = []
    real = gate._first_row

    def execute(sql: str, parameters: tuple[Any, ...]) -> tuple[Any, ...] | None:
        kept.append((sql, parameters))
        return real(sql, parameters)

    with mock.patch.object(gate, "_first_row", execute):
        call(handler, method, target, token, body)
    return kept[-1]


if __name__ == "__main__":
    main()
