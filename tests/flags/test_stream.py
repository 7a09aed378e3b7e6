"""The event stream of flags, from a real stream server and from the generator behind it."""

import asyncio
import datetime as dt
import http.client
import json
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from sse_starlette import ServerSentEvent
from starlette.requests import Request

from accounts import services as accounts
from accounts.models import ApiKey, RefreshFamily, User
from accounts.types import ApiScope
from config.dev.processes import last_lines, wait_until
from core import streams, tickets
from core.gate import Claims
from core.tickets import Ticket
from flags import rules
from flags.api import stream
from tests.conftest import token_of
from tests.factories import make_tenant, make_user
from tests.streams import Opened, blocks, claims_of, database_away, in_thread, stream_server

ORIGIN = "http://localhost:3000"
BUMP = (
    "UPDATE feature_flag_rule_sets SET version = version + 1, changed_at = now()"
    " RETURNING version, floor(extract(epoch FROM changed_at))::bigint"
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streams") / "stream.log"


@pytest.fixture(scope="module")
def server(django_db_setup: None, log: Path) -> Iterator[str]:
    with stream_server(log) as (url, _running):
        yield url


@pytest.fixture
def dana(committed_db: None) -> User:
    return make_user(tenant=make_tenant())


@pytest.fixture
def own_rules(committed_db: None) -> Iterator[None]:
    before = rules.replace(None)
    rules.load()
    yield
    rules.replace(before)


def ticket_of(user: User, *, purpose: str = stream.PURPOSE, seconds: int = 60) -> str:
    return tickets.issue(purpose=purpose, claims=claims_of(user), key_id=None, seconds=seconds)


def bump() -> tuple[int, int]:
    """Make a new version of the rule set, as each change of a flag does."""
    with connection.cursor() as cursor:
        cursor.execute(BUMP)
        version, changed_at = cursor.fetchone()
        cursor.execute("NOTIFY novara_flags")
    return version, changed_at


def present() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM feature_flag_rule_sets")
        return int(cursor.fetchone()[0])


def stream_of(url: str, ticket: str | None, *more: Any, **named: Any) -> Opened:
    return Opened(url, stream.PATH, ticket, *more, **named)


def opened(url: str, user: User, **more: Any) -> Opened:
    """Connect and wait until the stream has begun."""
    found = stream_of(url, ticket_of(user), **more)
    assert found.answer.status == 200
    assert found.block() == {"": "flags", "retry": "3000"}
    return found


def test_tells_a_change_at_once(server, dana):
    with opened(server, dana) as events:
        version, changed_at = bump()

        event = events.block()

    assert event.keys() == {"event", "id", "data"}
    assert (event["event"], event["id"]) == ("message", str(version))
    assert json.loads(event["data"]) == {
        "type": "refetchEvaluation",
        "etag": str(version),
        "lastModified": changed_at,
    }


def test_is_neither_kept_nor_held_back_on_its_way(server, dana):
    with opened(server, dana) as events:
        headers = events.answer.headers

    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"


@pytest.mark.parametrize("way", ["since", "last_event_id"])
def test_tells_at_once_what_a_client_has_missed(server, dana, way):
    known = present()
    version, _ = bump()
    wait_for_version(server, dana, version)

    with opened(server, dana, **{way: known if way == "since" else str(known)}) as events:
        event = events.block()

    assert event["id"] == str(version)


def wait_for_version(server: str, user: User, version: int) -> None:
    """Another stream has told it, so the server knows it."""
    with opened(server, user, since=version - 1) as events:
        assert events.block()["id"] == str(version)


@pytest.mark.parametrize("known", [None, "", "now", "-1", "9" * 30, "²"])
def test_tells_the_next_change_to_whoever_knows_the_present_one(server, dana, known):
    headers = {} if known is None else {"last_event_id": known.encode().decode("latin-1")}

    with opened(server, dana, **headers) as events:
        version, _ = bump()

        assert events.block()["id"] == str(version)


@pytest.mark.parametrize(
    "ticket",
    [
        lambda _: None,
        lambda _: "x",
        lambda dana: ticket_of(dana, purpose="documents"),
        lambda dana: ticket_of(dana, seconds=0),
        lambda dana: ticket_of(dana) + "x",
        token_of,
        lambda _: tickets.issue(
            purpose=stream.PURPOSE, claims=Claims(str(uuid.uuid4())), key_id=None, seconds=60
        ),
        lambda _: tickets.issue(
            purpose=stream.PURPOSE, claims=None, key_id=str(uuid.uuid4()), seconds=60
        ),
    ],
)
def test_refuses_other_tickets(server, dana, ticket):
    with stream_of(server, ticket(dana)) as found:
        problem = json.load(found.answer)

    assert found.answer.status == 401
    assert found.answer.headers["Content-Type"] == "application/problem+json"
    assert problem["code"] == "ticket-invalid"
    assert problem["request_id"] == found.answer.headers["X-Request-ID"]


def test_refuses_a_person_who_has_been_switched_off(server, dana):
    ticket = ticket_of(dana)
    User.objects.filter(id=dana.id).update(is_active=False)

    with stream_of(server, ticket) as found:
        assert found.answer.status == 401


def test_lets_in_whoever_has_a_good_key(server, committed_db):
    key = make_key()
    ticket = ticket_of_key(key)

    with stream_of(server, ticket) as found:
        assert found.answer.status == 200
    accounts.revoke_api_key(key_id=key.id, now=timezone.now())
    with stream_of(server, ticket) as found:
        assert found.answer.status == 401


def make_key() -> ApiKey:
    key, _secret = accounts.create_api_key(
        name="server",
        scopes=[ApiScope.EVALUATE_FLAGS],
        tenant_id=None,
        environment="",
        expires_at=None,
        created_by_id=None,
    )
    return key


def ticket_of_key(key: ApiKey) -> str:
    return tickets.issue(purpose=stream.PURPOSE, claims=None, key_id=str(key.id), seconds=60)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (ORIGIN, ORIGIN),
        ("https://novara-a1-novara-fertility.vercel.app",) * 2,
        ("https://novara.evil.example", None),
    ],
)
def test_is_for_pages_of_the_same_origins_as_the_api(server, dana, origin, allowed):
    with opened(server, dana, origin=origin) as events:
        headers = events.answer.headers
    with stream_of(server, "x", origin=origin) as refused:
        refusal = refused.answer.headers

    assert headers["Access-Control-Allow-Origin"] == allowed
    assert refusal["Access-Control-Allow-Origin"] == allowed
    assert headers["Access-Control-Allow-Credentials"] is None
    assert "Origin" in headers["Vary"]


def test_allows_the_headers_that_clients_in_a_page_send(server):
    asked: dict[str, Any] = {
        "origin": ORIGIN,
        "access_control_request_method": "GET",
        "access_control_request_headers": "cache-control,last-event-id",
    }

    with stream_of(server, None, "OPTIONS", **asked) as found:
        assert found.answer.status == 200
        assert found.answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/streams/nothing", "not-found"),
        ("GET", "/", "not-found"),
        ("POST", stream.PATH, "method-not-allowed"),
    ],
)
def test_says_that_there_is_nothing_else(server, method, path, code):
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=10)

    connection.request(method, path)
    answer = connection.getresponse()

    problem = json.load(answer)
    assert problem["code"] == code
    assert problem["status"] == answer.status
    connection.close()


def test_answers_head_without_a_stream(server, dana):
    with stream_of(server, ticket_of(dana), "HEAD") as found:
        assert found.answer.status == 200
        assert found.answer.read() == b""


def test_keeps_ten_streams_of_one_person_and_ends_the_oldest(server, dana):
    with ExitStack() as stack:
        streams = [stack.enter_context(opened(server, dana)) for _ in range(11)]
        others = stack.enter_context(opened(server, make_user()))

        farewell = streams[0].block()
        assert farewell == {"": "too many streams", "retry": "300000"}
        assert streams[0].is_over()

        version, _ = bump()
        assert {one.block()["id"] for one in (*streams[1:], others)} == {str(version)}


def ended_streams(log: Path) -> int:
    return log.read_text().count('"route":"streams/flags"')


def has_ended_streams(log: Path, count: int) -> bool:
    return ended_streams(log) >= count


def test_forgets_streams_that_their_clients_have_left(server, dana, log):
    with opened(server, dana) as stays:
        for _ in range(10):
            before = ended_streams(log)
            with opened(server, dana):
                pass
            assert wait_until(partial(has_ended_streams, log, before + 1), seconds=10)

        version, _ = bump()
        assert stays.block()["id"] == str(version)


def test_refuses_new_streams_while_there_are_as_many_as_it_can_hold():
    async def fill() -> dict[str, str]:
        seats = streams.Seats(most=2, most_of_one=10)
        with seats.taken("dana"):
            with seats.taken("erin"), pytest.raises(streams.StreamsUnavailable) as refusal:
                seats.refuse_if_full()
            seats.refuse_if_full()
        return refusal.value.headers

    assert asyncio.run(fill()) == {"Retry-After": "60"}


def test_refuses_a_good_ticket_too_while_it_is_full(dana, monkeypatch):
    monkeypatch.setattr(stream, "seats", streams.Seats(most=0, most_of_one=10))
    query = urlencode({"ticket": ticket_of(dana)}).encode()

    with pytest.raises(streams.StreamsUnavailable):
        asyncio.run(stream.flags(Request({"type": "http", "headers": [], "query_string": query})))


def test_makes_room_for_as_many_as_come_at_once():
    async def crowd() -> list[bool]:
        seats = streams.Seats(most=100, most_of_one=2)
        with ExitStack() as stack:
            taken = [stack.enter_context(seats.taken("dana")) for _ in range(5)]
            return [seat.is_given_away for seat in taken]

    assert asyncio.run(crowd()) == [True, True, True, False, False]


def test_writes_no_ticket_into_the_log(server, dana, log):
    ticket = ticket_of(dana)

    with stream_of(server, ticket):
        pass
    with stream_of(server, changed := f"{ticket}x"):
        pass
    wait_until(lambda: '"status":401' in last_lines(log, 3), seconds=10)

    written = log.read_text()
    assert ticket[:30] not in written
    assert changed[:30] not in written
    lines = [json.loads(line) for line in written.splitlines()]
    assert {line["route"] for line in lines if line["message"] == "request"} >= {"streams/flags"}


def test_ends_within_seconds_though_streams_are_open(committed_db, dana, tmp_path):
    with stream_server(tmp_path / "stream.log") as (url, running), ExitStack() as stack:
        streams = [stack.enter_context(opened(url, dana)) for _ in range(3)]

        running.send_signal(signal.SIGTERM)

        assert running.wait(7) == 0
        assert all(one.is_over() for one in streams)


# The generator, with shorter times


def events_of(ticket: Ticket) -> AsyncIterator[ServerSentEvent]:
    return stream.events(
        owner=ticket.holder,
        known=None,
        still_holds=lambda: stream.still_holds(ticket),
        check_seconds=0.05,
    )


@pytest.mark.parametrize("thing", ["session", "account", "clinic", "all sessions"])
def test_ends_when_its_person_may_not_come_in_any_more(dana, own_rules, thing):
    family = RefreshFamily.objects.create(user=dana, tenant=dana.tenant)
    ticket = Ticket(claims=claims_of(dana, family.id), key_id=None)
    end = {
        "session": lambda: RefreshFamily.objects.filter(id=family.id).update(
            revoked_at=timezone.now()
        ),
        "account": lambda: User.objects.filter(id=dana.id).update(is_active=False),
        "clinic": lambda: (
            type(dana.tenant).objects.filter(id=dana.tenant_id).update(is_active=False)
        ),
        "all sessions": lambda: User.objects.filter(id=dana.id).update(
            tokens_valid_from=timezone.now() + dt.timedelta(seconds=5)
        ),
    }[thing]
    assert stream.holds(ticket)

    found = asyncio.run(blocks(events_of(ticket), in_thread(end)))

    assert found == [": flags\r\nretry: 3000\r\n\r\n"]


def test_ends_when_its_key_is_revoked(own_rules):
    key = make_key()
    ticket = Ticket(claims=None, key_id=str(key.id))
    assert stream.holds(ticket)

    def revoke() -> None:
        accounts.revoke_api_key(key_id=key.id, now=timezone.now())

    assert len(asyncio.run(blocks(events_of(ticket), in_thread(revoke)))) == 1


def test_leaves_nothing_behind(dana, own_rules):
    before = len(rules._subscribers)
    ticket = Ticket(claims=claims_of(dana), key_id=None)

    async def come_and_go() -> None:
        async with aclosing(events_of(ticket)) as events:  # type: ignore[type-var]
            await anext(events)
            assert len(rules._subscribers) == before + 1
            assert stream.seats.count == 1

    asyncio.run(come_and_go())

    assert len(rules._subscribers) == before
    assert stream.seats.count == 0


def test_sends_a_heartbeat_while_nothing_happens(dana, own_rules):
    sent: list[bytes] = []

    async def listen() -> None:
        ticket = Ticket(claims=claims_of(dana), key_id=None)
        response = streams.answer(events_of(ticket), heartbeat_seconds=0.01)
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message.get("body", b""))
            if sent.count(b": here\r\n\r\n") == 2:
                gone.set()

        async with asyncio.timeout(20):
            await response({"type": "http", "method": "GET"}, receive, send)

    asyncio.run(listen())

    assert sent[:2] == [b"", b": flags\r\nretry: 3000\r\n\r\n"]
    assert sent.count(b": here\r\n\r\n") >= 2


@pytest.mark.parametrize("is_person", [True, False])
def test_keeps_its_streams_while_the_database_is_away(
    dana, server, own_rules, database_url, is_person
):
    sent = ticket_of(dana) if is_person else ticket_of_key(make_key())
    ticket = tickets.read(sent, purpose=stream.PURPOSE)
    with stream_of(server, sent) as events, psycopg.connect(database_url, autocommit=True) as own:
        events.block()
        connection.close()
        with database_away(own):
            with pytest.raises(OperationalError):
                stream.holds(ticket)
            assert asyncio.run(stream.still_holds(ticket))
            with stream_of(server, sent) as refused:
                assert refused.answer.status == 503
                assert refused.answer.headers["Retry-After"] == "5"

        version, _ = bump()
        assert events.block()["id"] == str(version)
        with stream_of(server, sent) as found:
            assert found.answer.status == 200


@pytest.fixture
def announced(settings: Any, own_rules: None) -> None:
    settings.STREAM_URL = "https://streams.example.com"


def test_tells_clients_where_their_stream_is(announced):
    claims = Claims(str(uuid.uuid4()), session_id=str(uuid.uuid4()), issued_at=1.5)

    url = stream.address_for(claims=claims, key_id=None, since=7)

    assert url is not None
    assert url.startswith("https://streams.example.com/streams/flags?ticket=")
    assert url.endswith("&since=7")


@pytest.mark.parametrize("claims", [Claims(email="dana@example.com"), Claims(str(uuid.uuid4()))])
def test_announces_nothing_without_a_stream_server_or_for_an_address(settings, announced, claims):
    settings.STREAM_URL = settings.STREAM_URL if claims.user_id is None else ""

    assert stream.address_for(claims=claims, key_id=None, since=7) is None
