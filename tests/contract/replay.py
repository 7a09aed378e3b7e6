"""Replay recorded traffic of an old client: statuses and keys must be the recorded ones.

python -m tests.contract.replay FILE --url http://127.0.0.1:8000

A line of FILE is an exchange: method, path, auth (with a token or not), request, status,
response. What was new at the recording is made new: e-mail addresses are unique to the run, the
newest day is today, and ids are those that this server gave. Like a browser, it sends back the
ETag that it has for a path; each sign-up is another browser.
"""

import argparse
import datetime as dt
import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract import calls

Exchange = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    number: int
    method: str
    path: str
    recorded: int
    status: int
    missing: Sequence[str]

    @property
    def is_as_recorded(self) -> bool:
        return self.status == self.recorded and not self.missing

    def __str__(self) -> str:
        said = f"{self.number}: {self.method} {self.path}: recorded {self.recorded}"
        lacks = f", without {', '.join(self.missing)}" if self.missing else ""
        return f"{said}, came {self.status}{lacks}"


@dataclass
class Browser:
    """What a client remembers from answer to answer."""

    url: str
    days_later: dt.timedelta
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    token: str = ""
    etags: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def play(self, number: int, exchange: Exchange) -> Outcome:
        method, path = exchange["method"], self._present(exchange["path"])
        answer = calls.call(
            self.url, method, path, self._renewed(exchange["request"]), self._headers(exchange)
        )
        found = answer.json if answer.body else None
        recorded = exchange["response"]
        self._remember(path, answer, recorded, found)
        missing = list(missing_keys(recorded, found))
        return Outcome(number, method, exchange["path"], exchange["status"], answer.status, missing)

    def _headers(self, exchange: Exchange) -> dict[str, str]:
        headers = calls.bearer(self.token) if exchange["auth"] else {}
        if exchange["method"] == "GET" and (etag := self.etags.get(exchange["path"])):
            headers["If-None-Match"] = etag
        return headers

    def _remember(self, path: str, answer: calls.Answer, recorded: Any, found: Any) -> None:
        if isinstance(found, dict) and "token" in found:
            self.token = found["token"]
            self.etags.clear()
        if etag := answer.headers["ETag"]:
            self.etags[path] = etag
        self.ids |= dict(pairs_of_ids(recorded, found))

    def _present(self, text: str) -> str:
        return "/".join(self.ids.get(part, part) for part in text.split("/"))

    def _renewed(self, sent: Any, key: str = "") -> Any:
        if isinstance(sent, dict):
            return {name: self._renewed(value, name) for name, value in sent.items()}
        if isinstance(sent, list):
            return [self._renewed(part) for part in sent]
        if key == "email":
            return f"{self.run}-{sent}"
        if key == "date_submitted":
            return (dt.date.fromisoformat(sent) + self.days_later).isoformat()
        return self.ids.get(sent, sent) if isinstance(sent, str) else sent


def replay(exchanges: Sequence[Exchange], url: str) -> Iterator[Outcome]:
    days = [day for one in exchanges if (day := (one["request"] or {}).get("date_submitted"))]
    today = dt.datetime.now(dt.UTC).date()
    newest = dt.date.fromisoformat(max(days)) if days else today
    browser = Browser(url, days_later=today - newest)
    for number, exchange in enumerate(exchanges, 1):
        yield browser.play(number, exchange)


def missing_keys(recorded: Any, ours: Any, path: str = "") -> Iterator[str]:
    if isinstance(recorded, dict):
        for key, value in recorded.items():
            if not isinstance(ours, dict) or key not in ours:
                yield f"{path}/{key}"
            else:
                yield from missing_keys(value, ours[key], f"{path}/{key}")
    elif isinstance(recorded, list):
        for index, value in enumerate(recorded):
            if not isinstance(ours, list) or not ours:
                yield f"{path}/{index}"
            elif isinstance(value, dict):
                yield from missing_keys(value, ours[min(index, len(ours) - 1)], f"{path}/{index}")


def pairs_of_ids(recorded: Any, ours: Any) -> Iterator[tuple[str, str]]:
    """Find which id of ours stands where the recorded answer has one."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key in recorded.keys() & ours.keys():
            old, new = recorded[key], ours[key]
            if (key == "id" or key.endswith("_id")) and isinstance(old, str):
                yield old, str(new)
            yield from pairs_of_ids(old, new)
    elif isinstance(recorded, list) and isinstance(ours, list):
        for old, new in zip(recorded, ours, strict=False):
            yield from pairs_of_ids(old, new)


def read(file: Path) -> list[Exchange]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def main() -> int:
    parser = argparse.ArgumentParser(description="Replay recorded traffic against a server.")
    parser.add_argument("file", type=Path, help="exchanges, one JSON object a line")
    parser.add_argument("--url", required=True, help="such as http://127.0.0.1:8000")
    wanted = parser.parse_args()
    outcomes = list(replay(read(wanted.file), wanted.url))
    differing = [outcome for outcome in outcomes if not outcome.is_as_recorded]
    sys.stdout.writelines(f"{outcome}\n" for outcome in differing)
    as_recorded = len(outcomes) - len(differing)
    sys.stdout.write(
        f"{len(outcomes)} replayed, {as_recorded} as recorded, {len(differing)} differing\n"
    )
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
