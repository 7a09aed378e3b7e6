"""A connection that was left in any way is nobody's again: it shows no row until the next gate."""

import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.db import Error, connection, transaction

from core import gate
from tests.house.catalog import rows
from tests.house.test_catalog import POLICIES
from tests.proof.calls import Caller
from tests.proof.database import rolled_back
from tests.proof.findings import Section
from tests.proof.world import World

READABLE: Final = sorted(
    {
        table
        for (table, role, command), forms in POLICIES.items()
        if role == "novara_api" and command in {"ALL", "SELECT"} and forms[0] not in {None, "true"}
    }
)
CALLS: Final = 240
QUICK_CALLS: Final = 60


class Broken(Exception):
    """What a request dies of."""


def poison(world: World, section: Section, *, is_quick: bool) -> None:
    alice = world.people["alice"].user.pk
    for name, die in WAYS.items():
        with suppress(Broken, Error, psycopg.Error, RuntimeError):
            die(alice)
        _is_clean(section, name)
    section.fact("Ways in which a transaction was left", ", ".join(WAYS))
    _over_http(world, section, QUICK_CALLS if is_quick else CALLS)


# Within this process, on Django's own connection


def _exception(alice: uuid.UUID) -> None:
    with gate.as_person(alice):
        raise Broken


def _failed_statement(alice: uuid.UUID) -> None:
    with gate.as_person(alice):
        rows("SELECT 1 / 0")


def _swallowed_failure(alice: uuid.UUID) -> None:
    with gate.as_person(alice), suppress(Error):
        rows("SELECT nothing FROM nowhere")


def _time_out(alice: uuid.UUID) -> None:
    with gate.as_person(alice):
        rows("SET LOCAL statement_timeout = 20")
        rows("SELECT pg_sleep(5)")


def _killed(alice: uuid.UUID) -> None:
    with gate.as_person(alice):
        ((pid,),) = rows("SELECT pg_backend_pid()")
        with beside() as own:
            own.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        rows("SELECT 1")


def _cancelled(alice: uuid.UUID) -> None:
    with gate.as_person(alice):
        ((pid,),) = rows("SELECT pg_backend_pid()")

        def cancel() -> None:
            time.sleep(0.1)
            with beside() as own:
                own.execute("SELECT pg_cancel_backend(%s)", [pid])

        thread = threading.Thread(target=cancel)
        thread.start()
        try:
            rows("SELECT pg_sleep(5)")
        finally:
            thread.join()


def _open_savepoint(alice: uuid.UUID) -> None:
    with gate.as_person(alice):
        transaction.savepoint()
        rows("SELECT set_config('app.user_id', current_setting('app.user_id'), true)")
        raise Broken


def _failed_commit(alice: uuid.UUID) -> None:
    with gate.as_person(alice):
        rows("SET CONSTRAINTS ALL DEFERRED")
        transaction.set_rollback(True)


def _reset_role(alice: uuid.UUID) -> None:
    with gate.as_person(alice):
        rows("SET LOCAL ROLE novara_api")
        raise Broken


WAYS: Final[dict[str, Callable[[uuid.UUID], None]]] = {
    "an exception": _exception,
    "a statement that failed": _failed_statement,
    "a failure that was swallowed": _swallowed_failure,
    "a time-out": _time_out,
    "a cancelled statement": _cancelled,
    "a savepoint left open": _open_savepoint,
    "a commit that became a rollback": _failed_commit,
    "the role set again": _reset_role,
    "a killed backend": _killed,
}


def _is_clean(section: Section, name: str) -> None:
    with suppress(Error):
        connection.close_if_unusable_or_obsolete()
    left = rows(
        "SELECT current_user = session_user, coalesce(current_setting('app.tenant_id', true), ''),"
        " coalesce(current_setting('app.user_id', true), '')"
    )
    section.expect(left == [(True, "", "")], f"After {name}, the connection keeps {left}.")
    with rolled_back():
        rows("SET LOCAL ROLE novara_api")
        for table in READABLE:
            # Some may not be read at all, which is right, too.
            seen: Any = [(0,)]
            with suppress(Error), transaction.atomic():
                seen = rows(f"SELECT count(*) FROM {table}")
            section.expect(seen == [(0,)], f"After {name}, {table} shows {seen} rows to nobody.")


# In the web processes, whose threads keep their connections


def _over_http(world: World, section: Section, calls: int) -> None:
    _failures(world, section)
    # Our own would be killed as well.
    connection.close()
    dice = random.Random(world.markers.seed)  # noqa: S311  Reproducible on purpose.
    people = ["alice", "bob", "charlie", "nobody"]
    plan = [dice.choice(people) for _ in range(calls)]
    paths = ("/api/v2/me", "/api/users/me", "/api/v2/health/timeline", "/api/v2/documents")
    over = threading.Event()
    killer = threading.Thread(target=_kill_now_and_then, args=(over,), daemon=True)
    killer.start()

    def ask(number: int) -> tuple[str, int]:
        name = plan[number]
        caller = world.caller(name) if name == "nobody" else _again(world, name)
        status = caller.call("GET", paths[number % len(paths)]).status_code
        return name, status

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(calls)))
    over.set()
    killer.join()
    good = sum(status == 200 for name, status in answers if name != "nobody")
    section.expect(good > calls // 4, f"Only {good} of {calls} calls were answered.")
    section.expect(
        all(status in {401, 500, 503} for name, status in answers if name == "nobody"),
        "Nobody was answered as somebody, on a connection that was somebody's.",
    )
    section.tried += calls
    section.fact("Calls of four people mixed, while connections were killed", calls)


def _again(world: World, name: str) -> Caller:
    own = world.people[name].caller
    headers = {"Authorization": own.client.headers["Authorization"]}
    return Caller(name, world.url, world.ledger, headers=headers)


def _kill_now_and_then(over: threading.Event) -> None:
    with beside() as own:
        while not over.wait(0.15):
            own.execute(
                "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                "   AND state = 'idle' ORDER BY random() LIMIT 1) one"
            )


def _failures(world: World, section: Section) -> None:
    """Requests that wait for a lock: one whose client hangs up, one killed, one cancelled."""
    charlie = world.people["charlie"]
    path = f"/api/v2/health/events/{charlie.ids['event_id']}"
    for how, word in (("killed", "pg_terminate_backend"), ("cancelled", "pg_cancel_backend")):
        with beside() as own, own.transaction():
            own.execute("LOCK TABLE health_events IN ACCESS EXCLUSIVE MODE")
            with ThreadPoolExecutor(2) as pool:
                # Charlie is inside when it happens; what comes then on this connection is not his.
                asked = pool.submit(_again(world, "charlie").call, "GET", path)
                alices = pool.submit(_again(world, "alice").call, "GET", path)
                _until_two_wait(own)
                with beside() as other:
                    other.execute(
                        f"SELECT {word}(pid) FROM pg_stat_activity"
                        f" WHERE wait_event_type = 'Lock' AND datname = current_database()".encode()
                    )
                statuses = [asked.result().status_code, alices.result().status_code]
        section.expect(
            set(statuses) <= {500, 503}, f"{how}: answered with {statuses}", f"GET {path}"
        )
    with beside() as own, own.transaction():
        own.execute("LOCK TABLE health_events IN ACCESS EXCLUSIVE MODE")
        _hang_up(world, path)
    for name in ("alice", "bob", "nobody"):
        caller = world.caller(name)
        for _ in range(20):
            caller.call("GET", path)
            caller.call("GET", "/api/v2/health/timeline")


def _until_two_wait(own: psycopg.Connection[Any]) -> None:
    for _ in range(100):
        row = own.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).fetchone()
        if row and row[0] >= 2:
            return
        time.sleep(0.03)


def _hang_up(world: World, path: str) -> None:
    place = urlsplit(world.url)
    token = world.people["charlie"].caller.client.headers["Authorization"]
    for _ in range(4):
        with socket.create_connection((place.hostname or "", place.port or 80)) as raw:
            raw.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: {token}\r\n\r\n".encode()
            )
            time.sleep(0.1)


@contextmanager
def beside() -> Iterator[psycopg.Connection[Any]]:
    address = settings.DATABASES["default"]
    host = address["HOST"] or address["OPTIONS"].get("host")
    with psycopg.connect(
        dbname=address["NAME"], user=address["USER"], host=host, autocommit=True
    ) as own:
        yield own
