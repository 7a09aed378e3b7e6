"""What people read of their own record is noted, and written down a moment later, once."""

import datetime as dt
import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import psycopg
import pytest
from django.conf import settings
from django.utils import timezone
from psycopg.rows import dict_row

from accounts.models import User
from audit import reading
from audit.models import AuditLog
from audit.reading import Read, Reads
from audit.verification.entries import TOLERANCE
from core import connections, flushing, origin
from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.web import run_alone

MOOD = {"event_type": "mood", "event_data": {"mood": "calm"}}
TIMELINE = "/api/v2/health/timeline"


@pytest.fixture
def own(committed_db: None) -> Iterator[flushing.Connection]:
    reading._forget()
    with psycopg.connect(**connections.parameters(), row_factory=dict_row) as opened:
        yield opened
    reading._forget()


def reads_of(person: User) -> list[AuditLog]:
    return list(AuditLog.objects.filter(subject_id=person.id, category="access").order_by("id"))


def old_client(person: User, **claims: Any) -> ApiClient:
    """A client whose token is of the oldest kind."""
    times = {"iat": int(time.time()), "exp": int(time.time()) + 600}
    sent = {"email": person.email, **claims, **times}
    token = jwt.encode(sent, settings.JWT_SECRET, "HS256")
    return ApiClient(headers={"authorization": f"Bearer {token}"})


def test_notes_who_read_what(own: flushing.Connection):
    person = make_user()
    client = client_of(person)
    made = client.call("POST", "/api/v2/health/events", MOOD).json()

    client.call("GET", f"/api/v2/health/events/{made['id']}", x_request_id="read-of-one")
    client.call("GET", TIMELINE)
    reading.flush(own)

    one, timeline = reads_of(person)
    assert (one.event, one.object_type, one.object_id) == (
        "record-read",
        "health events",
        made["id"],
    )
    assert (one.actor_kind, one.actor_id, one.tenant_id) == ("person", person.id, person.tenant_id)
    assert (one.request_id, one.source, one.network) == ("read-of-one", "api", "127.0.0.0/24")
    assert (timeline.object_type, timeline.object_id, timeline.is_notable) == (
        "health events",
        "",
        False,
    )


def test_makes_one_entry_of_reads_of_the_same_thing(own: flushing.Connection):
    person = make_user()
    client = client_of(person)
    for number in range(5):
        client.call("GET", TIMELINE, x_request_id=f"request-{number}")
    client.call("GET", "/api/checkins")

    reading.flush(own)
    reading.flush(own)

    found = reads_of(person)
    assert [(one.object_type, one.object_count) for one in found] == [
        ("health events", 5),
        ("check-ins", 1),
    ]
    assert found[0].request_id == "request-0"


def test_counts_an_answer_that_says_not_modified(own: flushing.Connection):
    person = make_user()
    client = client_of(person)
    etag = client.call("GET", TIMELINE)["ETag"]
    reading.flush(own)

    answer = client.call("GET", TIMELINE, if_none_match=etag)
    reading.flush(own)

    assert answer.status_code == 304
    assert len(reads_of(person)) == 2


@pytest.mark.parametrize("path", [TIMELINE, "/api/checkins", "/api/users/me"])
def test_knows_people_whose_tokens_name_an_address_alone(own: flushing.Connection, path: str):
    person = make_user()

    answer = old_client(person).call("GET", path)
    reading.flush(own)

    assert answer.status_code == 200
    assert [one.actor_id for one in reads_of(person)] == [person.id]


def test_knows_people_whose_tokens_have_an_id_of_before(own: flushing.Connection):
    before = str(uuid.uuid4())
    person = make_user(profile={"extra": {"legacy_v1_id": before}})

    answer = old_client(person, id=before).call("GET", TIMELINE)
    reading.flush(own)

    assert answer.status_code == 200
    assert [one.actor_id for one in reads_of(person)] == [person.id]


def test_notes_nothing_where_nothing_was_shown(own: flushing.Connection):
    person = make_user()
    client = client_of(person)

    statuses = [
        client.call("GET", f"/api/v2/health/events/{uuid.uuid4()}").status_code,
        client.call("GET", TIMELINE, authorization="Bearer wrong").status_code,
        client.call("GET", TIMELINE + "?limit=none").status_code,
        client.call("POST", "/api/v2/health/events", MOOD).status_code,
        client.call("GET", "/api/v2/flags").status_code,
    ]
    reading.flush(own)

    assert statuses == [404, 401, 400, 201, 200]
    assert reads_of(person) == []


class LostAnswer(psycopg.OperationalError): ...


class Losing:
    """A connection whose answer to COMMIT, or what is before it, gets lost."""

    def __init__(self, own: flushing.Connection, *, is_committed: bool) -> None:
        self._own, self._is_committed = own, is_committed

    def execute(self, *arguments: Any) -> Any:
        return self._own.execute(*arguments)

    def transaction(self) -> Any:
        return Breaking(self._own, is_committed=self._is_committed)


class Breaking:
    def __init__(self, own: flushing.Connection, *, is_committed: bool) -> None:
        self._own, self._is_committed = own, is_committed

    def __enter__(self) -> None:
        self._own.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        self._own.execute("COMMIT" if self._is_committed else "ROLLBACK")
        raise LostAnswer


@pytest.mark.parametrize("is_committed", [True, False])
def test_writes_a_read_once_when_the_answer_was_lost(
    own: flushing.Connection,
    is_committed: bool,  # noqa: FBT001
):
    person = make_user()
    client_of(person).call("GET", TIMELINE)
    losing: Any = Losing(own, is_committed=is_committed)

    with pytest.raises(LostAnswer):
        reading.flush(losing)
    reading.flush(own)
    reading.flush(own)

    assert len(reads_of(person)) == 1


def test_waits_while_the_transaction_before_is_not_over(own: flushing.Connection):
    with psycopg.connect(**connections.parameters()) as other, other.transaction():
        (running,) = other.execute("SELECT pg_current_xact_id()::text").fetchone() or ("",)

        with pytest.raises(psycopg.OperationalError, match="not over"):
            reading.has_committed(own, running)
    ahead = str(int(running) + 2**31)

    assert reading.has_committed(own, running)
    assert not reading.has_committed(own, ahead)


def test_says_how_many_reads_it_had_no_room_for(
    own: flushing.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "MOST", 2)
    person = make_user()
    lost = AuditLog.objects.filter(event="reads-not-noted")
    known = set(lost.values_list("id", flat=True))
    for _ in range(5):
        client_of(person).call("GET", TIMELINE)

    reading.flush(own)

    assert [one.object_count for one in reads_of(person)] == [2]
    assert [one.object_count for one in lost.exclude(id__in=known)] == [3]


def test_writes_nothing_of_somebody_who_is_erased_meanwhile(own: flushing.Connection):
    reads, nobody = Reads(), str(uuid.uuid4())
    reads.note(Read(nobody, None, "documents", ""), "request", origin.Origin("person"))

    reads.flush(own)

    assert not AuditLog.objects.filter(subject_id=nobody).exists()


CONNECTED = """
import os, signal, sys
import psycopg
from psycopg.rows import dict_row
from audit import reading
from audit.reading import Read
from core import connections

def flush():
    with psycopg.connect(**connections.parameters(), row_factory=dict_row) as own:
        reading.flush(own)
"""
KILLED = f"""{CONNECTED}
reading.note(Read(sys.argv[1], None, "documents", "first"))
flush()
reading.note(Read(sys.argv[1], None, "documents", "second"))
os.kill(os.getpid(), signal.SIGKILL)
"""
FORKED = f"""{CONNECTED}
reading.note(Read(sys.argv[1], None, "documents", ""))
child = os.fork()
flush()
if child:
    os.waitpid(child, 0)
os._exit(0)
"""


def test_loses_no_more_than_what_was_read_since_the_last_flush(own: flushing.Connection):
    person = make_user()

    code = run_alone(KILLED, str(person.id))

    assert code == -signal.SIGKILL
    assert [one.object_id for one in reads_of(person)] == ["first"]


@pytest.mark.usefixtures("committed_db")
def test_writes_once_what_was_noted_before_a_process_forked():
    person = make_user()

    code = run_alone(FORKED, str(person.id))

    assert code == 0
    assert len(reads_of(person)) == 1


def test_keeps_the_time_of_the_read(own: flushing.Connection):
    person = make_user()
    before = timezone.now()
    client_of(person).call("GET", TIMELINE)
    after = timezone.now()

    reading.flush(own)

    (read,) = reads_of(person)
    assert before - dt.timedelta(milliseconds=1) <= read.recorded_at <= after


@pytest.mark.parametrize("hours", [-3, 3])
def test_does_not_look_back_dated_when_it_had_to_wait(
    own: flushing.Connection, hours: int, monkeypatch: pytest.MonkeyPatch
):
    person, reads = make_user(), Reads()
    monkeypatch.setattr(time, "time", lambda: timezone.now().timestamp() + hours * 3600)
    reads.note(Read(str(person.id), None, "documents", ""), "request", origin.Origin("person"))
    monkeypatch.undo()

    reads.flush(own)

    (read,) = reads_of(person)
    tolerated = dt.timedelta(microseconds=TOLERANCE)
    assert abs(timezone.now() - read.recorded_at) < tolerated
    assert tolerated > reading.OLDEST
