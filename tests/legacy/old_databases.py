"""Builders of the old service's databases, filled with what real ones held and worse.

Everything is the same for the same seed. The schemas are the .sql files beside this one.
"""

import datetime as dt
import os
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

HERE: Final = Path(__file__).parent
FIRST_DAY: Final = dt.date(
    2023, 10, 25
)  # 400 days from here: both ends of summer time, 29 February.
UTC: Final = dt.UTC

Row = dict[str, Any]


class Raw(str):
    """JSON text that jsonb takes as it stands: numbers that no float holds."""

    __slots__ = ()


def database_address(name: str) -> str:
    """Give the URL of a database on the tests' server."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@contextmanager
def database(template: str = "template0") -> Iterator[str]:
    """Make a database beside the test database, which is gone afterwards; yield its URL."""
    name = sql.Identifier(f"old_{uuid.uuid4().hex[:12]}")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template))
        )
        try:
            yield database_address(name.as_string().strip('"'))
        finally:
            _drop(server, name)


def _drop(server: psycopg.Connection[Any], name: sql.Identifier) -> None:
    """Drop a database. Force may not end the server's own workers; without it they go."""
    try:
        server.execute(sql.SQL("DROP DATABASE {}").format(name))
    except psycopg.errors.ObjectInUse:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def schema(name: str) -> str:
    return (HERE / f"{name}.sql").read_text()


def run(address: str, script: str) -> None:
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(script.encode())


def copy(server: psycopg.Connection[Any], table: str, rows: Iterable[Row]) -> None:
    """Insert rows that have the same keys."""
    rows = iter(rows)
    first = next(rows)
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, first))
    )
    with server.cursor().copy(command) as sink:
        for row in (first, *rows):
            sink.write_row([_for_postgres(value) for value in row.values()])


def _for_postgres(value: object) -> object:
    return Jsonb(value) if isinstance(value, dict) else value


def some_id(rng: random.Random) -> uuid.UUID:
    return uuid.UUID(int=rng.getrandbits(128), version=4)


# Awkward values

LONG: Final = "Long night \u2014 waiting again.\n" * 1_852  # A little over 50,000 characters.
TEXTS: Final = (
    "",
    " ",
    "0",
    "null",
    "true",
    "NaN",
    "1e5",
    "\\N",
    "\\u0000",
    "  leading and trailing  ",
    'She said "no", didn\'t she?',
    "comma, semicolon; tab\there",
    "line\nbreak\r\nand more\r",
    '{"looks": "like json"}',
    '["a", "b"]',
    "{curly,braces}",
    "emoji \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd",
    "combining e\u0301 n\u0303 \u0915\u094d\u0937 and composed \u00e9 \u00f1",
    "right to left \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u202eoverride",
    "zero\u200bwidth \ufeffmark \u2028separator",
    "edge \U0010ffff \uffff \x01\x1f\x7f\x85",
    "'; DROP TABLE users; --",
    "100% sure %s %(name)s {0} $1 :colon",
)
SHORT: Final = tuple(text for text in TEXTS if len(text) <= 45)
LISTS: Final[tuple[list[Any], ...]] = (
    [],
    ["Headache"],
    ["Headache", "Bloating", "Hot flashes"],
    [""],
    [None],
    ["Nausea", None, "Fatigue"],
    ["a, with comma", 'b "quoted"', "c\nnewline", "d\\backslash", "{e}"],
    ["NULL", "null", " "],
    ["Meditation/\nmindfulness", "\U0001f9d8 yoga", "e\u0301"],
    [["two", "dimensions"], ["three", None]],
)
OBJECTS: Final[tuple[Any, ...]] = (
    {},
    {"positive": 0.1, "negative": 0, "neutral": 1.0, "compound": -0.25},
    {"a": None, "b": [None, {"c": None, "d": [[]]}], "e": False, "": ""},
    Raw('{"huge": 123456789012345678901234567890, "small": -98765432109876543210}'),
    Raw('{"precise": 0.1234567890123456789012345678901234567890, "tail": 1.10, "one": 1.0}'),
    Raw('{"wide": 1e30, "tiny": 1e-30, "zero": 0.00, "minus": -0.0}'),
    {"text": "q\"uo'te \\ \U0001f600", "list": [True, "true", 1, "1", 1.5]},
)
DAYTIME: Final = (
    dt.time(0, 0, 0),
    dt.time(7, 15, 0, 1),
    dt.time(9, 59, 59, 999_999),
    dt.time(23, 59, 59, 123_000),
)
ZONES: Final = (
    "America/Los_Angeles",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "US/Pacific",
    "Mars/Olympus",
    "",
    None,
)
MOODS: Final = (
    *("amazing", "good", "okay", "tough", "very tough", "hopeful", "anxious", "neutral"),
    *("grateful", "tired", "worried"),
)
STAGES: Final = (
    *("trying", "stimulation", "retrieval", "transfer", "waiting", "between_cycles"),
    *("pregnant", "paused", None),
)
TEN: Final = (*range(1, 11), None)

# Of the daily form of V1: each column with what it may hold.
FORM: Final[dict[str, Sequence[Any]]] = {
    "mood_today": MOODS,
    "confidence_today": range(1, 11),
    "medication_taken": ("yes", "no", "not tracked", None),
    "user_note": (*TEXTS, None),
    "primary_concern_today": (*SHORT, "medication_side_effects", None),
    "anxiety_level": TEN,
    "side_effects": (*LISTS, None),
    "missed_doses": (0, 1, 10, 5_000, 2**31 - 1, None),
    "injection_confidence": TEN,
    "appointment_within_3_days": (True, False, None),
    "appointment_anxiety": TEN,
    "coping_strategies_used": (*LISTS, None),
    "partner_involved_today": (True, False, None),
    "wish_knew_more_about": (*LISTS, None),
    "phq4_score": (*range(13), None),
    "phq4_anxiety": (*range(7), None),
    "phq4_depression": (*range(7), None),
    "sentiment": ("positive", "negative", "neutral", "mixed", None),
    "sentiment_confidence": (*map(Decimal, ("0.00", "0.10", "0.37", "0.99", "1.00")), None),
    "sentiment_scores": (*OBJECTS, None),
    "sentiment_processing_time": (0, 12, -1, 2**31 - 1, None),
    "medication_confidence_today": TEN,
    "medication_concern_today": (*TEXTS, None),
    "financial_stress_today": TEN,
    "financial_concern_today": (*TEXTS, None),
    "journey_readiness_today": TEN,
    "top_concern_today": (*SHORT, None),
}
REQUIRED: Final = ("mood_today", "confidence_today")
ADDED: Final[dict[str, Sequence[Any]]] = {
    "weather": (*TEXTS, None),
    "basal_temperature": (*map(Decimal, ("36.60", "0.00", "37.05", "-1.10")), None),
    "tags": (*LISTS, None),
    "device": (*OBJECTS, None),
    "opened_at": (dt.datetime(2024, 3, 10, 9, 59, 59, 7, tzinfo=UTC), None),
    "next_visit": (dt.date(2024, 12, 31), None),
    "partner_ref": (uuid.UUID(int=7), None),
    "ratio": (0.1, -0.0, 1e22, 3.0, float("nan"), None),
    "Walked Today": (True, False, None),
}


# V1 on Postgres


@contextmanager
def v1(*, people: int, checkins: int, seed: int = 1, is_altered: bool = True) -> Iterator[str]:
    """Make a V1 database; its server tells times in Berlin's clock, which changes none of them."""
    with database() as address:
        run(address, schema("v1") + (schema("v1_altered") if is_altered else ""))
        fill_v1(address, people=people, checkins=checkins, seed=seed, is_altered=is_altered)
        yield address


def fill_v1(address: str, *, people: int, checkins: int, seed: int, is_altered: bool) -> None:
    rng = random.Random(seed)  # noqa: S311
    users = [_user(rng, number, is_altered=is_altered) for number in range(people)]
    with psycopg.connect(address) as server:
        server.execute(
            sql.SQL("ALTER DATABASE {} SET timezone TO 'Europe/Berlin'").format(
                sql.Identifier(server.info.dbname)
            )
        )
        copy(server, "users", users)
        form = FORM | (ADDED if is_altered else {})
        copy(
            server,
            "daily_checkins",
            (row for user in users for row in _checkins(rng, user["id"], checkins, form)),
        )
        copy(server, "insights", (_insight(rng, user["id"], n) for user in users for n in range(3)))
        copy(server, "auth_tokens", (_token(rng, user["id"]) for user in users))
        if is_altered:
            _fill_added_tables(rng, server, users)
        server.execute("ANALYZE")


def _user(rng: random.Random, number: int, *, is_altered: bool) -> Row:
    created_at = _moment(rng, FIRST_DAY - dt.timedelta(days=number % 9 + 1))
    pick: Callable[[Sequence[Any]], Any] = rng.choice
    nickname = pick(('O\'Brien "Bo"', "\U0001f33b Zoe\u0308", "x" * 100, "", "Anna-Lena", "A\\B"))
    user = {
        "id": some_id(rng),
        "email": f"{'MiXed' if number % 3 == 0 else 'lower'}.{number}.{rng.getrandbits(40):x}@Example.COM",
        "nickname": nickname,
        **{f"confidence_{name}": pick(TEN) for name in ("meds", "costs", "overall")},
        "primary_need": pick(("emotional_support", "egg_quality", "", None)),
        "cycle_stage": STAGES[number % len(STAGES)],
        "top_concern": pick((*SHORT, None)),
        "timezone": ZONES[number % len(ZONES)],
        "email_opt_in": pick((True, False, None)),
        "status": ("active", "active", "active", "inactive", "suspended")[number % 5],
        "medication_status": pick(("taking", "taking_meds", "", None)),
        "medication_status_updated": pick((created_at, None)),
        "baseline_completed": pick((True, False, None)),
        "onboarding_path": pick(("control", "fast_lane", None)),
        "created_at": created_at,
        "updated_at": created_at + dt.timedelta(days=3, microseconds=1),
    }
    if is_altered:
        user |= {
            "referral": pick((*OBJECTS, None)),
            "loyalty_points": pick((Decimal("0.100"), Decimal("123456.789"), None)),
            "password": pick(("never a real one", None)),
        }
    return user


def _checkins(
    rng: random.Random, user_id: uuid.UUID, count: int, form: dict[str, Sequence[Any]]
) -> Iterator[Row]:
    for number in range(count):
        day = FIRST_DAY + dt.timedelta(days=number)
        if number == 2:
            day = dt.date(2999, 12, 31)
        filled = {name: rng.choice(pool) for name, pool in form.items()}
        if number == 0:  # Nothing but what the table requires.
            filled = {name: filled[name] if name in REQUIRED else None for name in form}
        elif number == 1:
            filled["user_note"] = LONG
        elif filled["user_note"] and rng.random() < 0.7:  # So that no two people say the same.
            filled["user_note"] += f" {rng.getrandbits(32):x}"
        created_at = _moment(rng, min(day, dt.date(2025, 1, 1)))
        updated_at = created_at + dt.timedelta(minutes=rng.choice((0, 61)))
        has_times = number != 3
        yield {
            "id": some_id(rng),
            "user_id": user_id,
            "date_submitted": day,
            **filled,
            "created_at": created_at if has_times else None,
            "updated_at": updated_at if has_times else None,
        }


def _moment(rng: random.Random, day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, rng.choice(DAYTIME), UTC)


def _insight(rng: random.Random, user_id: uuid.UUID, number: int) -> Row:
    return {
        "id": some_id(rng),
        "user_id": user_id,
        "insight_type": rng.choice(("mood_improvement", "consistency", "daily_insight")),
        "insight_title": f"Title {rng.choice(TEXTS)}",
        "insight_message": f"Message {rng.choice(TEXTS)}",
        "insight_id": f"daily_{number}_{rng.getrandbits(40)}",
        "date": FIRST_DAY + dt.timedelta(days=number * 40),
        "context_data": rng.choice((*OBJECTS, None)),
        "action_label": rng.choice(("Show me", "", None)),
        "action_type": rng.choice(("open_journal", None)),
        "status": rng.choice(("active", "dismissed", None)),
        "created_at": _moment(rng, FIRST_DAY + dt.timedelta(days=number * 40)),
    }


def _token(rng: random.Random, user_id: uuid.UUID) -> Row:
    return {
        "id": some_id(rng),
        "user_id": user_id,
        "token_hash": f"{rng.getrandbits(256):064x}",
        "expires_at": dt.datetime(2024, 1, 1, tzinfo=UTC),
        "created_at": dt.datetime(2023, 10, 1, tzinfo=UTC),
    }


def _fill_added_tables(
    rng: random.Random, server: psycopg.Connection[Any], users: list[Row]
) -> None:
    partners = (
        {
            "user_id": user["id"],
            "name": rng.choice(TEXTS),
            "photo": bytes(range(256)),
            "born": dt.date(1988, 2, 29),
            "weight": Decimal("71.50"),
            "details": rng.choice(OBJECTS),
        }
        for user in users
    )
    copy(server, "partners", partners)
    reminder = {"email": users[0]["email"].upper(), "said": "Drink water."}
    copy(server, "reminders", [reminder, reminder, {"email": None, "said": "To everybody."}])
    copy(server, "clinic_news", [{"code": "a/b c", "headline": TEXTS[16], "shown": False}])


# Reading, with nothing of the product


def read(address: str, query: str) -> list[Row]:
    """Read rows of an old Postgres database: times aware, JSON as text."""
    with psycopg.connect(address, row_factory=psycopg.rows.dict_row) as server:
        server.execute("SET timezone TO 'UTC'")
        server.adapters.register_loader("jsonb", psycopg.types.string.TextLoader)
        return server.execute(query.encode()).fetchall()
