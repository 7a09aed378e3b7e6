"""What the clients send, and the history that stands in the tables before they read it."""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from psycopg import Connection

from tests.benchmarks import load
from tests.benchmarks.servers import App, Stage

NOW = datetime.now(UTC).replace(microsecond=0)
MOODS = ("hopeful", "anxious", "calm", "overwhelmed", "tired", "grateful")
NOTES = (
    "Slept well, the walk helped.",
    "Waiting for the call from the clinic.",
    "Injection site is sore again.",
    "Good talk with my partner tonight.",
)
PEOPLE, EVENTS_EACH = 100, 2_000
ANY_DICE = random.Random()


@dataclass(frozen=True)
class Person:
    id: uuid.UUID
    token: str


def mood(dice: random.Random) -> dict[str, object]:
    return {
        "mood": dice.choice(MOODS),
        "confidence": dice.randint(1, 10),
        "anxiety_level": dice.randint(1, 10),
        "note": dice.choice(NOTES),
    }


def event(dice: random.Random) -> dict[str, object]:
    """About 200 bytes of JSON, somewhere in the last hundred days."""
    moment = NOW - timedelta(seconds=dice.randint(60, 100 * 86_400))
    return {
        "event_type": "mood",
        "event_subtype": "check",
        "event_data": mood(dice),
        "occurred_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def bodies(count: int) -> list[bytes]:
    dice = random.Random(7)
    return [json.dumps(event(dice)).encode() for _ in range(count)]


def batches(count: int, size: int) -> list[bytes]:
    dice = random.Random(11)
    return [
        json.dumps({"events": [event(dice) for _ in range(size)]}).encode() for _ in range(count)
    ]


def batch_rows(size: int, person: Person) -> list[tuple[uuid.UUID, str, str, str, datetime]]:
    """The rows of the first batch, without ids."""
    return [
        (
            person.id,
            str(one["event_type"]),
            str(one["event_subtype"]),
            json.dumps(one["event_data"]),
            datetime.fromisoformat(str(one["occurred_at"])),
        )
        for one in json.loads(batches(1, size)[0])["events"]
    ]


def make_people(stage: Stage, app: App | None, count: int) -> list[Person]:
    """People with tokens: signed up with Novara, or made up where only the twins run."""
    if app is None:
        return [_made_up(stage) for _ in range(count)]
    return [_sign_up(stage, app, f"person-{uuid.uuid4().hex}@example.org") for _ in range(count)]


def _made_up(stage: Stage) -> Person:
    person = uuid.uuid4()
    claims = {"sub": str(person), "tid": str(uuid.uuid4()), "sid": str(uuid.uuid4())}
    times = {"iat": NOW, "exp": NOW + timedelta(hours=6)}
    return Person(person, jwt.encode(claims | times, stage.jwt_secret, algorithm="HS256"))


def _sign_up(stage: Stage, app: App, email: str) -> Person:
    """Sign up, and make the token last for the whole run."""
    body = {"email": email, "password": "quiet harbor, seven lanterns", "nickname": "Bench"}
    scenario = load.Scenario("POST", app.address("signup"), ("",), (json.dumps(body).encode(),))
    given = json.loads(load.try_once(scenario))["access_token"]
    claims = jwt.decode(given, stage.jwt_secret, algorithms=["HS256"])
    lasting = claims | {"exp": NOW + timedelta(hours=6)}
    return Person(
        uuid.UUID(claims["sub"]), jwt.encode(lasting, stage.jwt_secret, algorithm="HS256")
    )


def fill_twins(stage: Stage, reader: Person) -> None:
    """100 people with 2,000 events each; the reader is one of them."""
    with stage.connect_twins() as connection:
        _copy_history(connection, "twin_events", reader)
        connection.execute("VACUUM ANALYZE twin_events")


def fill_novara(stage: Stage, app: App, reader: Person) -> None:
    """The same history, written by the owner of the tables in the image of rows that the API made.

    The reader's account, profile and first event are the models for all others, so that this
    need not know the columns.
    """
    load.try_once(load.Scenario("POST", app.address("event"), [reader.token], bodies(1)))
    with stage.connect() as connection:
        connection.execute(
            "CREATE TEMP TABLE history (id uuid, user_id uuid, event_type text,"
            " event_subtype text, event_data jsonb, occurred_at timestamptz)"
        )
        _copy_history(connection, "history", reader)
        people = "SELECT DISTINCT user_id FROM history WHERE user_id <> %(value)s"
        user = "jsonb_build_object('id', h.user_id, 'email', h.user_id || '@example.org')"
        profile = "jsonb_build_object('user_id', h.user_id)"
        imitate(connection, "users", ("id", reader.id), people, user)
        imitate(connection, "user_profiles", ("user_id", reader.id), people, profile)
        event = (
            "to_jsonb(h) || jsonb_build_object('recorded_at', h.occurred_at,"
            " 'local_date', h.occurred_at::date)"
        )
        imitate(connection, "health_events", ("user_id", reader.id), "SELECT * FROM history", event)
        connection.execute("VACUUM ANALYZE")


def imitate(
    connection: Connection,
    table: str,
    model: tuple[str, uuid.UUID],
    source: str,
    changes: str,
    *,
    models: int = 1,
) -> None:
    """Insert, for each row of the source (h), the model's rows (m) with these changes.

    The model is the first row, or the first so many rows, with this value in this column.
    """
    columns = connection.execute(
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = '' AND attidentity = ''",
        (table,),
    ).fetchone()
    assert columns is not None
    made = ", ".join(f"r.{name}" for name in str(columns[0]).split(", "))
    key, value = model
    connection.execute(
        f"INSERT INTO {table} ({columns[0]}) SELECT {made} FROM ({source}) h"
        f" CROSS JOIN (SELECT * FROM {table} WHERE {key} = %(value)s LIMIT {models}) m"
        f" CROSS JOIN LATERAL jsonb_populate_record(m::{table}, {changes}) r",
        {"value": value},
    )


def _copy_history(connection: Connection, table: str, reader: Person) -> None:
    columns = "id, user_id, event_type, event_subtype, event_data, occurred_at"
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as rows,
    ):
        for row in history(reader):
            rows.write_row(row)


def history(reader: Person) -> Iterator[tuple[object, ...]]:
    """In the order of time, as it would have grown: a person's rows lie scattered."""
    dice = random.Random(13)
    people = [reader.id, *(uuid.UUID(int=dice.getrandbits(128)) for _ in range(PEOPLE - 1))]
    step = timedelta(days=900) / (PEOPLE * EVENTS_EACH)
    moment = NOW - timedelta(days=901)
    for _ in range(EVENTS_EACH):
        dice.shuffle(people)
        for person in people:
            moment += step
            yield new_id(moment, dice), person, "mood", "check", json.dumps(mood(dice)), moment


def new_id(moment: datetime, dice: random.Random = ANY_DICE) -> uuid.UUID:
    """A uuid of version 7: the moment first, so that ids ascend as they do in use."""
    bits = dice.getrandbits(74)
    value = int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | bits >> 62 << 64
    return uuid.UUID(int=value | 0b10 << 62 | bits & (1 << 62) - 1)
