"""People who check in day by day: the history that stands before, and the forms they send."""

import json
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import jwt
from psycopg import Connection

from tests.benchmarks import load
from tests.benchmarks.data import MOODS, NOTES, Person, imitate, new_id
from tests.benchmarks.servers import App, Stage

TODAY = datetime.now(UTC).date()
SIDE_EFFECTS = ("Headache", "Bloating", "Mood swings", "Nausea", "Fatigue", "Cramping")
STRATEGIES = ("Deep breathing", "Meditation/\nmindfulness", "Gentle exercise", "Journaling")
TOPICS = ("Success rates", "Next steps in treatment", "Financial options")
EVENT_TYPES = ("mood", "medication", "symptom", "appointment", "note", "assessment")

# The id of an event is that of its check-in, with its number in the last place.
EVENT_ID = (
    "overlay(h.checkin_id::text PLACING"
    f" array_position(ARRAY{list(EVENT_TYPES)}, m.event_type::text)::text FROM 36)"
)


@dataclass(frozen=True)
class Group:
    """People with the same number of check-ins: one on each day until yesterday."""

    people: Sequence[Person]
    days: int

    @property
    def tokens(self) -> list[str]:
        return [person.token for person in self.people]

    def days_before(self) -> Iterator[date]:
        """The days before their history, newest first."""
        day = TODAY - timedelta(days=self.days)
        while True:
            day -= timedelta(days=1)
            yield day

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """For each day one form of each person, with the person's token."""
        dice = random.Random(17)
        bodies = [json.dumps(form(dice, "DAY"), ensure_ascii=False) for _ in range(16)]
        for day in self.days_before():
            for number, token in enumerate(self.tokens):
                yield token, bodies[number % 16].replace("DAY", day.isoformat()).encode()


def form(dice: random.Random, day: str) -> dict[str, object]:
    """All 18 fields of the old daily form, about 700 bytes of JSON."""
    anxiety, depression = dice.randint(0, 6), dice.randint(0, 6)
    return {
        "mood_today": ",".join(dice.sample(MOODS, 2)),
        "confidence_today": dice.randint(1, 10),
        "medication_taken": dice.choice(("yes", "no")),
        "user_note": dice.choice(NOTES),
        "date_submitted": day,
        "primary_concern_today": "medication_side_effects",
        "anxiety_level": dice.randint(1, 10),
        "side_effects": dice.sample(SIDE_EFFECTS, 2),
        "missed_doses": dice.randint(1, 3),
        "injection_confidence": dice.randint(1, 10),
        "appointment_within_3_days": True,
        "appointment_anxiety": dice.randint(1, 10),
        "coping_strategies_used": dice.sample(STRATEGIES, 2),
        "partner_involved_today": dice.choice((True, False)),
        "wish_knew_more_about": dice.sample(TOPICS, 2),
        "phq4_score": anxiety + depression,
        "phq4_anxiety": anxiety,
        "phq4_depression": depression,
    }


def make_group(stage: Stage, count: int, days: int) -> Group:
    """People with tokens as the old service gave them out; their accounts are made later."""
    return Group([_person(stage, uuid.uuid4()) for _ in range(count)], days)


def _person(stage: Stage, person: uuid.UUID) -> Person:
    now = datetime.now(UTC)
    claims = {"id": str(person), "email": f"{person}@example.org", "nickname": "Bench"}
    times = {"iat": now, "exp": now + timedelta(hours=6)}
    return Person(person, jwt.encode(claims | times, stage.jwt_secret, algorithm="HS256"))


def fill_novara(stage: Stage, app: App, like: Person, groups: Sequence[Group]) -> None:
    """Write all check-ins as the owner of the tables, in the image of one that the API made."""
    checkin = _model(app, like)
    people = "SELECT DISTINCT user_id FROM history"
    row = (
        "jsonb_build_object('id', h.checkin_id, 'user_id', h.user_id, 'date_submitted', h.day,"
        " 'occurred_at', h.moment, 'created_at', h.moment, 'updated_at', h.moment)"
    )
    event = (
        f"jsonb_build_object('id', {EVENT_ID}, 'user_id', h.user_id, 'local_date', h.day,"
        " 'correlation_id', h.checkin_id, 'occurred_at', h.moment, 'recorded_at', h.moment)"
    )
    with stage.connect() as connection:
        _copy(connection, groups)
        account = "jsonb_build_object('id', h.user_id, 'email', h.user_id || '@example.org')"
        profile = "jsonb_build_object('user_id', h.user_id)"
        imitate(connection, "users", ("id", like.id), people, account)
        imitate(connection, "user_profiles", ("user_id", like.id), people, profile)
        history = "SELECT * FROM history ORDER BY checkin_id"
        imitate(connection, "daily_checkins", ("id", checkin), history, row)
        together = ("correlation_id", checkin)
        imitate(connection, "health_events", together, history, event, models=len(EVENT_TYPES))
        connection.execute("VACUUM ANALYZE")


def fill_express(stage: Stage, app: App, groups: Sequence[Group]) -> None:
    """The same check-ins for the twin, at midnight of their day as the old service had it."""
    like = _person(stage, uuid.uuid4())
    event = (
        f"jsonb_build_object('id', {EVENT_ID}, 'user_id', h.user_id,"
        " 'correlation_id', h.checkin_id, 'occurred_at', h.day, 'recorded_at', h.moment)"
    )
    with stage.connect_twins() as connection:
        _copy(connection, [*groups, Group([like], 1)])
        connection.execute(
            "INSERT INTO users (id, email)"
            " SELECT DISTINCT user_id, user_id || '@example.org' FROM history"
        )
        connection.execute(
            "INSERT INTO user_profiles (user_id, nickname) SELECT id, 'Bench' FROM users"
        )
        together = ("correlation_id", _model(app, like))
        history = "SELECT * FROM history ORDER BY checkin_id"
        imitate(connection, "health_events", together, history, event, models=len(EVENT_TYPES))
        connection.execute("VACUUM ANALYZE")


def _model(app: App, like: Person) -> uuid.UUID:
    """Submit one check-in over HTTP, long ago; all others are made like it."""
    body = json.dumps(form(random.Random(19), "2000-01-01")).encode()
    scenario = load.Scenario("POST", app.address("checkin"), [like.token], [body])
    return uuid.UUID(json.loads(load.try_once(scenario))["checkin"]["id"])


def _copy(connection: Connection, groups: Sequence[Group]) -> None:
    """The history as a table, in the order of time, as it would have grown."""
    connection.execute(
        "CREATE TEMP TABLE history (checkin_id uuid, user_id uuid, day date, moment timestamptz)"
    )
    most = max(group.days for group in groups)
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY history (checkin_id, user_id, day, moment) FROM STDIN") as rows,
    ):
        for age in range(most, 0, -1):
            day = TODAY - timedelta(days=age)
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            people = [person for group in groups if age <= group.days for person in group.people]
            for number, person in enumerate(people):
                moment = noon + timedelta(milliseconds=number)
                checkin = uuid.UUID(int=new_id(moment).int & ~0xF)
                rows.write_row((checkin, person.id, day, moment))
    connection.execute("ANALYZE history")
