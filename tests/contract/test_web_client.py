"""The old web client's recorded session of one person works unchanged.

tests/golden/v1/web-client.jsonl holds what the client sent and what the old service answered:
the status and the keys count, the values are ours.
"""

import json
from pathlib import Path

SESSION = Path(__file__).parents[1] / "golden" / "v1" / "web-client.jsonl"


def missing_keys(recorded, ours, path=""):
    if isinstance(recorded, dict):
        for key, value in recorded.items():
            if key not in ours:
                yield f"{path}/{key}"
            else:
                yield from missing_keys(value, ours[key], f"{path}/{key}")
    elif isinstance(recorded, list) and recorded and isinstance(recorded[0], dict):
        yield from missing_keys(recorded[0], ours[0], f"{path}/0")


def test_gives_every_recorded_answer(db, nobody):
    token = ""
    for line in SESSION.read_text().splitlines():
        exchange = json.loads(line)
        headers = {"authorization": f"Bearer {token}"} if exchange["auth"] else {}

        answer = nobody.call(exchange["method"], exchange["path"], exchange["request"], **headers)

        assert answer.status_code == exchange["status"], exchange["path"]
        assert not list(missing_keys(exchange["response"], answer.json())), exchange["path"]
        token = answer.json().get("token", token)


def test_gives_every_field_back(db, nobody):
    exchanges = [json.loads(line) for line in SESSION.read_text().splitlines()]
    sign_up, form = exchanges[0]["request"], exchanges[-2]["request"]
    token = nobody.call("POST", "/api/users", sign_up).json()["token"]
    headers = {"authorization": f"Bearer {token}"}

    posted = nobody.call("POST", "/api/checkins", form, **headers).json()["checkin"]
    listed = nobody.call("GET", "/api/checkins", **headers).json()
    one = nobody.call("GET", f"/api/checkins/{posted['id']}", **headers).json()["checkin"]
    last = nobody.call("GET", "/api/checkins/last-values", **headers).json()["lastValues"]

    shown = [posted, listed["records"][0]["fields"], listed["checkins"][0], one, last]
    for place in shown:
        assert {key: place[key] for key in form} == form
