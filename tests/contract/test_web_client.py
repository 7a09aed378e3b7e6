"""The old web client's recorded sessions of three people work unchanged.

tests/golden/v1/web-client.jsonl holds what the client sent and what the old service answered:
the status and the keys count, the values are ours.
"""

import datetime as dt
import json
import subprocess
import sys
import uuid
from pathlib import Path

from tests.contract import calls, replay

ROOT = Path(__file__).parents[2]
SESSIONS = ROOT / "tests" / "golden" / "v1" / "web-client.jsonl"


def replayed(file: Path, url: str) -> tuple[int, list[str]]:
    """Replay a file as people do, on the command line."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "tests.contract.replay", str(file), "--url", url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout.splitlines()


def changed(file: Path, number: int, **changes: object) -> Path:
    exchanges = replay.read(SESSIONS)
    exchanges[number - 1] |= changes
    file.write_text("".join(f"{json.dumps(exchange)}\n" for exchange in exchanges))
    return file


def test_gives_every_recorded_answer(server):
    outcomes = list(replay.replay(replay.read(SESSIONS), server))

    assert [str(outcome) for outcome in outcomes if not outcome.is_as_recorded] == []
    assert {304, 201, 200} == {outcome.status for outcome in outcomes}
    assert len([one for one in outcomes if one.path == "/api/users"]) == 3


def test_replays_a_file_on_the_command_line(server):
    code, lines = replayed(SESSIONS, server)

    count = len(replay.read(SESSIONS))
    assert (code, lines) == (0, [f"{count} replayed, {count} as recorded, 0 differing"])


def test_says_what_differs(server, tmp_path):
    file = changed(tmp_path / "file", 2, status=201, response={"metrics": {"moon": 1}, "sun": 1})

    code, lines = replayed(file, server)

    count = len(replay.read(SESSIONS))
    assert code == 1
    assert lines == [
        "2: GET /api/users/metrics: recorded 201, came 200, without /metrics/moon, /sun",
        f"{count} replayed, {count - 1} as recorded, 1 differing",
    ]


def test_gives_every_field_back(server):
    exchanges = replay.read(SESSIONS)
    form = next(one["request"] for one in exchanges if one["path"] == "/api/checkins")
    form["date_submitted"] = dt.datetime.now(dt.UTC).date().isoformat()
    person = {"email": f"{uuid.uuid4().hex}@example.com"}
    token = calls.call(server, "POST", "/api/users", person).json["token"]

    def said(method, path, body=None):
        return calls.call(server, method, path, body, calls.bearer(token)).json

    posted = said("POST", "/api/checkins", form)["checkin"]
    listed = said("GET", "/api/checkins")
    one = said("GET", f"/api/checkins/{posted['id']}")["checkin"]
    last = said("GET", "/api/checkins/last-values")["lastValues"]

    shown = [posted, listed["records"][0]["fields"], listed["checkins"][0], one, last]
    for place in shown:
        assert {key: place[key] for key in form} == form
