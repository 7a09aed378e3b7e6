"""Whatever happens at once, the figures of days are what the log says, at every read.

Four writers act as people do (record, send twice, correct, retract, check in, be erased) while
folders are killed and started again and a rebuild runs beside. Readers compare in one snapshot.
METRICS_RACE=20 makes it twenty times as long; METRICS_SEED repeats what was chosen, though not
what met what.
"""

import datetime as dt
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from accounts import services as accounts
from accounts.models import Tenant, User
from health import metrics
from tests.conftest import ApiClient, client_of
from tests.factories import make_tenant, make_user
from tests.health.daily_figures import clinic_days_of, connect, days_of
from tests.health.threads import then_close
from tests.web import installation

EVENTS = "/api/v2/health/events"
LENGTH = float(os.environ.get("METRICS_RACE", "1"))
SEED = int(os.environ.get("METRICS_SEED", "0")) or secrets.randbelow(10**9)
OPERATIONS = int(150 * LENGTH)
WRITERS, READERS, SEATS = 4, 2, 6

# A folder is a child of one process, so that a new one works at once. It tells its id.
FOLDERS = """
import os, sys, django
django.setup()
from health import metrics
while True:
    child = os.fork()
    if not child:
        while True:
            metrics.fold()
    print(child, flush=True)
    os.waitpid(child, 0)
"""
ENTER = """
    SELECT user_id FROM enter_gate(%s, NULL, NULL, 'infinity')
"""
ZONES = ("Etc/GMT+12", "America/Los_Angeles", "UTC", "Asia/Kathmandu", "Pacific/Kiritimati")
KINDS = (
    *("mood", "mood", "medication", "symptom", "assessment", "vital", "treatment"),
    *("appointment", "note", "sleep", "exercise"),
)
MOODS = ("calm", "hopeful,tired", 'say "so"', "müde 😴", "  ", "{a,b}", "NULL")


@dataclass
class Seat:
    """Somebody of the cast; whoever is erased is followed by somebody else."""

    user: User
    client: ApiClient
    event_ids: list[str] = field(default_factory=list)
    checkin_ids: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Race:
    tenants: list[Tenant]
    seats: list[Seat]
    erased: list[uuid.UUID] = field(default_factory=list)
    everybody: list[uuid.UUID] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    failed_for: set[uuid.UUID] = field(default_factory=set)
    reads: Counter[str] = field(default_factory=Counter)
    is_over: threading.Event = field(default_factory=threading.Event)
    kills: int = 0
    rebuilds: int = 0


# What people do


def dice_of(number: int) -> random.Random:
    return random.Random(SEED * 1000 + number)  # noqa: S311


def data_of(kind: str, dice: random.Random) -> dict[str, Any]:
    number = dice.choice([None, 1, 4, 7, 7.0, 10])
    words = dice.choice([None, [], ["Nausea"], ["Müdigkeit", "a,b", '"', "NULL"]])
    data: dict[str, dict[str, Any]] = {
        "mood": {"mood": dice.choice(MOODS), "confidence": number, "anxiety_level": number},
        "medication": {"status": dice.choice(["taken", "missed", "skipped", "partial", None])},
        "symptom": {"symptoms": words, "severity": dice.choice([None, 0, 0.1, 9.75])},
        "assessment": {"total_score": dice.choice([None, 0, 12])},
        "vital": {"name": "weight", "value": 61.5, "unit": "kg"},
        "treatment": {"procedure": "retrieval"},
        "appointment": {"title": "Scan", "anxiety": number},
        "note": {"text": "a word"},
        "sleep": {"hours": dice.choice([None, 7.25, 8, 0]), "quality": number},
        "exercise": {"minutes": dice.choice([None, 30, 12.5])},
    }
    found = data[kind]
    if kind == "medication" and dice.random() < 0.4:
        found = {"reported": dice.choice(["yes", "no", "partial", "later"]), "missed_doses": 2}
    if kind == "mood" and dice.random() < 0.3:
        found["primary_concern"] = dice.choice(["costs", "needles", None])
    if kind in {"mood", "symptom"}:
        found["triggers"] = words
    return found


def event_of(dice: random.Random) -> dict[str, Any]:
    kind = dice.choice(KINDS)
    event: dict[str, Any] = {"event_type": kind, "event_data": data_of(kind, dice)}
    if dice.random() < 0.3:
        event["event_subtype"] = "phq4"
    if dice.random() < 0.8:
        event["occurred_at"] = moment(dice)
    elif dice.random() < 0.5:
        event["time_zone"] = dice.choice(ZONES)
    if dice.random() < 0.7:
        event["client_event_id"] = uuid.UUID(int=dice.getrandbits(128)).hex
    return event


def moment(dice: random.Random) -> str:
    """Some time of a few days, at any place on earth."""
    at = dt.datetime(2026, 3, 28, tzinfo=dt.UTC) + dt.timedelta(minutes=dice.randrange(4 * 1440))
    place = dt.timezone(dt.timedelta(minutes=15 * dice.randrange(-48, 57)))
    return at.astimezone(place).isoformat()


def day(dice: random.Random) -> str:
    return f"2026-03-{dice.randrange(28, 32)}"


def record(seat: Seat, dice: random.Random) -> Any:
    event = event_of(dice)
    response = seat.client.call("POST", EVENTS, event)
    if response.status_code == 201:
        seat.event_ids.append(response.json()["id"])
        seat.sent.append(event)
    return response


def record_batch(seat: Seat, dice: random.Random) -> Any:
    events = [event_of(dice) for _ in range(dice.randrange(1, 12))]
    again = dice.sample(seat.sent, min(len(seat.sent), 3))
    response = seat.client.call("POST", f"{EVENTS}/batch", {"events": [*events, *again]})
    if response.status_code == 200:
        results = response.json()["results"]
        seat.event_ids += [one["id"] for one in results if one["outcome"] == "created"]
        seat.sent += events
    return response


def repeat(seat: Seat, dice: random.Random) -> Any:
    event = dice.choice(seat.sent or [event_of(dice)])
    if dice.random() < 0.3:
        event = event | {"event_data": data_of(event["event_type"], dice)}
    return seat.client.call("POST", EVENTS, event)


def correct(seat: Seat, dice: random.Random) -> Any:
    event_id = dice.choice(seat.event_ids or [str(uuid.uuid4())])
    known = seat.client.call("GET", f"{EVENTS}/{event_id}")
    if known.status_code != 200:
        return known
    body: dict[str, Any] = {
        "event_data": data_of(known.json()["event_type"], dice),
        "reason": "a slip",
    }
    if dice.random() < 0.6:
        body["occurred_at"] = moment(dice)
    return seat.client.call("POST", f"{EVENTS}/{event_id}/corrections", body)


def retract(seat: Seat, dice: random.Random) -> Any:
    event_id = dice.choice(seat.event_ids or [str(uuid.uuid4())])
    return seat.client.call("POST", f"{EVENTS}/{event_id}/retractions", {"reason": "not mine"})


def check_in(seat: Seat, dice: random.Random) -> Any:
    form = {"mood_today": dice.choice(MOODS[:5]) + "!", "confidence_today": dice.randrange(1, 11)}
    form |= some_of_the_form(dice) | {"date_submitted": day(dice)}
    response = seat.client.call("POST", "/api/checkins", form)
    if response.status_code == 201:
        seat.checkin_ids.append(response.json()["checkin"]["id"])
    return response


def some_of_the_form(dice: random.Random) -> dict[str, Any]:
    form = {
        "medication_taken": dice.choice(["yes", "no", "partial", None]),
        "missed_doses": dice.choice([None, 0, 3, "two"]),
        "side_effects": dice.choice([None, [], ["Bloating", "Nausea"]]),
        "anxiety_level": dice.choice([None, 3, 10]),
        "primary_concern_today": dice.choice([None, "costs"]),
        "phq4_score": dice.choice([None, 0, 12, 13]),
        "appointment_within_3_days": dice.choice([True, False, None]),
        "coping_strategies_used": ["walks"],
    }
    return {key: form[key] for key in form if dice.random() < 0.5}


def change_checkin(seat: Seat, dice: random.Random) -> Any:
    checkin_id = dice.choice(seat.checkin_ids or [str(uuid.uuid4())])
    form = some_of_the_form(dice) | ({"date_submitted": day(dice)} if dice.random() < 0.4 else {})
    return seat.client.call("PUT", f"/api/checkins/{checkin_id}", form)


def delete_checkin(seat: Seat, dice: random.Random) -> Any:
    checkin_id = dice.choice(seat.checkin_ids or [str(uuid.uuid4())])
    return seat.client.call("DELETE", f"/api/checkins/{checkin_id}")


DOINGS: list[tuple[int, Callable[[Seat, random.Random], Any]]] = [
    *((5, record), (2, record_batch), (2, repeat), (5, correct), (2, retract)),
    *((4, check_in), (3, change_checkin), (1, delete_checkin)),
]


def take_seat(race: Race, dice: random.Random) -> Seat:
    user = make_user(dice.choice(race.tenants), profile={"timezone": dice.choice(ZONES)})
    client = client_of(user)
    # A request that fails on our side is an answer to be counted.
    client.raise_request_exception = False
    race.everybody.append(user.id)
    return Seat(user, client)


def erase(race: Race, number: int, dice: random.Random) -> None:
    """Erase somebody, who may be writing at that very moment, and let somebody else follow."""
    seat = race.seats[number]
    with suppress(accounts.UnknownUser):  # Another writer was faster.
        accounts.erase_person(user_id=seat.user.id, requested_by="a test", reason="a wish")
        race.erased.append(seat.user.id)
        race.seats[number] = take_seat(race, dice)


def write(race: Race, writer: int) -> None:
    dice = dice_of(100 + writer)
    kinds = [doing for _, doing in DOINGS]
    weights = [weight for weight, _ in DOINGS]
    for _ in range(OPERATIONS):
        number = dice.randrange(SEATS)
        if dice.random() < 0.02:
            erase(race, number, dice)
            continue
        (doing,) = dice.choices(kinds, weights)
        seat = race.seats[number]
        response = doing(seat, dice)
        race.answers[f"{doing.__name__} {response.status_code}"] += 1
        if response.status_code >= 500:
            race.failed_for.add(seat.user.id)


# Who folds, rebuilds and reads meanwhile


@contextmanager
def folders(race: Race) -> Iterator[None]:
    dice = dice_of(1)
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", FOLDERS],
        cwd=settings.ROOT,
        env=os.environ | installation(0) | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout

    def kill_them() -> None:
        assert process.stdout
        for line in process.stdout:
            time.sleep(dice.choice([0.02, 0.05, 0.1, 0.3]))
            if race.is_over.is_set():
                process.kill()
            os.kill(int(line), signal.SIGKILL)
            race.kills += 1

    killer = threading.Thread(target=kill_them)
    killer.start()
    try:
        yield
    finally:
        race.is_over.set()
        killer.join()
        process.wait()


def rebuild(race: Race) -> None:
    while not race.is_over.is_set():
        for _ in metrics.rebuild(is_new=True):
            pass
        race.rebuilds += 1
        race.is_over.wait(0.1)


def read(race: Race, url: str, reader: int) -> None:
    """Compare, in one snapshot and as the person, all their days with all their events."""
    dice = dice_of(200 + reader)
    with connect(url) as snapshot:
        snapshot.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        while not race.is_over.is_set():
            sits = [seat.user.id for seat in race.seats]
            user_id = dice.choice([*sits, *sits, *race.erased[-2:]])
            with snapshot.transaction():
                if snapshot.execute(ENTER, [user_id]).fetchone() is None:
                    race.reads["erased"] += 1
                    assert snapshot.execute("SELECT 1 FROM exact_daily_metrics").fetchone() is None
                    continue
                shown = snapshot.execute("SELECT * FROM exact_daily_metrics").fetchall()
                time.sleep(dice.choice([0, 0, 0.02]))
                events = snapshot.execute("SELECT * FROM health_events").fetchall()
                waiting = snapshot.execute("SELECT 1 FROM metric_marks LIMIT 1").fetchone()
            assert len({row["local_date"] for row in shown}) == len(shown)
            assert {row["local_date"]: row for row in shown} == days_of(events)
            race.reads["while days waited" if waiting else "when all was folded"] += 1


# The race


def settle() -> None:
    metrics.fold()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM metric_marks")
        assert cursor.fetchone() == (0,)


def run(race: Race, url: str) -> None:
    with ThreadPoolExecutor(WRITERS + READERS + 1) as pool, folders(race):
        beside = [pool.submit(then_close, lambda n=n: read(race, url, n)) for n in range(READERS)]
        beside.append(pool.submit(then_close, lambda: rebuild(race)))
        writers = [pool.submit(then_close, lambda n=n: write(race, n)) for n in range(WRITERS)]
        try:
            for task in writers:
                task.result()
        finally:
            race.is_over.set()
        for task in beside:
            task.result()


def assert_stands(race: Race, url: str) -> None:
    with connect(url, autocommit=True) as owner:
        tenants = [tenant.id for tenant in race.tenants]
        log, days, clinics = (
            owner.execute(f"SELECT * FROM {table} WHERE tenant_id = ANY(%s)", [tenants]).fetchall()
            for table in ("health_events", "user_daily_metrics", "tenant_daily_metrics")
        )
        for table in ("health_events", "user_daily_metrics", "metric_marks", "daily_checkins"):
            query = f"SELECT count(*) AS left FROM {table} WHERE user_id = ANY(%s)"
            assert owner.execute(query, [race.erased]).fetchone() == {"left": 0}, table
    for user_id in race.everybody:
        events = [row for row in log if row["user_id"] == user_id]
        stored = {row["local_date"]: row for row in days if row["user_id"] == user_id}
        assert stored == days_of(events)
    shown = {(row.pop("tenant_id"), row.pop("local_date")): row for row in clinics}
    assert {key: row for key, row in shown.items() if any(row.values())} == clinic_days_of(days)


def test_are_exact_whatever_happens_at_once(committed_db, database_url):
    dice = dice_of(0)
    race = Race([make_tenant(), make_tenant()], [])
    race.seats = [take_seat(race, dice) for _ in range(SEATS)]

    try:
        run(race, database_url)
        settle()
        assert_stands(race, database_url)
    finally:
        seen = {"answers": race.answers, "reads": race.reads}
        told = f"METRICS_SEED={SEED} kills={race.kills} rebuilds={race.rebuilds}"
        sys.stdout.write(f"{told} {json.dumps(seen)}\n")

    assert race.failed_for == set()
    assert race.erased
    assert race.kills > 5
    assert race.rebuilds
    assert race.reads["while days waited"] > 10
