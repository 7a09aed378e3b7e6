"""Callers: who asks, over real HTTP; every answer is searched for what is not theirs."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from django.core.files.uploadedfile import UploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.proof.markers import Markers, tokens_in

PATIENCE: Final = 60
FAILED, UNAVAILABLE = 500, 503


@dataclass
class Answer:
    """One answer, in the words of Django's test client."""

    status_code: int
    headers: list[tuple[str, str]]
    content: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.content)

    def header(self, name: str) -> str:
        return next((v for n, v in self.headers if n.lower() == name.lower()), "")

    @property
    def whole(self) -> bytes:
        return b"\n".join([*(f"{n}: {v}".encode() for n, v in self.headers), self.content])


@dataclass(frozen=True)
class Sight:
    """Where a token was seen first, by whom."""

    caller: str
    request: str


@dataclass
class Ledger:
    """Everything that every caller has seen. It is judged at the end, when all owners are known."""

    markers: Markers
    sights: dict[tuple[str, str], Sight] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    failures: list[Sight] = field(default_factory=list)
    # What a caller has sent in bodies or as keys of repeated calls, which may have been kept as
    # theirs. What they sent in paths and questions is taken from the answer to that alone.
    kept: dict[str, set[str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(
        self, caller: str, request: str, sent: set[str], kept: set[str], answer: Answer
    ) -> None:
        with self.lock:
            self.kept.setdefault(caller, set()).update(kept)
            seen = tokens_in(answer.whole) - sent
            self.asked[caller] = self.asked.get(caller, 0) + 1
            status = answer.status_code
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status >= FAILED and status != UNAVAILABLE:
                self.failures.append(Sight(caller, f"{request}: {status}"))
            for token in seen:
                self.sights.setdefault((caller, token), Sight(caller, request))


class Caller:
    """A client with the manners of tests.conftest.ApiClient, so that its bodies fit."""

    def __init__(
        self, name: str, url: str, ledger: Ledger, *, headers: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.url, self.ledger = name, url, ledger
        self.client = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data, kind = encoded(body)
        if kind and "content-type" not in {name.lower() for name in named}:
            named["Content-Type"] = kind
        return self.send(method, path, data, named)

    def send(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Answer:
        said = f"{method} {path} {headers}".encode()
        body = (data or b"") + headers.get("Idempotency-Key", "").encode()
        started = time.perf_counter()
        got = self.client.request(method, path, content=data, headers=headers)
        seconds = time.perf_counter() - started
        answer = Answer(got.status_code, got.headers.multi_items(), got.content, seconds)
        own = " ".join(self.client.cookies.values()).encode()
        # A large body is one word many times.
        kept = tokens_in(body[:100_000])
        sent = tokens_in(said + own) | kept
        self.ledger.note(self.name, f"{method} {path}", sent, kept, answer)
        return answer


def encoded(body: Any) -> tuple[bytes | None, str]:
    """JSON, or a form if there is a file."""
    if body is None:
        return None, ""
    if isinstance(body, bytes):
        return body, "application/json"
    if isinstance(body, dict) and any(isinstance(one, UploadedFile) for one in body.values()):
        return encode_multipart(BOUNDARY, body), MULTIPART_CONTENT
    return json.dumps(body, default=str).encode(), "application/json"
