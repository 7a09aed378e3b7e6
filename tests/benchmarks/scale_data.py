"""A database that has grown for three years, in the order of time, as our doors would have written it.

`python -m tests.benchmarks.scale_data --events 10M --data FOLDER` makes one that later runs use
again. A person has a thousand events on average, a few have twenty times as many as others. One in
sixteen visits is a check-in of several events; one event in a hundred is corrected or retracted
later. The rows of the old daily form are left out: nothing that is measured reads them.
"""

import argparse
import json
import random
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import jwt
import psycopg

from tests.benchmarks import servers
from tests.benchmarks.checkin_data import SIDE_EFFECTS, STRATEGIES, TOPICS
from tests.benchmarks.data import MOODS, NOTES
from tests.benchmarks.servers import Stage

Data = dict[str, object]
Make = Callable[[random.Random], Data]
Connection = psycopg.Connection[tuple[object, ...]]

SIZES = {"10k": 10_000, "100k": 100_000, "1M": 1_000_000, "10M": 10_000_000}
EVENTS_EACH = 1_000
TENANTS = 20
END = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = END - timedelta(days=3 * 365)
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo", "America/Sao_Paulo")
FLUSH = 5_000
VARIANTS = 400
CHECKINS = 0.06
CORRECTIONS = 0.01
RETRACTIONS = 0.2  # of the corrections
COLUMNS = (
    "id, tenant_id, user_id, event_type, event_subtype, event_data, status, version,"
    " related_event_id, reason, occurred_at, local_date, utc_offset_minutes, time_zone,"
    " recorded_at, source, correlation_id"
)
# The first of them is the reader, whose own events are the same in a database of any size.
PEOPLE = "SELECT id, tenant_id, email FROM users WHERE email LIKE 'scale-%' ORDER BY email"


@dataclass(frozen=True)
class Member:
    id: str
    tenant_id: str
    zone: str


def score(dice: random.Random) -> Data:
    anxiety, depression = dice.randint(0, 6), dice.randint(0, 6)
    total = anxiety + depression
    return {"total_score": total, "anxiety_score": anxiety, "depression_score": depression}


def ten(dice: random.Random) -> int:
    return dice.randint(1, 10)


# Subtype and data of an event that comes alone, and its share of all such events in hundredths.
ALONE: dict[str, tuple[int, str, Make]] = {
    "mood": (
        35,
        "check",
        lambda dice: {
            "mood": dice.choice(MOODS),
            "confidence": ten(dice),
            "anxiety_level": ten(dice),
            "note": dice.choice(NOTES),
        },
    ),
    "medication": (
        25,
        "dose",
        lambda dice: {
            "status": dice.choices(("taken", "missed", "skipped", "partial"), (80, 8, 6, 6))[0],
            "medication_name": "Gonal-f",
            "dose": "225 IU",
        },
    ),
    "symptom": (
        15,
        "report",
        lambda dice: {"symptoms": dice.sample(SIDE_EFFECTS, 2), "severity": ten(dice)},
    ),
    "vital": (
        7,
        "temperature",
        lambda dice: {"name": "temperature", "value": dice.randint(360, 375) / 10, "unit": "Cel"},
    ),
    "sleep": (
        6,
        "night",
        lambda dice: {"hours": dice.randint(8, 18) / 2, "quality": ten(dice)},
    ),
    "note": (4, "text", lambda dice: {"text": dice.choice(NOTES)}),
    "exercise": (
        3,
        "activity",
        lambda dice: {"activity": "walking", "minutes": 5 * ten(dice), "intensity": "light"},
    ),
    "assessment": (2, "phq4", score),
    "appointment": (
        2,
        "visit",
        lambda dice: {"title": "Scan", "anxiety": ten(dice), "note": dice.choice(NOTES)},
    ),
    "treatment": (
        1,
        "procedure",
        lambda dice: {"procedure": "Retrieval", "status": dice.choice(("planned", "completed"))},
    ),
}
SHARES = [share for share, _, _ in ALONE.values()]
# Subtype and data of a check-in's events: the first two always, each of the others every other time.
TOGETHER: dict[str, tuple[str, Make]] = {
    "mood": (
        "daily_checkin",
        lambda dice: {
            "mood": ",".join(dice.sample(MOODS, 2)),
            "confidence": ten(dice),
            "anxiety_level": ten(dice),
            "primary_concern": "medication_side_effects",
            "info_needs": dice.sample(TOPICS, 2),
        },
    ),
    "medication": (
        "daily_status",
        lambda dice: {
            "reported": dice.choices(("yes", "no", "partial"), (85, 10, 5))[0],
            "missed_doses": dice.randint(0, 2),
        },
    ),
    "symptom": ("side_effect", lambda dice: {"symptoms": dice.sample(SIDE_EFFECTS, 2)}),
    "note": ("coping_strategies", lambda dice: {"strategies": dice.sample(STRATEGIES, 2)}),
    "appointment": ("upcoming", lambda dice: {"within_3_days": True, "anxiety": ten(dice)}),
    "assessment": ("phq4", score),
}


def single(dice: random.Random) -> tuple[str, str, Data]:
    """Type, subtype and data of an event that comes alone."""
    kind = dice.choices(list(ALONE), SHARES)[0]
    _, subtype, make = ALONE[kind]
    return kind, subtype, make(dice)


@dataclass
class Writer:
    """Writes lines of COPY, all with its own dice."""

    dice: random.Random
    alone: dict[str, list[str]] = field(init=False)
    together: dict[str, list[str]] = field(init=False)
    corrections: deque[tuple[int, Member, str, str, str, str]] = field(default_factory=deque)
    kinds: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Texts are made once and used over and over: making each would take most of the time."""

        def texts(kind: str, subtype: str, make: Make) -> list[str]:
            made = (_escaped(make(self.dice)) for _ in range(VARIANTS))
            return [f"{kind}\t{subtype}\t{data}" for data in made]

        self.alone = {kind: texts(kind, name, make) for kind, (_, name, make) in ALONE.items()}
        self.together = {kind: texts(kind, name, make) for kind, (name, make) in TOGETHER.items()}

    def visit(self, member: Member, moment: "Moment", number: int) -> list[str]:
        dice = self.dice
        if dice.random() < CHECKINS:
            together = uuid.UUID(moment.new_id(dice)).hex
            kinds = [
                kind for place, kind in enumerate(TOGETHER) if place < 2 or dice.random() < 0.5
            ]
            texts = [dice.choice(self.together[kind]) for kind in kinds]
            return [self.first(member, moment, number, text, together) for text in texts]
        if not self.kinds:
            self.kinds = dice.choices(list(ALONE), SHARES, k=FLUSH)
        text = dice.choice(self.alone[self.kinds.pop()])
        return [self.first(member, moment, number, text)]

    def first(
        self, member: Member, moment: "Moment", number: int, text: str, together: str = r"\N"
    ) -> str:
        event_id = moment.new_id(self.dice)
        when = moment.columns(member.zone)
        if self.dice.random() < CORRECTIONS:
            due = number + self.dice.randint(10, 1_000)
            self.corrections.append((due, member, event_id, text, when, together))
        source = "api" if together == r"\N" else "checkin"
        return (
            f"{event_id}\t{member.tenant_id}\t{member.id}\t{text}\tfinal\t1\t\\N\t\\N\t{when}"
            f"\t{moment.text}\t{source}\t{together}\n"
        )

    def due_corrections(self, moment: "Moment", number: int) -> Iterator[str]:
        while self.corrections and self.corrections[0][0] <= number:
            _, member, event_id, text, when, together = self.corrections.popleft()
            status = "corrected"
            if self.dice.random() < RETRACTIONS:
                status = "entered-in-error"
            else:
                pool = self.alone if together == r"\N" else self.together
                text = self.dice.choice(pool[text.partition("\t")[0]])
            source = "api" if together == r"\N" else "checkin"
            yield (
                f"{moment.new_id(self.dice)}\t{member.tenant_id}\t{member.id}\t{text}\t{status}\t2"
                f"\t{event_id}\tMistyped.\t{when}\t{moment.text}\t{source}\t{together}\n"
            )


class Moment:
    """A point of time as the columns say it; time zones are asked once an hour."""

    def __init__(self) -> None:
        self.hour = -1
        self.zones = {name: ZoneInfo(name) for name in ZONES}
        self.local: dict[str, tuple[str, int]] = {}

    def move_to(self, seconds: float) -> None:
        self.milliseconds = int(seconds * 1000)
        if int(seconds) // 3600 != self.hour:
            self.hour = int(seconds) // 3600
            now = datetime.fromtimestamp(seconds, UTC)
            self.day = now.strftime("%Y-%m-%d %H")
            for name, zone in self.zones.items():
                local = now.astimezone(zone)
                offset = local.utcoffset() or timedelta()
                self.local[name] = local.date().isoformat(), int(offset.total_seconds() // 60)
        rest = seconds % 3600
        self.text = f"{self.day}:{int(rest // 60):02d}:{rest % 60:06.3f}+00"

    def new_id(self, dice: random.Random) -> str:
        """A uuid of version 7."""
        low = 1 << 63 | dice.getrandbits(62)
        return f"{self.milliseconds:012x}7{dice.getrandbits(12):03x}{low:016x}"

    def columns(self, zone: str) -> str:
        local_date, offset = self.local[zone]
        return f"{self.text}\t{local_date}\t{offset}\t{zone}"


def _escaped(data: Data) -> str:
    return json.dumps(data, ensure_ascii=False).replace("\\", "\\\\")


def lines(members: Sequence[Member], count: int) -> Iterator[str]:
    """About so many rows. The reader, who is the first, has a thousandth of the visits."""
    reader, *others = members
    own, rest = Writer(random.Random(23)), Writer(random.Random(29))
    weights = [min(rest.dice.paretovariate(1.2), 20) for _ in others]
    totals = list(accumulate(weights))
    chosen: list[Member] = []
    # A check-in has four events.
    visits = round(count / (1 + CHECKINS * 3 + CORRECTIONS))
    first, span, turn = START.timestamp(), (END - START).total_seconds(), -1
    moment = Moment()
    for number in range(visits):
        if number * EVENTS_EACH // visits > turn:
            turn += 1
            moment.move_to(first + turn * span / EVENTS_EACH)
            yield from own.visit(reader, moment, turn)
            yield from own.due_corrections(moment, turn)
        else:
            moment.move_to(first + number * span / visits)
            if not chosen:
                chosen = rest.dice.choices(others, cum_weights=totals, k=FLUSH)
            yield from rest.visit(chosen.pop(), moment, number)
            yield from rest.due_corrections(moment, number)


@contextmanager
def grown(stage: Stage, events: int) -> Iterator[Stage]:
    """The stage with a database of its own that has so many events; made unless it stands."""
    name = f"novara_scale_{events}"
    grown_stage = replace(stage, database_url=_address(stage, name))
    with stage.connect() as connection:
        if not _exists(connection, name):
            # Another name first: one that was interrupted must not look like a finished one.
            connection.execute(f"DROP DATABASE IF EXISTS {name}_draft WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name}_draft".encode())
            draft = _address(stage, f"{name}_draft")
            fill(replace(stage, database_url=draft), events)
            connection.execute(f"ALTER DATABASE {name}_draft RENAME TO {name}".encode())
    servers.migrate(grown_stage)
    yield grown_stage


def _address(stage: Stage, database: str) -> str:
    return urlsplit(stage.database_url)._replace(path=f"/{database}").geturl()


def _exists(connection: Connection, name: str) -> bool:
    found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
    return found.fetchone() is not None


def fill(stage: Stage, events: int) -> None:
    began = time.monotonic()
    servers.migrate(stage)
    with psycopg.connect(stage.database_url, user="postgres", autocommit=True) as connection:
        # Keys, marks and old figures of 10 million rows are made faster afterwards, at once.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute("SET synchronous_commit = off")
        members = make_members(connection, max(events // EVENTS_EACH, 10))
        indexes = _drop_indexes(connection)
        _copy(connection, members, events)
        print(f"  indexes ({time.monotonic() - began:.0f} s) …", flush=True)
        for definition in indexes:
            connection.execute(definition.encode())
        print(f"  vacuum ({time.monotonic() - began:.0f} s) …", flush=True)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    print(f"  figures ({time.monotonic() - began:.0f} s) …", flush=True)
    with stage.connect() as connection:
        rebuild(connection)
        connection.execute("VACUUM ANALYZE")
    print(f"  done in {time.monotonic() - began:.0f} s.", flush=True)


def _copy(connection: Connection, members: Sequence[Member], events: int) -> None:
    began, waiting, sent = time.monotonic(), [], 0
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY health_events ({COLUMNS}) FROM STDIN") as copy,
    ):
        for line in lines(members, events):
            waiting.append(line)
            if len(waiting) == FLUSH:
                copy.write("".join(waiting))
                sent += FLUSH
                waiting.clear()
                if sent % (events // 10 // FLUSH * FLUSH or FLUSH) == 0:
                    rate = sent / (time.monotonic() - began)
                    print(f"  {sent:,} events ({rate:,.0f} a second) …", flush=True)
        copy.write("".join(waiting))


def _drop_indexes(connection: Connection) -> list[str]:
    """All that no constraint needs; returns how to make them again."""
    rows = connection.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " WHERE i.indrelid = 'health_events'::regclass"
        " AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)"
    ).fetchall()
    for name, _ in rows:
        connection.execute(f"DROP INDEX {name}".encode())
    return [str(definition) for _, definition in rows]


def make_members(connection: Connection, count: int) -> list[Member]:
    """Accounts with profiles in several clinics; their ids are the same in any database."""
    dice = random.Random(31)
    tenants = [str(uuid.UUID(int=dice.getrandbits(128))) for _ in range(TENANTS)]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO tenants (id, name, slug, is_active, created_at)"
            " VALUES (%s, %s, %s, true, now())",
            [(tenant, f"Clinic {i}", f"clinic-{i}") for i, tenant in enumerate(tenants)],
        )
        members = [
            Member(str(uuid.UUID(int=dice.getrandbits(128))), tenants[i % TENANTS], zone)
            for i, zone in ((i, ZONES[i % len(ZONES)]) for i in range(count))
        ]
        cursor.executemany(
            "INSERT INTO users (id, tenant_id, email, password, is_active, is_staff, is_superuser)"
            " VALUES (%s, %s, %s, '!', true, false, false)",
            [(one.id, one.tenant_id, _email(i)) for i, one in enumerate(members)],
        )
        cursor.executemany(
            "INSERT INTO user_profiles (user_id, tenant_id, nickname, timezone, email_opt_in,"
            " confidence_meds, confidence_costs, confidence_overall, baseline_completed, extra,"
            " updated_at) VALUES (%s, %s, 'Bench', %s, true, 5, 5, 5, false, '{}', now())",
            [(one.id, one.tenant_id, one.zone) for one in members],
        )
    return members


def _email(number: int) -> str:
    return f"scale-{number:06}@example.org"


def rebuild(connection: Connection, portion: int = 20) -> tuple[int, int]:
    """All figures anew by the product's own function; answers the people and days."""
    people = [row[0] for row in connection.execute(PEOPLE).fetchall()]
    days = 0
    for first in range(0, len(people), portion):
        row = connection.execute(
            "SELECT day_count FROM rebuild_metrics(%s)", (people[first : first + portion],)
        ).fetchone()
        days += int(str(row[0])) if row else 0
    return len(people), days


def token(stage: Stage, person: object) -> str:
    now = datetime.now(UTC)
    claims = {"sub": str(person), "iat": now, "exp": now + timedelta(hours=6)}
    return jwt.encode(claims, stage.jwt_secret, algorithm="HS256")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale_data")
    parser.add_argument("--events", choices=SIZES, default="10M")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args()
    with servers.stage(data=options.data) as stage, grown(stage, SIZES[options.events]):
        print("It stands.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
