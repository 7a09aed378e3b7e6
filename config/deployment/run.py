"""One visit to a server: check after check, each with what it needs."""

import datetime as dt
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt

from config.deployment.client import Answer, Failed, Server

MIDDAY = 12


class Skipped(Exception):
    """A check cannot be made here, and nothing is wrong; the text says why."""


@dataclass
class Person:
    """A throw-away person, at an address that no mail ever reaches (RFC 2606)."""

    email: str = field(default_factory=lambda: f"verify-{secrets.token_hex(8)}@deployment.invalid")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    token: str = ""
    may_exist: bool = False


@dataclass
class Visit:
    """The server, and what the checks so far have learnt and left there."""

    server: Server
    jwt_secret: str
    origin: str
    first: Person = field(default_factory=Person)
    second: Person = field(default_factory=Person)
    time_zone: str = ""
    checkin_id: str = ""
    checked_in_at: float = 0.0
    event: dict[str, Any] = field(default_factory=dict)
    alert_id: str = ""
    medication_id: str = ""
    insight_id: str = ""

    def __post_init__(self) -> None:
        # Where it is about noon now: no check comes near the end of a local day.
        hours = MIDDAY - dt.datetime.now(dt.UTC).hour
        self.time_zone = f"Etc/GMT{-hours:+d}"
        self.today = dt.datetime.now(dt.timezone(dt.timedelta(hours=hours))).date().isoformat()

    def as_first(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return self.server.call(method, path, body, token=self.first.token, **headers)

    def as_second(self, method: str, path: str, body: Any = None) -> Answer:
        return self.server.call(method, path, body, token=self.second.token)

    def signed(self, secret: str) -> str:
        """Sign a token as the old verification scripts did: it names the e-mail address alone."""
        expires_at = int(time.time()) + 3600
        return jwt.encode({"email": self.first.email, "exp": expires_at}, secret, "HS256")

    @property
    def left_behind(self) -> list[str]:
        return [person.email for person in (self.first, self.second) if person.may_exist]


Work = Callable[[Visit], None]


@dataclass(frozen=True)
class Check:
    group: str
    title: str
    work: Work
    needs: tuple[Work, ...] = ()


Result = Literal["ok", "FAILED", "skipped"]


@dataclass(frozen=True)
class Outcome:
    group: str
    check: str
    result: Result
    ms: float
    reason: str = ""


def run(checks: Sequence[Check], visit: Visit) -> Iterator[Outcome]:
    """Make each check whose needs have passed; what fails stops only what builds on it."""
    missing: dict[Work, str] = {}
    for check in checks:
        started = time.perf_counter()
        result, reason = _made(check, visit, missing)
        if result != "ok":
            missing[check.work] = check.title
        ms = round((time.perf_counter() - started) * 1000, 1)
        yield Outcome(check.group, check.title, result, ms, reason)


def _made(check: Check, visit: Visit, missing: dict[Work, str]) -> tuple[Result, str]:
    for need in check.needs:
        if need in missing:
            return "skipped", f"It builds on “{missing[need]}”."
    try:
        check.work(visit)
    except Failed as error:
        return "FAILED", str(error)
    except Skipped as reason:
        return "skipped", str(reason)
    return "ok", ""
