"""Every path and method of the API, as everybody, with the ids of others in every place."""

import random
import re
import statistics
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection

from tests.house.routes import Route, api_routes, body_of, headers_of
from tests.proof.calls import Answer, Caller
from tests.proof.findings import Section
from tests.proof.world import World

METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
WRITING: Final = {"POST", "PUT", "PATCH"}
# They end the session that the rest of the run needs, so they come last.
LAST: Final = ("POST /api/v2/auth/password", "POST /api/v2/auth/revoke")
# Who asks, whose life their bodies are taken from, and whose ids they try.
ASKING: Final = {
    "alice": ("alice", ("charlie", "bob")),
    "dora": ("dora", ("charlie",)),
    "anna": ("anna", ("charlie",)),
    "key of North": ("alice", ("charlie",)),
    "nobody": ("alice", ("charlie",)),
}
# The share of routes at which each attacks, chosen by the seed; everybody calls every route.
SHARES: Final = {"alice": 1.0, "dora": 0.5, "anna": 0.3, "key of North": 0.3, "nobody": 0.3}
QUICK: Final = {"alice": 0.15}
LETTING_IN: Final = ("/login", "/refresh")
# The same in every answer, or different in every answer by itself.
PASSING: Final = {"connection", "date", "x-request-id", "content-length", "server"}
VARYING: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{24,64}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)|\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT|\w+\.? \d+, \d{4}, \d\d:\d\d|(\d+|an?)\s\w+\sago|\bnow\b"
    r"|eyJ[\w.-]+|nvr[\w.-]+|zq[0-9a-f]{16}"
)
# Figures of the machine itself, other ones at every call; they are searched all the same.
LIVE: Final = "/api/cache/stats"
LARGE: Final = 11 * 1024 * 1024


@dataclass
class Times:
    theirs: list[float] = field(default_factory=list)
    unknown: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.theirs) / statistics.median(self.unknown)


@dataclass
class Run:
    world: World
    section: Section
    name: str
    caller: Caller
    life: Any
    victims: tuple[str, ...]
    schema: dict[str, Any]
    times: Times
    share: float

    def call(self, route: Route, ids: dict[str, Any], body: Any = None, **headers: str) -> Answer:
        body = body_of(route, self.life) if body is None else body
        headers = headers_of(route, self.life) | headers
        return self.caller.call(route.method, route.path(ids), body, **headers)


def fuzz(world: World, section: Section, *, is_quick: bool) -> None:
    schema, shares = documents(world), QUICK if is_quick else SHARES
    covered(schema, section)
    times, before = Times(), sum(world.ledger.asked.values())
    runs = [
        Run(
            world, section, name, world.caller(name),
            world.people[whose].life, victims, schema, times, shares[name],
        )
        for name, (whose, victims) in ASKING.items()
        if name in shares
    ]  # fmt: skip
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(drive, run) for run in runs]:
            done.result()
    section.tried += sum(world.ledger.asked.values()) - before
    section.fact("Routes with a method", len(api_routes()))
    section.fact("Calls over HTTP", sum(world.ledger.asked.values()) - before)
    section.fact("Callers", ", ".join(run.name for run in runs))
    told = ", ".join(f"{n:,} times {status}" for status, n in sorted(world.ledger.statuses.items()))
    section.fact("Answers", told)
    if times.theirs:
        section.fact(
            "Time of an answer to somebody's id, as a ratio to an unknown id",
            f"{times.ratio:.2f} (medians of {len(times.theirs):,})",
        )


def look(world: World, section: Section) -> None:
    """Everybody reads all that they can, before anybody has sent an id that is not theirs."""
    before = sum(world.ledger.asked.values())
    for name, (whose, _) in ASKING.items():
        caller, life = world.caller(name), world.people[whose].life
        for route in api_routes():
            if route.method == "GET":
                caller.call("GET", route.path(life.ids))
        for query in ("transfer", "letter", "clinic", "Tuesday"):
            caller.call("POST", "/api/v2/documents/search", {"query": query})
        for path in ("/", "/metrics", "/readyz", "/livez", "/api/docs", "/admin/", "/nowhere"):
            caller.call("GET", path)
    section.tried += sum(world.ledger.asked.values()) - before
    section.fact("Calls over HTTP", sum(world.ledger.asked.values()) - before)


def drive(run: Run) -> None:
    """In a thread of its own."""
    try:
        _drive(run)
    finally:
        connection.close()


def _drive(run: Run) -> None:
    dice = random.Random(f"{run.world.markers.seed} {run.name}")  # noqa: S311  Reproducible on purpose.
    ordered = sorted(api_routes(), key=lambda one: (str(one) in LAST, one.method == "DELETE"))
    for route in ordered:
        if run.name not in run.world.people and route.template.endswith(LETTING_IN):
            # With Alice's password anybody is Alice.
            continue
        answer = run.call(route, run.life.ids)
        run.section.expect(
            answer.status_code < 500, f"{route} fails with {answer.status_code}", str(route)
        )
        if str(route) in LAST and run.name in run.world.people:
            run.world.renew(run.name)
        if dice.random() < run.share:
            _attack(run, route)
    for template in sorted({route.template for route in ordered}):
        if dice.random() < run.share:
            _other_methods(run, template)
    if run.share == 1:
        _too_large(run)


def _attack(run: Run, route: Route) -> None:
    for victim in run.victims:
        _ids_in_path(run, route, victim)
        _ids_in_query(run, route, victim)
        _ids_in_body(run, route, victim)
        _ids_in_headers(run, route, victim)
    _errors(run, route)


# Ids of somebody in every place


def _ids_in_path(run: Run, route: Route, victim: str) -> None:
    if not route.parameters:
        return
    theirs = run.world.people[victim].ids
    unknown = [{name: uuid.uuid4() for name in theirs} for _ in range(2)]
    before = run.call(route, unknown[0])
    asked = run.call(route, theirs)
    after = run.call(route, unknown[1])
    run.times.theirs.append(asked.seconds)
    run.times.unknown.append(after.seconds)
    same(run, f"{route} with an id of {victim}", asked, before, after)


def _ids_in_query(run: Run, route: Route, victim: str) -> None:
    if route.method != "GET":
        return
    path = route.path(run.life.ids)
    for name, value in _parameters(run, route, victim):
        unknown = str(uuid.uuid4())
        asked = run.caller.call("GET", f"{path}?{name}={value}")
        if re.fullmatch(r"[0-9a-f-]{36}", value):
            nothing = run.caller.call("GET", f"{path}?{name}={unknown}")
            same(run, f"GET {path}?{name}= an id of {victim}", asked, nothing)


def _parameters(run: Run, route: Route, victim: str) -> Iterator[tuple[str, str]]:
    person = run.world.people[victim]
    ids = {name: str(value) for name, value in person.ids.items()}
    yield from ids.items()
    yield "tenant_id", str(person.user.tenant_id)
    yield "id", ids["event_id"]
    yield "email", person.user.email
    given = run.world.given[victim]
    for name in _documented(run.schema, route):
        yield name, given["cursor"] if "cursor" in name else ids["document_id"]
        yield name, person.user.email


def _ids_in_body(run: Run, route: Route, victim: str) -> None:
    if route.method not in WRITING:
        return
    body = body_of(route, run.life)
    if not isinstance(body, dict):
        return
    person = run.world.people[victim]
    ids = {name: str(value) for name, value in person.ids.items()}
    keys = ids | {
        "tenant_id": str(person.user.tenant_id),
        "id": ids["event_id"],
        "correlation_id": ids["checkin_id"],
        "document_ids": [ids["document_id"]],
        "related_event_id": ids["event_id"],
    }
    # With somebody's address they would log in or sign up as somebody.
    email = {} if "email" in body else {"email": person.user.email}
    run.call(route, run.life.ids, body | keys | email)
    for key, value in keys.items():
        unknown = re.sub(r"[0-9a-f-]{36}", str(uuid.uuid4()), str(value))
        other = [unknown.strip("[]'")] if isinstance(value, list) else unknown
        if key in _properties(run.schema, route):
            before = run.call(route, run.life.ids, _fresh(run, route) | {key: other})
            asked = run.call(route, run.life.ids, _fresh(run, route) | {key: value})
            after = run.call(route, run.life.ids, _fresh(run, route) | {key: other})
            same(run, f"{route} with {key} of {victim} in the body", asked, before, after)
    if "event_data" in body:
        data = body["event_data"] | {"medication_id": ids["medication_id"]}
        event = {"event_type": "medication", "event_data": {"status": "taken"} | data}
        run.call(route, run.life.ids, body | event)


def _fresh(run: Run, route: Route) -> dict[str, Any]:
    body = body_of(route, run.life)
    return dict(body or {})


def _ids_in_headers(run: Run, route: Route, victim: str) -> None:
    given, ids = run.world.given[victim], run.world.people[victim].ids
    headers = {
        "If_Match": given["entity tag"],
        "If_None_Match": given["entity tag"],
        "If_Range": given["entity tag"],
        "Idempotency_Key": given["idempotency key"],
        "X_Request_ID": str(ids["event_id"]),
        "Range": "bytes=0-10",
        "Cookie": f"sessionid={ids['user_id']}",
        "Origin": "https://elsewhere.example",
        "X_Forwarded_For": "203.0.113.9",
        "X_User_ID": str(ids["user_id"]),
        "X_Tenant_ID": str(run.world.people[victim].user.tenant_id),
    }
    if str(route) not in LAST:
        run.call(route, run.life.ids, **headers)


# Answers to what is wrong


def _errors(run: Run, route: Route) -> None:
    victim = run.world.people[run.victims[0]]
    path, word = route.path(run.life.ids), victim.user.email
    if str(route) in LAST:
        return
    if route.method in WRITING:
        for body in (b'{"a": "%b' % word.encode(), b"[]", b"null", b'"\\u0000"', b"\xff\xfe"):
            run.caller.call(route.method, path, body)
        run.caller.call(route.method, path, b"<a/>", Content_Type="text/xml")
        wrong = {key: {"not": [word]} for key in (body_of(route, run.life) or {})}
        run.caller.call(route.method, path, wrong)
    else:
        run.caller.call(route.method, f"{path}?limit=-1&cursor={word}&unknown={word}&since=x")
    run.caller.call(route.method, f"{path}/{victim.ids['event_id']}")
    garbage = dict.fromkeys(run.life.ids, f"%00{word}")
    run.caller.call(route.method, route.path(garbage).replace("\0", "%00"))


def _other_methods(run: Run, template: str) -> None:
    ids = run.world.people[run.victims[0]].ids
    for method in (*METHODS, "TRACE", "PROPFIND"):
        path = Route(method, template, None).path(ids)
        run.caller.call(
            method, path, **({"Origin": "http://localhost:3000"} if method == "OPTIONS" else {})
        )


def _too_large(run: Run) -> None:
    word = run.world.people[run.victims[0]].user.email.encode()
    for path in ("/api/checkins", "/api/v2/health/events", "/ofrep/v1/evaluate/flags"):
        run.caller.call("POST", path, b'{"a": "' + word * (LARGE // len(word)) + b'"}')


# Two answers that must be the same


def same(run: Run, what: str, asked: Answer, *unknown: Answer) -> None:
    if LIVE in what:
        return
    seen = plain(asked)
    is_same = any(seen == plain(one) for one in unknown)
    differs = "" if is_same else f"{seen} is not {plain(unknown[0])}"
    run.section.expect(
        is_same,
        f"{run.name}: {what} is not answered like an unknown one",
        f"{what}: {differs[:1500]}",
    )


def plain(answer: Answer) -> str:
    """Everything that a caller sees, without ids and times."""
    headers = sorted(f"{n.lower()}: {v}" for n, v in answer.headers if n.lower() not in PASSING)
    body = answer.content.decode(errors="replace")
    return VARYING.sub("…", f"{answer.status_code} {headers} {body}")


# What the documents of the API say


def documents(world: World) -> dict[str, Any]:
    caller = world.caller("nobody")
    return {name: caller.call("GET", f"/api/openapi-{name}.json").json() for name in ("v1", "v2")}


def covered(schema: dict[str, Any], section: Section) -> None:
    """The routes that are driven are at least those of both documents."""
    known = {
        (route.method, re.sub(r"<[^>]*>", "{}", "/" + route.template)) for route in api_routes()
    }
    for name, document in schema.items():
        told = {
            (method.upper(), re.sub(r"{[^}]*}", "{}", path))
            for path, methods in document["paths"].items()
            for method in methods
            if method.upper() in METHODS
        }
        section.expect(
            told and told <= known, f"Paths of {name} that nobody drives: {told - known}"
        )
        section.fact(f"Paths and methods of the OpenAPI document {name}", len(told))


def _operation(schema: dict[str, Any], route: Route) -> dict[str, Any]:
    wanted = re.sub(r"<[^>]*>", "{}", "/" + route.template)
    for document in schema.values():
        for path, methods in document["paths"].items():
            if re.sub(r"{[^}]*}", "{}", path) == wanted and route.method.lower() in methods:
                found: dict[str, Any] = methods[route.method.lower()]
                return found | {"schemas": document["components"]["schemas"]}
    return {}


def _documented(schema: dict[str, Any], route: Route) -> list[str]:
    told = _operation(schema, route).get("parameters", [])
    return [one["name"] for one in told if one["in"] == "query"]


def _properties(schema: dict[str, Any], route: Route) -> set[str]:
    operation = _operation(schema, route)
    content: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    shape: dict[str, Any] = next((one.get("schema", {}) for one in content.values()), {})
    if "$ref" in shape:
        shape = operation["schemas"].get(shape["$ref"].rpartition("/")[2], {})
    return set(shape.get("properties", {}))
