"""The id of a request goes along with the tasks it sends, and every task ends with one line."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from celery import Celery
from celery.app import trace

from config.dev.processes import last_lines, wait_until
from config.task_frame import HEADER
from core import origin
from core.origin import Origin
from core.requests import JsonLines
from documents.models import DeletedBlob
from tests.conftest import token_of
from tests.documents.papers import make_document
from tests.factories import make_user
from tests.web import process, web

BROKER = 9
WORKER = (
    *("celery", "-A", "config", "worker", "-Q", "default", "--pool", "solo"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
)
SECRET = "canary-41f7"


@pytest.fixture
def app() -> Iterator[Celery]:
    """Celery with a broker of its own in this process, to which nobody listens."""
    own = Celery("tests", broker="memory://", set_as_current=False)
    own.conf.beat_schedule = {"look": {"task": "tests.look", "schedule": 2.0}}
    yield own
    own.close()


@pytest.fixture
def lines(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[dict[str, Any]]]:
    monkeypatch.setattr(caplog.handler, "formatter", JsonLines())
    caplog.set_level(logging.INFO)
    return lambda: [json.loads(line) for line in caplog.text.splitlines()]


def run(task: Any, *arguments: Any, **headers: Any) -> None:
    """Run a task as a worker does that has got a message with these headers."""
    request = {"id": "0f-1", "task": task.name, "is_eager": False} | headers
    trace.build_tracer(task.name, task, app=task.app)("0f-1", [*arguments], {}, request)


def headers_of_next(app: Celery) -> dict[str, Any]:
    with app.connection_for_read() as broker:
        found: dict[str, Any] = broker.SimpleQueue("celery").get(timeout=5).headers
    return found


def test_leads_from_a_request_to_what_a_worker_did_for_it(committed_db, tmp_path):
    person, log = make_user(), tmp_path / "worker.log"
    document = make_document(person)

    def found() -> list[dict[str, Any]]:
        # Celery warns root in words of its own.
        lines = [json.loads(line) for line in log.read_text().splitlines() if line[:1] == "{"]
        return [line for line in lines if line["request_id"] == "a-request-of-mine"]

    with web(tmp_path, broker=BROKER) as url, process(log, *WORKER, broker=BROKER):
        named = {"Authorization": f"Bearer {token_of(person)}", "X-Request-ID": "a-request-of-mine"}
        answer = httpx.delete(f"{url}/api/v2/documents/{document.id}", headers=named, timeout=30)
        wait_until(lambda: bool(found()), seconds=60)

    assert answer.status_code == 204
    assert [(line["task"], line["state"]) for line in found()] == [
        ("documents.tasks.delete_blobs", "SUCCESS")
    ], last_lines(log, 20)
    assert str(document.id) not in log.read_text()
    assert DeletedBlob.objects.get(storage_path=document.storage_path).deleted_at


def test_acts_as_the_system_under_the_id_of_the_request(app):
    seen = []

    @app.task(name="tests.note")  # type: ignore[untyped-decorator]
    def note() -> None:
        seen.append((origin.request_id.get(), origin.current.get()))

    run(note, **{HEADER: "request-7"})

    assert seen == [("request-7", Origin("system", source="task:tests.note"))]
    assert (origin.request_id.get(), origin.current.get()) == ("", None)


def test_gives_the_id_on_to_tasks_that_a_task_sends_and_to_retries(app):
    @app.task(name="tests.last")  # type: ignore[untyped-decorator]
    def last() -> None: ...

    @app.task(name="tests.first", bind=True)  # type: ignore[untyped-decorator]
    def first(self: Any) -> None:
        last.apply_async()
        raise self.retry(countdown=0, max_retries=3)

    run(first, **{HEADER: "request-7"})

    sent = [headers_of_next(app), headers_of_next(app)]
    assert [(one["task"], one[HEADER]) for one in sent] == [
        ("tests.last", "request-7"),
        ("tests.first", "request-7"),
    ]


def test_names_what_the_timetable_sends_by_its_own_id(app):
    @app.task(name="tests.look")  # type: ignore[untyped-decorator]
    def look() -> None: ...

    look.apply_async(task_id="12-34")

    assert headers_of_next(app)[HEADER] == "1234"


def test_logs_how_each_task_ended_and_nothing_of_its_arguments(app, lines):
    @app.task(name="tests.work")  # type: ignore[untyped-decorator]
    def work(word: str) -> str:
        if word.startswith("bad"):
            raise ValueError(word)
        return word

    run(work, SECRET, **{HEADER: "request-7"})
    run(work, f"bad {SECRET}", **{HEADER: "request-8"})

    ends = [line for line in lines() if line["logger"] == "novara.tasks"]
    assert [(line["request_id"], line["state"], line["level"]) for line in ends] == [
        ("request-7", "SUCCESS", "INFO"),
        ("request-8", "FAILURE", "INFO"),
    ]
    assert {line["task"] for line in ends} == {"tests.work"}
    assert all(line["ms"] >= 0 for line in ends)
    assert {line["request_id"] for line in lines()} == {"request-7", "request-8"}
    assert SECRET not in str(lines())


@pytest.mark.parametrize(("result", "is_told"), [(0, False), (None, False), (3, True)])
def test_says_nothing_of_a_run_of_the_timetable_that_found_nothing_to_do(
    app, lines, result, is_told
):
    @app.task(name="tests.look")  # type: ignore[untyped-decorator]
    def look() -> Any:
        return result

    run(look)

    assert [line["task"] for line in lines()] == ["tests.look"] * is_told
