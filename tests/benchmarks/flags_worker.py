"""Ask for flags in this process, over and over, and compute bare hashes and ask SQL in turn.

Answers the rates of all rounds, how often it asked in process, and how often that was counted.
"""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psycopg

from tests.benchmarks import worker

ANSWER = worker.set_django_up()

from django.db.models import Sum  # noqa: E402  After Django is set up.

from flags import agent, counting, rules, services  # noqa: E402
from flags.allocation import resize  # noqa: E402
from flags.evaluation import bucket_of  # noqa: E402
from flags.models import FeatureFlagCount  # noqa: E402
from flags.targeting import email_hash  # noqa: E402
from flags.types import (  # noqa: E402
    Condition,
    Context,
    Definition,
    Operator,
    Prerequisite,
    Variant,
)

ACTOR = services.Actor("benchmark")
SUBJECTS = [str(uuid.uuid4()) for _ in range(10_000)]
EMAILS = [f"person-{number}@example.org" for number in range(len(SUBJECTS))]
CALLS = 100
# About as long as an agent leaves what was taken, before it adds up.
TURN_SECONDS = 0.2
SQL = b"SELECT evaluate_feature_flag(%s, %s)"

Slice = Callable[[int], None]


@dataclass
class Turns:
    calls: int = 0
    seconds: float = 0


def main() -> None:
    rounds, seconds = worker.read_question()
    keys = make_flags()
    agent.start()
    rules.load()
    asked = 0
    rates: dict[str, list[float]] = {}
    with rules.connect() as own:
        slices = {
            "hash": hashes(keys["plain"]),
            "plain": plain(keys["plain"]),
            "rich": rich(keys["rich"]),
            "sql": sql(keys["plain"], own),
        }
        for number in range(rounds + 1):
            # The first round only warms up: connections, prepared statements, caches.
            found = one_round(slices, seconds if number else TURN_SECONDS)
            asked += sum(found[name].calls for name in keys)
            for name, sum_of in found.items():
                if number:
                    rates.setdefault(name, []).append(sum_of.calls / sum_of.seconds)
    agent.stop()
    counts = FeatureFlagCount.objects.filter(flag_name__in=[keys["plain"], keys["rich"]])
    worker.answer((rates, asked, counts.aggregate(Sum("evaluations"))["evaluations__sum"]), ANSWER)


def make_flags() -> dict[str, str]:
    """Make new ones, as a kept database may have those of an earlier run."""
    mark = uuid.uuid4().hex[:12]
    quarter = resize([Variant("on", value=True), Variant("off", value=False)], "on", 25)
    plain, rich = f"plain-{mark}", f"rich-{mark}"
    conditions = [
        Condition("country", Operator.ONE_OF, ["de", "at", "ch"]),
        Condition("app", Operator.VERSION_AT_LEAST, ["2.9"]),
    ]
    for definition in (
        Definition(key=plain, salt=plain, is_enabled=True, variants=quarter),
        Definition(
            key=rich,
            salt=rich,
            is_enabled=True,
            variants=quarter,
            conditions=conditions,
            prerequisites=[Prerequisite(plain, ["on", "off"])],
            enabled_user_ids=[uuid.uuid4() for _ in range(1_000)],
            disabled_user_ids=[uuid.uuid4() for _ in range(1_000)],
            enabled_user_emails=[email_hash(rich, f"{number}@b.org") for number in range(1_000)],
        ),
    ):
        services.create_flag(definition=definition, actor=ACTOR, now=dt.datetime.now(dt.UTC))
    return {"plain": plain, "rich": rich}


def hashes(key: str) -> Slice:
    def run(start: int) -> None:
        for subject in SUBJECTS[start : start + CALLS]:
            bucket_of(key, subject)

    return run


def plain(key: str) -> Slice:
    evaluate = services.evaluate

    def run(start: int) -> None:
        for subject in SUBJECTS[start : start + CALLS]:
            evaluate(key, Context(subject))

    return run


def rich(key: str) -> Slice:
    evaluate, told = services.evaluate, {"country": "at", "app": "2.10"}

    def run(start: int) -> None:
        for number in range(start, start + CALLS):
            evaluate(key, Context(SUBJECTS[number], EMAILS[number], None, told))

    return run


def sql(key: str, own: psycopg.Connection[dict[str, object]]) -> Slice:
    def run(start: int) -> None:
        for subject in SUBJECTS[start : start + CALLS]:
            own.execute(SQL, (key, subject), prepare=True).fetchone()

    return run


def one_round(slices: Mapping[str, Slice], seconds: float) -> dict[str, Turns]:
    """Give everyone so many seconds, in short turns: noise hits neighbors alike."""
    found = {name: Turns() for name in slices}
    while any(turns.seconds < seconds for turns in found.values()):
        for name, one in slices.items():
            take_turn(one, found[name])
    return found


def take_turn(one: Slice, turns: Turns) -> None:
    """What was taken meanwhile is added up before the clock is stopped."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < TURN_SECONDS:
        one(turns.calls % len(SUBJECTS))
        turns.calls += CALLS
    counting.begin().drain(dt.datetime.now(dt.UTC))
    turns.seconds += time.perf_counter() - begin


if __name__ == "__main__":
    main()
