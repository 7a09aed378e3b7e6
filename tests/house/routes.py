"""Every route of the API with every method, and a call of each that succeeds."""

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLResolver, get_resolver

from accounts.models import User
from documents import llama_jobs
from tests.conftest import ApiClient, client_of
from tests.documents.llama.parsing_service import signed

PASSWORD: Final = "correct horse battery"
Body = dict[str, Any]
APIS: Final = ("api/", "ofrep/")
# What stands in paths and is nobody's.
WORDS: Final[dict[str, Any]] = {"assessment": "phq-4", "key": "enhanced_error_handling"}
_numbers = count()


@dataclass(frozen=True)
class Route:
    method: str
    template: str
    view: Any

    def __str__(self) -> str:
        return f"{self.method} /{self.template}"

    @property
    def parameters(self) -> list[str]:
        """The ids in the path."""
        named = re.findall(r"<(?:\w+:)?(\w+)>", self.template)
        return [name for name in named if name not in WORDS]

    def path(self, ids: dict[str, Any]) -> str:
        said = WORDS | ids
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(said[match[1]]), self.template)


@dataclass
class Life:
    """A person with rows in every corner. `marker` stands in every text that is theirs."""

    user: User
    client: ApiClient
    marker: str = field(default_factory=lambda: f"marker-{uuid.uuid4().hex}")
    number: int = field(default_factory=lambda: next(_numbers))
    ids: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def session(self) -> Any:
        credentials = {"email": self.user.email, "password": PASSWORD}
        return ApiClient().call("POST", "/api/v2/auth/login", credentials).json()

    def day(self, year: int) -> str:
        return (dt.date(year, 1, 1) + dt.timedelta(self.number % 300)).isoformat()

    def form(self, year: int) -> Body:
        return {
            "mood_today": "calm",
            "confidence_today": 7,
            "user_note": self.marker,
            "side_effects": [self.marker],
            "own_key": self.marker,
            "date_submitted": self.day(year),
        }

    def event(self) -> Body:
        return {"event_type": "note", "event_data": {"text": self.marker}}

    def medication(self) -> Body:
        return {"medication_name": self.marker, "notes": self.marker, "times_of_day": ["08:00"]}

    def document(self) -> Body:
        """A file that nobody has sent before."""
        text = f"# {self.marker}\n\nNumber {next(_numbers)}.\n"
        return {
            "file": SimpleUploadedFile(f"{self.marker}.md", text.encode()),
            "metadata": json.dumps({"marker": self.marker}),
        }


def live(user: User, life: Life | None = None) -> Life:
    """Give a person a profile, a check-in and an event."""
    life = life or Life(user, client_of(user))
    user.set_password(PASSWORD)
    user.save()
    profile = {
        "nickname": life.marker[:40],
        "top_concern": life.marker,
        "own_key": life.marker,
        "baseline_completed": True,
    }
    assert life.client.call("PUT", "/api/users/me", profile).status_code == 200
    checkin = life.client.call("POST", "/api/checkins", life.form(2020)).json()["checkin"]
    event = life.client.call("POST", "/api/v2/health/events", life.event()).json()
    insights = life.client.call("POST", "/api/v2/insights/generate", {}).json()["insights"]
    feedback = {"helpful": False, "comment": life.marker}
    life.client.call("POST", f"/api/v2/insights/{insights[0]['id']}/feedback", feedback)
    medication = life.client.call("POST", "/api/v2/medications", life.medication()).json()
    dose = {"note": life.marker}
    life.client.call("POST", f"/api/v2/medications/{medication['id']}/doses", dose)
    document = life.client.call("POST", "/api/v2/documents", life.document()).json()
    life.ids = {
        "user_id": user.id,
        "checkin_id": checkin["id"],
        "event_id": event["id"],
        "insight_id": insights[0]["id"],
        "medication_id": medication["id"],
        "document_id": document["id"],
        # Nobody's: the service is answered the same.
        "job_id": uuid.uuid4(),
    }
    return life


def llama_signature(job_id: uuid.UUID, body: bytes) -> str:
    return signed(body, llama_jobs._secret(job_id))


def sign_up(life: Life) -> Body:
    return {"email": f"new-{life.marker}@example.com", "password": PASSWORD}


# What makes a call succeed: a body for each method that takes one.
BODIES: Final[dict[str, Body | Callable[[Life], Body]]] = {
    "POST /api/analytics/events": lambda life: {
        "event_type": "page_view",
        "event_data": {"marker": life.marker},
    },
    "POST /api/assessments/<str:assessment>/complete": {"answers": {"feeling_down": 1}},
    "POST /api/auth/login": lambda life: {"email": life.user.email, "password": PASSWORD},
    "POST /api/auth/logout": {},
    "POST /api/auth/signup": sign_up,
    "POST /api/cache/clear": {},
    "POST /api/checkins": lambda life: life.form(2021),
    "PUT /api/checkins/<str:checkin_id>": {"user_note": "changed"},
    "POST /api/daily-checkin-enhanced": lambda life: life.form(2021),
    "POST /api/insights/engagement": {"insight_type": "encouragement", "action": "viewed"},
    "POST /api/insights/feedback": {"insight_id": "encouragement_1", "helpful": True},
    "POST /api/insights/generate": {},
    "POST /api/insights/micro": {},
    "POST /api/users": sign_up,
    "PATCH /api/users/baseline": dict.fromkeys(
        ("confidence_meds", "confidence_costs", "confidence_overall"), 3
    ),
    "POST /api/users/complete-onboarding": {},
    "PATCH /api/users/cycle-stage": {"cycle_stage": "stimulation"},
    "PUT /api/users/me": {"top_concern": "changed"},
    "PATCH /api/users/medication-status": {"medication_status": "taking"},
    "PUT /api/users/profile": {"top_concern": "changed"},
    "POST /api/health-events": lambda life: life.event(),
    "POST /api/v2/assessments/<str:assessment>/complete": {"answers": {"feeling_down": 1}},
    "POST /api/v2/auth/login": lambda life: {"email": life.user.email, "password": PASSWORD},
    "POST /api/v2/auth/password": {
        "current_password": PASSWORD,
        "new_password": "another horse battery",
    },
    "POST /api/v2/auth/refresh": lambda life: {"refresh_token": life.session["refresh_token"]},
    "POST /api/v2/auth/revoke": lambda life: {"token": life.session["refresh_token"]},
    "POST /api/v2/auth/signup": sign_up,
    "POST /api/v2/documents/progress-stream": {},
    "POST /api/v2/documents/search": lambda life: {"query": life.marker},
    "POST /api/v2/documents": lambda life: life.document(),
    "PATCH /api/v2/documents/<uuid:document_id>": {"document_type": "policy"},
    "POST /api/v2/documents/<uuid:document_id>/cancel": {},
    "POST /api/v2/documents/<uuid:document_id>/content-link": {},
    "POST /api/v2/documents/<uuid:document_id>/retry": {},
    "POST /api/v2/health/events": lambda life: life.event(),
    "POST /api/v2/health/events/batch": lambda life: {"events": [life.event()] * 3},
    "POST /api/v2/health/events/<uuid:event_id>/corrections": {
        "event_data": {"text": "changed"},
        "reason": "a slip",
    },
    "POST /api/v2/health/events/<uuid:event_id>/retractions": {"reason": "a slip"},
    "POST /api/medications/<uuid:medication_id>/take": lambda life: {"note": life.marker},
    "POST /api/v2/medications": lambda life: life.medication(),
    "PATCH /api/v2/medications/<uuid:medication_id>": {"notes": "changed"},
    "POST /api/v2/medications/<uuid:medication_id>/doses": lambda life: {"note": life.marker},
    "POST /api/v2/medications/<uuid:medication_id>/pause": {},
    "POST /api/v2/medications/<uuid:medication_id>/resume": {},
    "POST /api/v2/medications/<uuid:medication_id>/stop": {},
    "POST /api/v2/insights/generate": {},
    "POST /api/v2/insights/<uuid:insight_id>/feedback": {"helpful": True},
    "POST /api/v2/insights/<uuid:insight_id>/interactions": {"action": "viewed"},
    "POST /api/v2/webhooks/llama-parse/<uuid:job_id>": {},
    "POST /ofrep/v1/evaluate/flags": {"context": {"app_version": "1.0"}},
    "POST /ofrep/v1/evaluate/flags/<flag:key>": {"context": {"app_version": "1.0"}},
}


# What makes it succeed beside the body and the token.
HEADERS: Final[dict[str, Callable[[Life], dict[str, str]]]] = {
    "POST /api/v2/webhooks/llama-parse/<uuid:job_id>": lambda life: {
        "LC_Signature": llama_signature(life.ids["job_id"], b"{}")
    },
}

# Routes that succeed for staff alone.
STAFF_ONLY: Final = {"POST /api/cache/clear", "GET /api/cache/stats"}


def body_of(route: Route, life: Life) -> Body | None:
    if route.method not in {"POST", "PUT", "PATCH"}:
        return None
    body = BODIES[str(route)]
    return body(life) if callable(body) else body


def headers_of(route: Route, life: Life) -> dict[str, str]:
    headers = HEADERS.get(str(route))
    return headers(life) if headers else {}


def call(route: Route, life: Life) -> Any:
    body, headers = body_of(route, life), headers_of(route, life)
    return life.client.call(route.method, route.path(life.ids), body, **headers)


def patterns(prefix: str = "", resolver: Any = None) -> Iterator[tuple[str, Any]]:
    """Walk the tree of paths: whole template and callback of each."""
    for pattern in (resolver or get_resolver()).url_patterns:
        template = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from patterns(template, pattern)
        else:
            yield template, pattern.callback


def view_of(callback: Any) -> Any:
    return getattr(callback, "cls", None) or getattr(callback, "view_class", None)


def api_routes() -> list[Route]:
    return [
        Route(method.upper(), template, view)
        for template, callback in patterns()
        if template.startswith(APIS) and (view := view_of(callback))
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(view, method)
    ]
