"""Searching one's own encrypted documents over HTTP, question and all."""

import json
import random

from tests.benchmarks import servers, worker
from tests.benchmarks.load import Scenario, try_once
from tests.benchmarks.measure import Series, client_of, side_by_side
from tests.benchmarks.race import figures
from tests.benchmarks.report import Report, Table
from tests.benchmarks.session import Session

APPS = ("novara",)
PATH = "/api/v2/documents/search"
SIZES = (100, 1_000, 20_000)
TARGETS = {1_000: "≤ 60 ms"}
VOCABULARY = 8_000
QUESTIONS = 50
WORDS_ASKED = 9


def run(session: Session) -> Report:
    dice = random.Random(11)
    words = [
        "".join(dice.choices("abcdefghilmnoprstu", k=dice.randint(3, 10)))
        for _ in range(VOCABULARY)
    ]
    people = dict(zip(SIZES, session.people[1:], strict=False))
    print("Writing documents …", flush=True)
    question = [(person.id, size, words) for size, person in people.items()]
    worker.ask("document_search_worker", *question, env=servers.novara_env(session.stage))
    bodies = [
        json.dumps({"query": " ".join(dice.choices(words, k=WORDS_ASKED))}).encode()
        for _ in range(QUESTIONS)
    ]
    series = {}
    for size, person in people.items():
        scenario = Scenario("POST", session.novara.url + PATH, [person.token], bodies)
        found = json.loads(try_once(scenario))
        if found["mode"] != "hybrid" or found["searched"]["embedded_chunks"] != size:
            raise SystemExit(f"{size} chunks: not all were searched: {found['searched']}")
        (series[size],) = side_by_side(
            [client_of(session.novara, scenario, f"{size:,} chunks", connections=1)],
            rounds=session.rounds,
            seconds=session.seconds,
            postmaster=session.postmaster,
        )
    return Report(
        "Searching one's own documents",
        f"{session.setting()} One connection to one Novara process. Chunks of about 220 words,"
        f" {', '.join(f'{size:,}' for size in SIZES)} of one person each, all sealed; questions of"
        f" {WORDS_ASKED} words, each embedded by the built-in model; ten results.",
        [
            Table(
                ("chunks of one person", "p50", "target"),
                [
                    (f"{size:,}", f"{_p50(one):.0f} ms", TARGETS.get(size, ""))
                    for size, one in series.items()
                ],
            ),
            figures(list(series.values())),
        ],
        [f"{session.novara.name}: {session.novara.versions}."],
    )


def _p50(series: Series) -> float:
    return series.middle(lambda sample: sample.load.p50_ms) or 0
