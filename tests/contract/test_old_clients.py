"""Sessions of the old clients, as they send them, with what each looks for in the answers.

tests/golden/v1/legacy-clients.jsonl and refactored-clients.jsonl hold one step a line:

- client: who it is; its steps are one session, of a person of its own.
- method, path, body, headers: what it sends. `<name>` stands for what the session knows:
  email, today, yesterday, before_yesterday, email_token (signed by the script itself, with
  {email} alone), and what was saved.
- status, or statuses where the client takes one as well as another.
- keys (a.b, a[].b), values (key: value), texts that it searches in the raw answer, absent texts,
  answer_headers, claims of the token (which the web client decodes by itself).
- save: name: key of the answer, or a pattern that cuts it out of the raw answer.
"""

import base64
import datetime as dt
import json
import os
import re
import time
import uuid
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.conf import settings

from tests.contract import calls, v1_table

GOLDEN = Path(settings.ROOT) / "tests" / "golden" / "v1"
GENERATIONS = ("legacy", "refactored")
Step = dict[str, Any]


def sessions(generation: str) -> list[tuple[str, list[Step]]]:
    lines = (GOLDEN / f"{generation}-clients.jsonl").read_text().splitlines()
    steps = [json.loads(line) for line in lines]
    return [(client, list(group)) for client, group in groupby(steps, lambda s: s["client"])]


SESSIONS = [
    pytest.param(steps, id=f"{generation}: {client}")
    for generation in GENERATIONS
    for client, steps in sessions(generation)
]


@dataclass
class Session:
    url: str
    known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        email, today = f"{uuid.uuid4().hex}@example.com", dt.datetime.now(dt.UTC).date()
        claims = {"email": email, "exp": int(time.time()) + 3600}
        days = ("today", "yesterday", "before_yesterday")
        self.known = {
            "email": email,
            "email_token": jwt.encode(claims, settings.JWT_SECRET, "HS256"),
            **{name: str(today - dt.timedelta(ago)) for ago, name in enumerate(days)},
        }

    def play(self, step: Step) -> None:
        answer = calls.call(
            self.url,
            step["method"],
            self._filled(step["path"]),
            self._filled(step.get("body")),
            self._filled(step.get("headers", {})),
        )
        said = f"{step['method']} {step['path']}: {answer.status} {answer.text[:400]}"
        assert answer.status in step.get("statuses", [step.get("status")]), said
        for text in self._filled(step.get("texts", [])):
            assert text in answer.text, said
        for text in self._filled(step.get("absent", [])):
            assert text not in answer.text, said
        for name, value in self._filled(step.get("answer_headers", {})).items():
            assert answer.headers[name] == value, said
        missing = set(step.get("keys", [])) - v1_table.keys_of(answer.json if answer.body else {})
        assert not missing, said
        for key, value in self._filled(step.get("values", {})).items():
            assert at(answer.json, key) == value, said
        if "claims" in step:
            assert set(step["claims"]) <= decoded(answer.json["token"]).keys(), said
        for name, source in step.get("save", {}).items():
            self.known[name] = taken(answer, source)

    def _filled(self, sent: Any) -> Any:
        if isinstance(sent, dict):
            return {name: self._filled(value) for name, value in sent.items()}
        if isinstance(sent, list):
            return [self._filled(part) for part in sent]
        if isinstance(sent, str):
            return re.sub(r"<(\w+)>", lambda match: self.known[match[1]], sent)
        return sent


def at(value: Any, key: str) -> Any:
    """Read a.b.0.c of an answer; `a.#` counts."""
    for part in key.split("."):
        index = int(part) if isinstance(value, list) and part != "#" else part
        value = len(value) if part == "#" else value[index]
    return value


def taken(answer: calls.Answer, source: Any) -> str:
    if isinstance(source, dict):
        match = re.search(source["pattern"], answer.text)
        assert match, source
        return match[1]
    return str(at(answer.json, source))


def decoded(token: str) -> dict[str, Any]:
    """Read the claims as the web client does: three parts, plain base64, a number as expiry."""
    _, payload, _ = token.split(".")
    padded = payload + "=" * (-len(payload) % 4)
    claims: dict[str, Any] = json.loads(base64.b64decode(padded, validate=True))
    assert type(claims["exp"]) is int
    return claims


@pytest.mark.parametrize("steps", SESSIONS)
def test_find_what_they_look_for(steps, old_server, committed_db):
    if "NOVARA_URL" in os.environ and "<email_token>" in json.dumps(steps):
        pytest.skip("The secret of a server that runs already is not known.")
    session = Session(old_server)

    for step in steps:
        session.play(step)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_are_of_both_generations(generation):
    names = [client for client, _ in sessions(generation)]

    assert len(names) == len(set(names)) > 5
