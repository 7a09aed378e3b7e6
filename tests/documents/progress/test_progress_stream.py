"""The stream of hints: a person's own documents, nobody else's, and no word about them."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from sse_starlette import ServerSentEvent

from accounts.models import RefreshFamily, User
from audit.models import AuditLog
from config.dev.processes import wait_until
from core import streams, tickets
from core.gate import Claims
from documents.api import hints, stream
from documents.models import Document
from documents.statuses import Status
from tests.documents.papers import make_document
from tests.documents.progress.conftest import FLAG
from tests.factories import make_tenant, make_user
from tests.flag_sets import Flags
from tests.streams import Opened, blocks, claims_of, database_away, in_thread


@pytest.fixture
def dana(with_flag: Flags) -> User:
    return make_user(tenant=make_tenant())


def ticket_of(user: User, *, purpose: str = stream.PURPOSE, seconds: int = 60) -> str:
    return tickets.issue(purpose=purpose, claims=claims_of(user), key_id=None, seconds=seconds)


def opened(url: str, user: User) -> Opened:
    """Connect and wait until the stream has begun; the server hears of flags a moment later."""
    tries: list[Opened] = []

    def is_open() -> bool:
        tries.append(Opened(url, stream.PATH, ticket_of(user)))
        return tries[-1].answer.status == 200

    assert wait_until(is_open, seconds=10)
    assert tries[-1].block() == {"": "documents", "retry": "3000"}
    return tries[-1]


def go_on(document: Document) -> str:
    """Let a document take its next step, as workers do."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT update_document_progress(id, fence, p_progress => progress_percentage + 1)"
            "  FROM documents WHERE id = %s",
            [document.id],
        )
        assert cursor.fetchone() == (True,)
    return str(document.id)


def paper(user: User) -> Document:
    return make_document(user, is_stored=False)


def hint(document_id: str) -> dict[str, str]:
    return {"event": "progress", "data": json.dumps({"document_id": document_id})}


def shown(block: dict[str, str]) -> Any:
    return block | {"data": json.dumps(json.loads(block["data"]))}


def test_names_a_document_that_went_on(server, dana):
    document = paper(dana)
    with opened(server, dana) as events:
        go_on(document)

        assert shown(events.block()) == hint(str(document.id))


def test_tells_each_state_up_to_the_last(server, dana):
    document = paper(dana)
    with opened(server, dana) as events:
        for status in (Status.CHUNKING, Status.CANCELLED):
            document.refresh_from_db()
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT update_document_progress(%s, %s, p_status => %s)",
                    [document.id, document.fence, status],
                )

            assert shown(events.block()) == hint(str(document.id))


def test_notes_who_listened(server, dana):
    looks = AuditLog.objects.filter(subject_id=dana.id, event="record-read")

    with opened(server, dana):
        wait_until(looks.exists, seconds=20)

    look = looks.earliest("id")
    assert (look.object_type, look.actor_id, look.source) == ("documents", dana.id, "stream")


def test_says_nothing_of_heartbeats(server, dana):
    quiet, loud = paper(dana), paper(dana)
    with opened(server, dana) as events:
        Document.objects.filter(id=quiet.id).update(due_at=timezone.now())
        go_on(loud)

        assert shown(events.block()) == hint(str(loud.id))


def test_never_tells_other_people(server, dana):
    people = [dana, make_user(tenant=dana.tenant), make_user(tenant=make_tenant())]
    papers = {person: [paper(person) for _ in range(5)] for person in people}
    with ExitStack() as stack:
        heard = {person: stack.enter_context(opened(server, person)) for person in people}

        told: dict[User, list[str]] = {person: [] for person in people}
        for turn in range(5):
            for person in people:
                told[person].append(go_on(papers[person][turn]))

        for person in people:
            found = [shown(heard[person].block()) for _ in range(5)]
            assert found == [hint(document_id) for document_id in told[person]]
        # What had gone astray would come before this.
        last = {person: go_on(paper(person)) for person in reversed(people)}
        for person in people:
            assert shown(heard[person].block()) == hint(last[person])


def test_tells_all_streams_of_a_person(server, dana):
    with opened(server, dana) as one, opened(server, dana) as other:
        document_id = go_on(paper(dana))

        assert shown(one.block()) == shown(other.block()) == hint(document_id)


def test_ends_the_oldest_of_eleven(server, dana):
    with ExitStack() as stack:
        opened_ones = [stack.enter_context(opened(server, dana)) for _ in range(11)]

        assert opened_ones[0].block() == {"": "too many streams", "retry": "300000"}
        assert opened_ones[0].is_over()


@pytest.mark.parametrize(
    "ticket",
    [
        lambda _: None,
        lambda dana: ticket_of(dana, purpose="flags-stream"),
        lambda dana: ticket_of(dana, seconds=0),
        lambda _: tickets.issue(
            purpose=stream.PURPOSE, claims=None, key_id=str(uuid.uuid4()), seconds=60
        ),
        lambda _: tickets.issue(
            purpose=stream.PURPOSE, claims=Claims(str(uuid.uuid4())), key_id=None, seconds=60
        ),
    ],
)
def test_refuses_other_tickets(server, dana, ticket):
    with Opened(server, stream.PATH, ticket(dana)) as found:
        problem = json.load(found.answer)

    assert (found.answer.status, problem["code"]) == (401, "ticket-invalid")


def test_refuses_who_does_not_have_the_flag(server, dana, with_flag):
    with_flag.change(FLAG, disabled_user_ids=[dana.id])

    def is_refused() -> bool:
        with Opened(server, stream.PATH, ticket_of(dana)) as found:
            return (
                found.answer.status == 409
                and json.load(found.answer)["code"] == "progress-stream-off"
            )

    assert wait_until(is_refused, seconds=10)


def test_writes_neither_tickets_nor_documents_into_the_log(server, dana, log):
    with opened(server, dana) as events:
        document_id = go_on(paper(dana))
        events.block()
    wait_until(lambda: '"route":"streams/documents"' in log.read_text(), seconds=10)

    written = log.read_text()
    assert '"route":"streams/documents"' in written
    assert document_id not in written
    assert str(dana.id) not in written
    assert ticket_of(dana)[:20] not in written


def test_asks_to_read_anew_after_the_database_was_away(server, dana, database_url):
    document = paper(dana)
    with opened(server, dana) as events, psycopg.connect(database_url, autocommit=True) as own:
        connection.close()
        with database_away(own):
            pass

        assert events.block() == {"event": "resync", "data": "{}"}
        go_on(document)
        assert shown(events.block()) == hint(str(document.id))


# The generator, with shorter times


def events_of(claims: Claims) -> AsyncIterator[ServerSentEvent]:
    return stream.events(
        str(claims.user_id),
        still_holds=partial(stream.still_holds, claims),
        check_seconds=0.05,
    )


@pytest.mark.parametrize("thing", ["session", "account", "clinic", "flag"])
def test_ends_when_its_person_may_not_hear_any_more(dana, with_flag, thing):
    family = RefreshFamily.objects.create(user=dana, tenant=dana.tenant)
    claims = claims_of(dana, family.id)
    end: Any = {
        "session": lambda: RefreshFamily.objects.filter(id=family.id).update(
            revoked_at=timezone.now()
        ),
        "account": lambda: User.objects.filter(id=dana.id).update(is_active=False),
        "clinic": lambda: (
            type(dana.tenant).objects.filter(id=dana.tenant_id).update(is_active=False)
        ),
        "flag": lambda: with_flag.change(FLAG, disabled_user_ids=[dana.id]),
    }[thing]
    assert asyncio.run(stream.still_holds(claims))

    found = asyncio.run(blocks(events_of(claims), in_thread(end)))

    assert found == [": documents\r\nretry: 3000\r\n\r\n"]


def told_by(news: hints.News) -> list[tuple[Any, Any]]:
    return [(event.event, event.data) for event in news.take()]


def test_names_a_document_once_that_went_on_often():
    async def crowd() -> list[Any]:
        with hints.about("dana", streams.Seat()) as news:
            for document_id in ("a", "b", "a", "a"):
                hints._hand_out(f"dana {document_id}")
            return told_by(news)

    assert [json.loads(data) for _, data in asyncio.run(crowd())] == [
        {"document_id": "a"},
        {"document_id": "b"},
    ]


def test_keeps_no_endless_list_for_a_slow_client():
    async def crowd() -> list[Any]:
        with hints.about("dana", streams.Seat()) as news:
            for number in range(hints.MOST_WAITING + 1):
                hints._hand_out(f"dana {number}")
            return told_by(news)

    assert asyncio.run(crowd()) == [("resync", "{}")]


def test_forgets_streams_that_have_ended():
    async def come_and_go() -> None:
        with hints.about("dana", streams.Seat()):
            pass

    asyncio.run(come_and_go())

    assert hints._news == {}


class Watched(hints.News):
    def __init__(self) -> None:
        super().__init__(streams.Seat())
        self.missed = asyncio.Event()

    def miss(self) -> None:
        self.missed.set()


class Faulty(Watched):
    def miss(self) -> None:
        super().miss()
        raise RuntimeError("secret")


def test_hears_again_after_an_error_that_nobody_foresaw(committed_db, caplog, monkeypatch):
    monkeypatch.setattr(hints, "RETRY_SECONDS", 0.0)

    async def crowd() -> None:
        faulty, watched = Faulty(), Watched()
        async with hints.heard():
            for news in (faulty, watched):
                hints._news["eve"] = {news}
                await news.missed.wait()
        del hints._news["eve"]

    asyncio.run(asyncio.wait_for(crowd(), 20))

    assert "RuntimeError" in str([vars(record) for record in caplog.records])
    assert "secret" not in caplog.text


def test_stops_listening_however_the_server_ends(committed_db):
    async def fall() -> str:
        with suppress(RuntimeError):
            async with hints.heard():
                await asyncio.sleep(0)
                assert "listen()" in str(asyncio.all_tasks())
                raise RuntimeError
        return str(asyncio.all_tasks())

    assert "listen()" not in asyncio.run(fall())
