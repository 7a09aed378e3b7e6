"""Streams are opened as often as the rules of their route allow, by the person of the ticket."""

import asyncio
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from accounts.models import User
from config.stream_limits import limited
from core import tickets
from core.gate import Claims
from core.tickets import TicketInvalid
from flags.api import stream
from ratelimits import services, traffic
from ratelimits.types import Caller, Scope
from tests.factories import make_tenant, make_user
from tests.ratelimits.conftest import rule
from tests.streams import Opened, claims_of, stream_server

pytestmark = pytest.mark.usefixtures("committed_db")
EVERY = ("/streams/*",)


def ticket_of(user: User) -> str:
    claims = Claims(str(user.id), issued_at=time.time())
    return tickets.issue(purpose=stream.PURPOSE, claims=claims, key_id=None, seconds=60)


def ticket_of_key(key_id: str) -> str:
    return tickets.issue(purpose=stream.PURPOSE, claims=None, key_id=key_id, seconds=60)


async def welcome(_request: Request) -> Response:
    return PlainTextResponse("come in")


async def ended(_request: Request) -> Response:
    raise TicketInvalid("ticket: its session has been ended.")


def knock(ticket: str, *, at: Any = welcome, address: str = "198.51.100.5") -> Any:
    scope = {
        "type": "http",
        "method": "GET",
        "path": stream.PATH,
        "headers": [(b"host", b"localhost")],
        "query_string": f"ticket={ticket}".encode(),
        "client": (address, 4711),
    }

    async def answer() -> Response:
        return await limited(at, purpose=stream.PURPOSE)(Request(scope))

    return asyncio.run(answer())


def test_counts_the_person_of_the_ticket(limits):
    one = rule(2, paths=EVERY)
    limits.use(one)
    ticket, other = ticket_of(make_user()), ticket_of(make_user())

    answers = [knock(ticket, address=f"198.51.100.{n}") for n in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit"].startswith(f'"{one.name}";r=1')
    assert answers[2].headers["retry-after"] == "3600"
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert one.name.encode() in answers[2].body
    assert knock(other).status_code == 200


def test_counts_the_key_of_the_ticket(limits):
    limits.use(rule(1, Scope.API_KEY, paths=EVERY), rule(1, Scope.NETWORK, paths=EVERY))
    first, second = (ticket_of_key(str(uuid.uuid4())) for _ in range(2))

    found = [knock(ticket).status_code for ticket in (first, first, second)]

    assert found == [200, 429, 200]


def test_counts_a_network_where_the_ticket_is_none(limits):
    limits.use(rule(1, Scope.NETWORK, paths=EVERY))

    found = [knock("made-up", address=f"198.51.100.{n}").status_code for n in (6, 6, 7)]

    assert found == [200, 429, 200]


def test_counts_a_ticket_of_an_ended_session_as_nobodys(limits):
    limits.use(rule(9, paths=EVERY), rule(2, Scope.NETWORK, paths=EVERY))
    user = make_user()
    ticket = ticket_of(user)

    for _ in range(3):
        with pytest.raises(TicketInvalid):
            knock(ticket, at=ended)

    assert knock(ticket, at=ended).status_code == 429
    caller = Caller(str(user.id), None, None, "")
    ((_, left),) = services.own_limits(caller=caller)
    assert left
    assert left.remaining == 8


def test_is_counted_among_requests(limits):
    limits.use()
    user = make_user()
    traffic._taken.clear()

    knock(ticket_of(user))

    caller, route, method, status, *_ = traffic._taken[: traffic.FIELDS]
    assert (caller.user_id, route, method, status) == (str(user.id), stream.PATH, "GET", 200)


def test_holds_at_the_stream_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RATE_LIMITS", "True")
    user = make_user(tenant=make_tenant())
    values = {
        "name": f"test-{uuid.uuid4().hex[:12]}",
        "scope": "user",
        "paths": [stream.PATH],
        "capacity": 2,
        "refill": 1,
        "window_seconds": 3600,
        "tenant_id": str(user.tenant_id),
    }
    made = services.create_rule(values=values, by="test")
    ticket = tickets.issue(purpose=stream.PURPOSE, claims=claims_of(user), key_id=None, seconds=60)

    with stream_server(tmp_path / "log") as (url, _):
        opened = [Opened(url, stream.PATH, ticket) for _ in range(3)]
        found = [one.answer.status for one in opened]
        told = opened[-1].answer.read().decode()
        for one in opened:
            one.__exit__()
    services.delete_rule(name=made.name)

    assert found == [200, 200, 429]
    assert made.name in told
