"""Two clinics of the same shape, and a life for each of their people, full of markers.

North is who asks; South is whose secrets must not be seen. Alice and Bob are people of North and
Anna its staff; Charlie and Dora are people of South and Sven its staff.
"""

import datetime as dt
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import Error, transaction
from django.utils import timezone

from accounts import services as accounts
from accounts.models import LoginThrottle, Tenant, User, UserProfile
from core.models import uuid7
from documents.models import Document
from documents.services import staff as document_staff
from flags import services as flags
from flags import targeting
from flags.types import Definition
from health import checkins
from insights import services as insights
from insights.models import SafetyAlert
from legacy.models import LegacyImport, LegacyRecord
from tests.assessments.answers import SLEEP, make_definition
from tests.conftest import token_of
from tests.flag_sets import Flags
from tests.house import routes
from tests.house.catalog import rows
from tests.house.test_catalog import CLASSES, OF_SOMEBODY, PERSON_KEY, TENANT_KEY
from tests.proof.calls import Answer, Caller, Ledger, Sight
from tests.proof.findings import Section
from tests.proof.markers import Markers, Secret, markers_in

NORTH, SOUTH = "North", "South"
CAST: Final = {"alice": NORTH, "bob": NORTH, "charlie": SOUTH, "dora": SOUTH}
STAFF: Final = {"anna": NORTH, "sven": SOUTH}
# Whose secrets each caller may see, beside their own.
MAY_SEE: Final = {
    "alice": {NORTH},
    "bob": {NORTH},
    "dora": {SOUTH},
    "anna": {NORTH},
    "anna's console": {NORTH, "alice", "bob", "anna"},
    "key of North": {NORTH},
    "nobody": set[str](),
}
PATIENCE: Final = 180
# Tables of somebody that hold no row of South, and why that is right.
MAY_BE_EMPTY: Final = {
    "metric_marks": "marks are folded within seconds",
}


class Life(routes.Life):
    """A life of the house tests, in which every text is another marker."""

    markers: Markers
    name: str

    @property
    def marker(self) -> str:
        return self.markers.new(self.name, self.place)

    @marker.setter
    def marker(self, _: str) -> None:
        self.place = "house life"


@dataclass
class Somebody:
    name: str
    user: User
    life: Any
    caller: Caller

    @property
    def ids(self) -> dict[str, Any]:
        ids: dict[str, Any] = self.life.ids
        return ids


@dataclass
class World:
    markers: Markers
    ledger: Ledger
    url: str
    is_quick: bool = False
    people: dict[str, Somebody] = field(default_factory=dict)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    flag: str = ""
    # What clients of South have sent or been given: cursors, entity tags, keys of repeated calls.
    given: dict[str, dict[str, str]] = field(default_factory=dict)

    def word(self, owner: str, place: str) -> str:
        return self.markers.new(owner, place)

    def caller(self, name: str) -> Caller:
        if name in self.people:
            return self.people[name].caller
        headers = {"X-API-Key": self.keys[NORTH]} if name == "key of North" else {}
        return Caller(name, self.url, self.ledger, headers=headers)

    def renew(self, name: str) -> None:
        """Give a new token, as some calls end all sessions."""
        user = User.objects.get(pk=self.people[name].user.pk)
        # A token of the very second in which sessions were ended would be one of them.
        user.tokens_valid_from -= dt.timedelta(seconds=2)
        user.save(update_fields=["tokens_valid_from"])
        token = token_of(user)
        self.people[name].caller.client.headers["Authorization"] = f"Bearer {token}"


def restore_password(world: World, name: str) -> None:
    user = User.objects.get(pk=world.people[name].user.pk)
    user.set_password(routes.PASSWORD)
    user.save(update_fields=["password"])
    LoginThrottle.objects.all().delete()


def fill(world: World) -> None:
    for name in (NORTH, SOUTH):
        word = world.word(name, "tenants.name")
        world.tenants[name] = Tenant.objects.create(
            name=f"{name} {word}", slug=f"{name}-{word}".lower()
        )
    for name, tenant in (CAST | STAFF).items():
        world.people[name] = _enroll(world, name, world.tenants[tenant])
    _add_flag(world)
    for name in CAST | STAFF:
        _live(world, world.people[name])
    for tenant in (NORTH, SOUTH):
        _of_clinic(world, tenant)
    wait_for_documents()


def _enroll(world: World, name: str, tenant: Tenant) -> Somebody:
    word = world.word(name, "users.email")
    user = User(
        id=uuid7(), email=f"{name}.{word}@example.com", tenant=tenant, is_staff=name in STAFF
    )
    user.set_password(routes.PASSWORD)
    user.save()
    nickname = world.word(name, "user_profiles.nickname")
    UserProfile.objects.create(
        user=user, tenant=tenant, nickname=nickname, timezone="America/Los_Angeles"
    )
    headers = {"Authorization": f"Bearer {token_of(user)}"}
    caller = Caller(name, world.url, world.ledger, headers=headers)
    Life.markers, Life.name, Life.place = world.markers, name, "house life"
    kind = type("Life", (Life,), {"name": name, "markers": world.markers})
    return Somebody(name, user, kind(user, caller), caller)


def _live(world: World, somebody: Somebody) -> None:
    """The life of the house tests (tests/house/routes.py), and what it leaves out."""
    made = routes.live(somebody.user, life=somebody.life)
    somebody.life = made
    caller, name = somebody.caller, somebody.name
    world.renew(name)
    told = {
        field: world.word(name, f"profile.{field}")
        for field in ("nickname", "primary_need", "top_concern", "onboarding_path", "own_key")
    }
    _good(caller.call("PUT", "/api/users/me", told | {"timezone": "Europe/Berlin"}))
    keys = world.given.setdefault(name, {})
    for number, event in enumerate(_events(world, name)):
        sent = {"X_Request_ID": world.word(name, "X-Request-ID")}
        if number % 2:
            # An event's own id would be taken instead.
            del event["client_event_id"]
            keys["idempotency key"] = f"{name}-{world.word(name, 'Idempotency-Key')}"
            sent["Idempotency_Key"] = keys["idempotency key"]
        answer = caller.call("POST", "/api/v2/health/events", event, **sent)
        _good(answer)
    _good(caller.call("POST", "/api/checkins", _form(world, somebody)))
    _correct(world, somebody)
    for questions, answers in (
        ("phq-9", range(1, 10)),
        ("phq-4", range(1, 5)),
        ("gad-7", range(1, 8)),
    ):
        body: dict[str, Any] = {"answers": {f"q{number}": 3 for number in answers}}
        body["client_event_id"] = world.word(name, "assessments.client_event_id")
        _good(caller.call("POST", f"/api/v2/assessments/{questions}/complete", body))
    _take(world, somebody)
    _upload(world, somebody)
    _engage(world, somebody)
    caller.call(
        "POST",
        "/api/v2/auth/login",
        {"email": somebody.user.email, "password": world.word(name, "a wrong password")},
    )
    session = caller.call(
        "POST", "/api/v2/auth/login", {"email": somebody.user.email, "password": routes.PASSWORD}
    )
    somebody.life.__dict__["session"] = _good(session).json()
    _by_hand(world, somebody)


def _good(answer: Answer) -> Answer:
    if answer.status_code >= 300:
        raise RuntimeError(
            f"The world could not be made: {answer.status_code} {answer.content[:400]!r}"
        )
    return answer


def _events(world: World, name: str) -> Iterator[dict[str, Any]]:
    """One event of every type, from the examples of its own schema."""
    for kind, body in event_bodies():
        word = world.word(name, f"event {kind}")
        yield {
            "event_type": kind,
            "event_data": body | {f"own_{world.word(name, 'a key')}": [word, {"deep": word}]},
            "client_event_id": world.word(name, "client_event_id"),
            "source": world.word(name, "event source"),
            "source_version": world.word(name, "event source_version"),
            "event_subtype": world.word(name, "event_subtype"),
        }


def event_bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    bodies: dict[str, dict[str, Any]] = {
        "mood": {"mood": "calm"},
        "medication": {"name": "Letrozole", "status": "taken"},
        "symptom": {"name": "cramps", "severity": 3},
        "assessment": {"instrument": "own", "score": 4},
        "vital": {"name": "weight", "value": 61.5, "unit": "kg"},
        "treatment": {"name": "transfer"},
        "appointment": {"title": "scan"},
        "note": {"text": "words"},
        "sleep": {"hours": 7},
        "exercise": {"activity": "walk", "minutes": 30},
    }
    yield from bodies.items()


def _form(world: World, somebody: Somebody) -> dict[str, Any]:
    """Every text of the old form, beside keys of its own."""
    form: dict[str, Any] = {
        "date_submitted": somebody.life.day(2019),
        "confidence_today": 7,
    }
    for each in checkins.FIELDS:
        word = world.word(somebody.name, f"check-in {each.name}")
        if isinstance(each.kind, checkins.Text):
            form[each.name] = word
        elif isinstance(each.kind, checkins.Texts):
            form[each.name] = [word]
    return form | {f"own_{somebody.name}": world.word(somebody.name, "check-in own key")}


def _correct(world: World, somebody: Somebody) -> None:
    name, caller = somebody.name, somebody.caller
    path = "/api/v2/health/events"
    for kind in ("corrections", "retractions"):
        event = {"event_type": "note", "event_data": {"text": world.word(name, "note")}}
        made = _good(caller.call("POST", path, event)).json()
        change: dict[str, Any] = {"reason": world.word(name, f"reason of {kind}")}
        if kind == "corrections":
            change["event_data"] = {"text": world.word(name, "corrected note")}
        _good(caller.call("POST", f"{path}/{made['id']}/{kind}", change))
    first = _good(caller.call("GET", "/api/v2/health/timeline?limit=1"))
    world.given[name]["cursor"] = first.json()["next"]
    one = _good(caller.call("GET", f"{path}/{somebody.ids['event_id']}"))
    world.given[name]["entity tag"] = one.header("ETag")


def _take(world: World, somebody: Somebody) -> None:
    name, caller = somebody.name, somebody.caller
    medication = {
        field: world.word(name, f"medication.{field}")
        for field in ("medication_name", "notes", "dosage")
    }
    made = _good(
        caller.call(
            "POST", "/api/v2/medications", medication | {"times_of_day": ["08:00", "20:00"]}
        )
    ).json()
    for status in ("taken", "missed", "skipped"):
        dose = {
            field: world.word(name, f"dose.{field}")
            for field in ("dose", "reason", "note", "client_event_id")
        }
        caller.call("POST", f"/api/v2/medications/{made['id']}/doses", dose | {"status": status})


def _upload(world: World, somebody: Somebody) -> None:
    name = somebody.name
    texts = {
        "md": "# {}\n\nThe transfer is on Tuesday, says {}.\n\n## {}\n\n{} and {}.\n",
        "txt": "A letter of the clinic about {}.\n\n{}\n{} {} {}\n",
        "html": "<html><head><title>{}</title></head><body><h1>{}</h1><p>{} {} {}</p></body></html>",
        # Not what it says it is: this one fails.
        "pdf": "%PDF-1.7\n{} {} {} {} {}\n",
    }
    for kind, text in texts.items():
        if world.is_quick and kind not in {"md", "pdf"}:
            continue
        words = [world.word(name, f"text of a .{kind}") for _ in range(5)]
        file_name = f"{world.word(name, 'file name')}.{kind}"
        form = {
            "file": SimpleUploadedFile(file_name, text.format(*words).encode()),
            "metadata": json.dumps(
                {world.word(name, "metadata key"): world.word(name, "metadata")}
            ),
        }
        answer = _good(somebody.caller.call("POST", "/api/v2/documents", form))
        if kind == "md":
            somebody.ids["document_id"] = answer.json()["id"]
    world.given[name]["words"] = "transfer Tuesday"


def _engage(world: World, somebody: Somebody) -> None:
    name, caller, ids = somebody.name, somebody.caller, somebody.ids
    path = f"/api/v2/insights/{ids['insight_id']}"
    for action in ("viewed", "shared", "acted_on"):
        context = {world.word(name, "a key"): world.word(name, "interaction context")}
        caller.call("POST", f"{path}/interactions", {"action": action, "context": context})
    comment = world.word(name, "feedback comment")
    _good(caller.call("POST", f"{path}/feedback", {"helpful": True, "comment": comment}))
    kind = world.word(name, "analytics event_type")
    event = {"event_type": kind, "event_data": {"page": world.word(name, "analytics")}}
    _good(caller.call("POST", "/api/analytics/events", event))
    context = {
        "targetingKey": str(somebody.user.pk),
        "email": somebody.user.email,
        "plan": world.word(name, "flag context"),
    }
    caller.call("POST", f"/ofrep/v1/evaluate/flags/{world.flag}", {"context": context})
    caller.call("POST", "/ofrep/v1/evaluate/flags", {"context": context})


def _by_hand(world: World, somebody: Somebody) -> None:
    """What only commands write that bring an old database over, or that wait for a service."""
    name, user = somebody.name, somebody.user
    LegacyImport.objects.create(
        tenant=user.tenant, user=user, source=world.word(name, "legacy source"),
        source_key=world.word(name, "legacy key"), source_digest=world.word(name, "legacy digest"),
        counts={world.word(name, "a key"): 1}, imported_at=timezone.now(),
    )  # fmt: skip
    LegacyRecord.objects.create(
        tenant=user.tenant, user=user, source_table="old_table",
        source_key=world.word(name, "legacy record"), created_at=timezone.now(),
        content={"text": world.word(name, "legacy content")},
    )  # fmt: skip


def add_jobs(world: World) -> None:
    """Jobs of the parsing service, which beat would clean away: call it when beat has ended."""
    for name in CAST | STAFF:
        somebody = world.people[name]
        user, job = somebody.user, uuid7()
        rows(
            "INSERT INTO llama_parse_jobs"
            " (id, tenant_id, user_id, document_id, run, vendor_job_id, polls)"
            " VALUES (%s, %s, %s, %s, 99, %s, 0)",
            [
                *(job, user.tenant_id, user.pk, uuid.uuid4()),
                world.word(name, "vendor_job_id"),
            ],
        )
        somebody.ids["job_id"] = job


def _add_flag(world: World) -> None:
    """One flag that aims at everybody by e-mail, id and clinic, and keeps every evaluation."""
    people = world.people.values()
    world.flag = "proof_flag"
    switches = Flags()
    switches.change("realtime_progress", is_enabled=True)
    switches.roll_out("realtime_progress", 100)
    definition = Definition(
        key=world.flag,
        description="Targets people of both clinics.",
        is_enabled=True,
        enabled_user_ids=[one.user.pk for one in people],
        enabled_user_emails=[targeting.email_hash("proof", one.user.email) for one in people],
        enabled_tenant_ids=[world.tenants[NORTH].pk, world.tenants[SOUTH].pk],
        salt="proof",
        record_all=True,
    )
    flags.create_flag(definition=definition, actor=flags.Actor("proof"), now=timezone.now())


def _of_clinic(world: World, tenant: str) -> None:
    """Keys, questionnaires, acknowledged alerts and certificates of erasure."""
    clinic = world.tenants[tenant]
    _, world.keys[tenant] = accounts.create_api_key(
        name=world.word(tenant, "api_keys.name"),
        scopes=["flags:evaluate"],
        tenant_id=clinic.pk,
        environment="",
        expires_at=None,
        created_by_id=None,
    )
    gone = User(
        id=uuid7(), email=f"{world.word(tenant, 'an erased e-mail')}@example.com", tenant=clinic
    )
    gone.set_password(None)
    gone.save()
    UserProfile.objects.create(user=gone, tenant=clinic, nickname="gone", timezone="Europe/Berlin")
    accounts.erase_person(
        user_id=gone.pk,
        requested_by=world.word(tenant, "erasure requested_by"),
        reason=world.word(tenant, "erasure reason"),
    )


def see_to(world: World) -> None:
    """What staff do of their own clinic, when insights and documents are there."""
    for name, tenant in STAFF.items():
        clinic, staff = world.tenants[tenant], world.people[name].user
        title = f"Sleep {world.word(tenant, 'assessment_definitions.title')}"
        content = SLEEP | {"intro": f"In the last days? {world.word(tenant, 'questionnaire')}"}
        make_definition(clinic, title=title, content=content)
        now = timezone.now()
        for alert in SafetyAlert.objects.filter(tenant=clinic)[:2]:
            note = world.word(tenant, "alert note")
            insights.acknowledge(alert=alert, by=staff.pk, note=note, now=now)
        failed = list(
            Document.objects.filter(tenant=clinic, status="failed").values_list("pk", flat=True)
        )
        document_staff.acknowledge(
            documents=failed, actor_id=staff.pk, note=f"Seen: {world.word(tenant, 'staff note')}"
        )


def add_missing(world: World) -> None:
    """A row of each clinic in every table of somebody that nothing has written to so far.

    What only clocks, queues and commands write; all texts are markers where its rules let them.
    """
    for table in OF_SOMEBODY:
        key = TENANT_KEY.get(table, "tenant_id")
        columns = {name: (kind, is_needed) for name, kind, is_needed in rows(COLUMNS, [table])}
        if table in MAY_BE_EMPTY or key not in columns:
            continue
        if rows(f"SELECT 1 FROM {table} WHERE {key} = %s LIMIT 1", [world.tenants[SOUTH].pk]):
            continue
        chosen = _choices(table)
        for name in ("alice", "charlie"):
            user = world.people[name].user
            own = {"tenant_id": user.tenant_id, "user_id": user.pk, "subject_id": user.pk}
            for with_texts in (True, False):
                values = {
                    column: own.get(column)
                    or chosen.get(column)
                    or _any_value(world, name, f"{table}.{column}", kind)
                    for column, (kind, is_needed) in columns.items()
                    if column in own or is_needed or (with_texts and kind == "text")
                }
                if _inserted(table, values):
                    break


COLUMNS: Final = """
SELECT attname::text, format_type(atttypid, NULL),
       attnotnull AND NOT atthasdef AND attidentity = '' AND attgenerated = ''
  FROM pg_attribute
 WHERE attrelid = %s::regclass
   AND attnum > 0
   AND NOT attisdropped
"""


def _choices(table: str) -> dict[str, Any]:
    """Columns that hold one of the program's own words, and the first of them."""
    models = [one for one in apps.get_models() if one._meta.db_table == table]
    return {
        field.attname: field.choices[0][0]
        for model in models
        for field in model._meta.concrete_fields
        if field.choices
    }


def _any_value(world: World, name: str, place: str, kind: str) -> Any:
    if kind in {"text", "character varying"}:
        return world.word(name, place)
    known: dict[str, Any] = {
        "uuid": uuid7(),
        "timestamp with time zone": timezone.now(),
        "date": timezone.now().date(),
        "boolean": False,
        "bytea": uuid.uuid4().bytes * 2,
        "jsonb": json.dumps({"text": world.word(name, place)}),
    }
    return known.get(kind, 1)


def _inserted(table: str, values: dict[str, Any]) -> bool:
    listed, places = ", ".join(values), ", ".join(["%s"] * len(values))
    try:
        with transaction.atomic():
            rows(f"INSERT INTO {table} ({listed}) VALUES ({places})", list(values.values()))
    except Error:
        return False
    return True


def wait_for_documents() -> None:
    """Every document comes to its end, in the real workers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        waiting = rows("SELECT count(*) FROM documents WHERE status NOT IN ('completed', 'failed')")
        if waiting == [(0,)]:
            return
        time.sleep(0.3)
    raise RuntimeError(f"Documents did not come to an end within {PATIENCE} s.")


def settle() -> None:
    """Wait until what events set off is done: folded metrics, insights, alerts."""
    deadline = time.monotonic() + 40
    before: Any = None
    while time.monotonic() < deadline:
        now = rows("SELECT (SELECT count(*) FROM metric_marks), (SELECT count(*) FROM insights)")
        if now == before and now[0][0] == 0:
            return
        before = now
        time.sleep(2.5)


# Whose is what


def owners(world: World) -> dict[str, Secret]:
    """Every id of a row of somebody: hexadecimal digits → whose."""
    names = {str(one.user.pk): one.name for one in world.people.values()}
    names |= {str(clinic.pk): name for name, clinic in world.tenants.items()}
    people = {key.replace("-", ""): Secret(name, "id", "users.id") for key, name in names.items()}
    found: dict[str, set[Secret]] = {}
    for table in OF_SOMEBODY:
        is_personal = CLASSES[table] == "person"
        key = (
            PERSON_KEY.get(table, "user_id") if is_personal else TENANT_KEY.get(table, "tenant_id")
        )
        columns = [
            name
            for (name,) in rows(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
                " AND table_schema = 'public' AND data_type = 'uuid'",
                [table],
            )
            # A row of a clinic names people in other columns.
            if (name != "tenant_id" if is_personal else name == "id")
        ]
        if not columns or key not in {name for name, *_ in rows(COLUMNS, [table])}:
            continue
        listed = ", ".join(f"{column}::text" for column in columns)
        for owner, *values in rows(f"SELECT {key}::text, {listed} FROM {table}"):
            if owner in names:
                for column, value in zip(columns, values, strict=True):
                    if value:
                        secret = Secret(names[owner], "id", f"{table}.{column}")
                        found.setdefault(value.replace("-", ""), set()).add(secret)
    return {
        token: next(iter(secrets))
        for token, secrets in found.items()
        # What two people share, such as the key of a model, is nobody's.
        if len({secret.owner for secret in secrets}) == 1
    } | people


def judge(world: World, section: Section) -> None:
    """No caller has seen a marker or an id that is not theirs and that they did not send."""
    known = owners(world) | world.markers.known
    world.markers.known = known
    for (caller, token), sight in sorted(world.ledger.sights.items()):
        secret = known.get(token)
        if secret is None or caller not in MAY_SEE:
            continue
        may_see = MAY_SEE[caller] | {caller}
        # What somebody put into rows of their own is theirs there, wherever they had it from.
        kept = any(token in world.ledger.kept.get(name, ()) for name in may_see)
        if secret.owner in may_see or kept or _is_told(caller, secret, sight):
            continue
        section.found(f"{caller} saw {world.markers.name_of(token)}", sight.request)


def _is_told(caller: str, secret: Secret, sight: Sight) -> bool:
    """People are told which staff of their own clinic looked at their record."""
    return (
        sight.request.startswith("GET /api/v2/me/access-log")
        and secret.place == "users.id"
        and secret.owner in STAFF
        and (CAST | STAFF).get(caller) == STAFF[secret.owner]
    )


def rows_of(world: World, *people: str) -> dict[str, list[str]]:
    """Every row of these people, as text."""
    ids = [str(world.people[name].user.pk) for name in people]
    return {
        table: [
            text
            for (text,) in rows(
                f"SELECT t::text FROM {table} t"
                f" WHERE {PERSON_KEY.get(table, 'user_id')}::text = ANY(%s) ORDER BY 1",
                [ids],
            )
        ]
        for table in OF_SOMEBODY
        if CLASSES[table] == "person"
    }


def coverage(world: World, section: Section) -> None:
    """Every table of somebody has rows of South, and the texts in them hold markers."""
    clinic = str(world.tenants[SOUTH].pk)
    texts = marked = 0
    bare: list[str] = []
    for table in OF_SOMEBODY:
        key = TENANT_KEY.get(table, "tenant_id")
        if key not in {name for name, *_ in rows(COLUMNS, [table])}:
            section.found(f"{table} is said to be of somebody, and has no column {key}")
            continue
        whole = rows(f"SELECT to_jsonb(t) FROM {table} t WHERE {key}::text = %s", [clinic])
        section.expect(
            whole or table in MAY_BE_EMPTY,
            f"{table} has no row of South: nothing is proven about it",
            "Give it one in tests/proof/world.py.",
        )
        for (name,) in rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
            " AND table_schema = 'public'"
            " AND data_type IN ('text', 'character varying', 'jsonb', 'json', 'ARRAY')",
            [table],
        ):
            texts += 1
            values = json.dumps(
                [
                    row[0].get(name) if isinstance(row[0], dict) else json.loads(row[0]).get(name)
                    for row in whole
                ]
            )
            if markers_in(values.encode()):
                marked += 1
            else:
                bare.append(f"{table}.{name}")
    section.fact("Tables of somebody", len(OF_SOMEBODY))
    section.fact("Columns of text or JSON in them", texts)
    section.fact("… with markers", marked)
    section.notes.append(
        "Columns that hold words of the program's own, hashes or sealed bytes, and so no marker: "
        + ", ".join(bare)
        + "."
    )
