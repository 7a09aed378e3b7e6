"""What a call of version 1 is, who makes it, and what was done before it."""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final

import jwt
from django.conf import settings

from accounts.models import User
from tests.contract import calls

PASSWORD: Final = "correct horse battery"
BOTH, LEGACY, REFACTORED, NEW = "both", "legacy", "refactored", "new"
Headers = dict[str, str]


@dataclass
class Person:
    """Somebody who has just signed up."""

    url: str
    email: str
    id: str
    token: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = calls.call(self.url, method, path, body, calls.bearer(self.token))
        assert answer.status < 300, (method, path, answer.status)
        return answer.json


def sign_up(url: str) -> Person:
    email = f"{uuid.uuid4().hex}@example.com"
    answer = calls.call(url, "POST", "/api/users", {"email": email}).json
    return Person(url, email, answer["user"]["id"], answer["token"])


Who = Callable[[Person], Headers]
# What is in place before a call; it may name parts of the path.
Given = Callable[[Person], dict[str, str] | None]
Body = Any | Callable[[Person], Any]


@dataclass(frozen=True)
class Call:
    """One way in which an endpoint answers, and what must be in the answer."""

    status: int
    when: str
    body: Body = None
    keys: Sequence[str] = ()
    # Which of the old servers gave this answer; default: all that had the endpoint.
    old: str = ""
    _: KW_ONLY
    query: str = ""
    given: Given | None = None
    # The headers that say who calls; default: the person, if the endpoint needs one.
    who: Who | None = None
    headers: Headers = field(default_factory=dict)
    # A part of the error's text; parts of the whole answer.
    says: str = ""
    contains: Sequence[str] = ()
    # Headers of the answer; None: it has none such.
    answered: Mapping[str, str | None] = field(default_factory=dict)
    # None: the same with passwords and without.
    passwordless: bool | None = None
    # Nothing has changed since the answer before, whose ETag is sent.
    is_unchanged: bool = False
    # Its further keys are the client's own, and not for the page.
    is_listed: bool = True
    needs_our_server: bool = False


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    purpose: str
    calls: Sequence[Call]
    # Which of the old servers had it.
    old: str = BOTH
    _: KW_ONLY
    needs_token: bool = True
    takes_body: bool = False
    # Each answer differs from the one before: it has no ETag, or a new one each time.
    is_of_the_moment: bool = False
    is_v1: bool = True
    # Objects whose keys are no fixed set.
    maps: Sequence[str] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def all_calls(self) -> list[Call]:
        has_etag = self.method == "GET" and self.needs_token and not self.is_of_the_moment
        return [
            *self.calls,
            *(UNCHANGED if has_etag else ()),
            *(WITHOUT_TOKEN if self.needs_token else ()),
            *(BAD_BODIES if self.takes_body else ()),
        ]


@dataclass(frozen=True)
class Group:
    title: str
    endpoints: Sequence[Endpoint]


def under(parent: str, *names: str) -> list[str]:
    return [f"{parent}.{name}" for words in names for name in words.split()]


# Who calls


def nobody(_person: Person) -> Headers:
    return {}


def other_word(person: Person) -> Headers:
    return {"Authorization": f"Token {person.token}"}


def one_word(person: Person) -> Headers:
    return {"Authorization": person.token}


def no_token(_person: Person) -> Headers:
    return calls.bearer("no.token.here")


def staff(person: Person) -> Headers:
    User.objects.filter(id=person.id).update(is_staff=True)
    return calls.bearer(person.token)


def signed_with(*names: str, life: int = 3600, secret: str | None = None) -> Who:
    """Sign a token as scripts do that share the secret: these claims and `exp` alone."""

    def sign(person: Person) -> Headers:
        known = {
            "email": {"email": person.email},
            "userId": {"userId": person.id},
            "nobody": {"email": "nobody@novara.invalid"},
        }
        claims: dict[str, Any] = {"exp": int(time.time()) + life}
        for name in names:
            claims |= known[name]
        return calls.bearer(jwt.encode(claims, secret or settings.JWT_SECRET, "HS256"))

    return sign


# What clients send

BASELINE: Final = {"confidence_meds": 3, "confidence_costs": 5, "confidence_overall": 10}
FORM: Final[dict[str, Any]] = {"mood_today": "hopeful", "confidence_today": 7}
PHQ4: Final = {
    "phq4_feeling_nervous": 1,
    "phq4_stop_worrying": 2,
    "phq4_little_interest": 0,
    "phq4_feeling_down": 1,
}


def of_the_day(sent: dict[str, Any]) -> Body:
    """Name the insight that is shown today, as the old web client does."""

    def name(person: Person) -> dict[str, Any]:
        shown = person.call("GET", "/api/insights/daily")["insight"]
        return {**sent, "insight_id": shown["id"]}

    return name


# What was done before


def today() -> str:
    return days_ago(0)


def days_ago(days: int) -> str:
    return (dt.datetime.now(dt.UTC).date() - dt.timedelta(days)).isoformat()


def baseline(person: Person) -> None:
    person.call("PATCH", "/api/users/baseline", BASELINE)


def checked_in(person: Person) -> dict[str, str]:
    answer = person.call("POST", "/api/checkins", {**FORM, "date_submitted": today()})
    return {"id": answer["checkin"]["id"], "user_id": person.id}


def checked_in_twice(person: Person) -> dict[str, str]:
    person.call("POST", "/api/checkins", {**FORM, "date_submitted": "2026-01-01"})
    return checked_in(person)


def known(person: Person) -> dict[str, str]:
    baseline(person)
    return checked_in(person)


def three_days(person: Person) -> None:
    baseline(person)
    for days, taken in ((2, "yes"), (1, "no"), (0, "yes")):
        form = {**FORM, **PHQ4, "medication_taken": taken, "date_submitted": days_ago(days)}
        person.call("POST", "/api/checkins", form)


def deleted(person: Person) -> dict[str, str]:
    ids = checked_in(person)
    person.call("DELETE", f"/api/checkins/{ids['id']}")
    return ids


def of_another(person: Person) -> dict[str, str]:
    return checked_in(sign_up(person.url))


def unknown(_person: Person) -> dict[str, str]:
    return {"id": str(uuid.UUID(int=7)), "user_id": str(uuid.UUID(int=7))}


def malformed(_person: Person) -> dict[str, str]:
    return {"id": "recABC123", "user_id": "recABC123"}


def with_insights(person: Person) -> None:
    known(person)
    person.call("POST", "/api/insights/generate", {})


def with_password(person: Person) -> None:
    person.email = f"{uuid.uuid4().hex}@example.com"
    body = {"email": person.email, "password": PASSWORD}
    person.token = calls.call(person.url, "POST", "/api/users", body).json["token"]


def ten_wrong_passwords(person: Person) -> None:
    for _ in range(10):
        body = {"email": person.email, "password": "wrong"}
        calls.call(person.url, "POST", "/api/auth/login", body)


# What every endpoint answers

UNCHANGED: Final = (
    Call(304, "the ETag sent is the present one", is_unchanged=True, given=checked_in),
)
WITHOUT_TOKEN: Final = (
    Call(401, "there is no token", who=nobody, says="token"),
    Call(401, "the header is one word", who=one_word, says="token"),
    Call(403, "the token cannot be read", who=no_token, says="token"),
    Call(
        *(403, "another secret signed the token"),
        who=signed_with("email", secret="x" * 40),
        says="expired",
    ),
)
BROKEN: Final = b'{"mood_today":'
TOO_LARGE: Final = b'{"user_note":"' + b"x" * (10 * 1024 * 1024) + b'"}'
BAD_BODIES: Final = (
    Call(400, "the body is not JSON", BROKEN),
    Call(400, "the body is not an object", [1], old=NEW),
    Call(413, "the body is larger than 10 MB", TOO_LARGE),
)
