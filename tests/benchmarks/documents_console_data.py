"""Documents of three clinics over four months, as the pipeline and people would have left them.

Nearly all are completed. One in thirty failed, for causes as frequent as in life, part of them in one
outage; some were retried, cancelled, acknowledged; a few hundred are on their way, some of them stuck.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psycopg

from tests.benchmarks import servers
from tests.benchmarks.servers import Stage

Connection = psycopg.Connection[tuple[object, ...]]
Row = tuple[object, ...]

CLINICS = ("Fertility Center North", "Praxis am Park", "Clínica Aurora")
# The first clinic has about half of all people.
WEIGHTS = (5, 3, 2)
DOCUMENTS_EACH = 12
DAYS = 120
STAGES = ("processing", "chunking", "embedding")
# Code, stage, detail, whether more tries follow, and how often in a thousand failures.
FAILURES = (
    ("no_text", "processing", "12 pages, 0 characters.", False, 240),
    ("password_required", "processing", "", False, 180),
    ("damaged", "processing", "PdfError: xref table not found.", False, 90),
    ("unsupported", "processing", "application/msword", False, 70),
    ("resource_limit", "processing", "Killed by SIGKILL, 2,048 MiB.", False, 40),
    ("type_mismatch", "processing", "text/plain named .pdf.", False, 30),
    ("upload_interrupted", "uploading", "", False, 70),
    ("worker_lost", "processing", "", True, 30),
    ("storage_unavailable", "processing", "The storage answered 503.", True, 40),
    ("provider_quota", "processing", "402 Payment Required.", True, 30),
    ("embedder_rejected", "embedding", "768 dimensions; 384 are on record.", True, 20),
    ("internal_error", "chunking", "KeyError at chunking.py:88", True, 10),
)
OUTAGE = ("embedder_unavailable", "embedding", "Connection refused.", True, 0)
KINDS = (
    ("application/pdf", 70),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", 15),
    ("text/plain", 8),
    ("text/html", 4),
    ("text/markdown", 3),
)
DOCUMENTS = (
    "id, tenant_id, user_id, original_filename, file_size, content_type, file_hash, storage_path,"
    " document_type, metadata, status, progress_percentage, run, fence, due_at, leased_by, tries,"
    " losses, progress_at, stage_started_at, processing_started_at, processing_completed_at,"
    " error_code, error_message, failed_stage, failed_at, page_count, extracted_text_length,"
    " warnings, total_chunks, processed_chunks, failed_chunks, created_at, updated_at"
)
ATTEMPTS = (
    "id, tenant_id, user_id, document_id, run, stage, number, fence, worker, started_at, ended_at,"
    " outcome, error_code, detail, retry_at"
)
ACTIONS = "id, tenant_id, user_id, document_id, action, actor_id, reason, created_at"


@dataclass(frozen=True)
class Member:
    id: uuid.UUID
    tenant_id: uuid.UUID


@dataclass
class Filed:
    """A document with its tries and what was done with it, as rows of COPY."""

    dice: random.Random
    member: Member
    staff_id: uuid.UUID
    created_at: datetime
    now: datetime
    attempts: list[Row] = field(default_factory=list)
    actions: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.id = new_id(self.dice, self.created_at)
        self.at, self.fence = self.created_at, 0
        self.values: dict[str, object] = {
            "status": "completed",
            "progress": 100,
            "due_at": self.created_at,
            "leased_by": "",
            "tries": 0,
            "completed_at": None,
            "error": ("", "", "", None),
        }
        self.chunks = self.dice.randint(3, 120)

    def attempt(
        self,
        stage: str,
        number: int = 1,
        outcome: str = "succeeded",
        code: str = "",
        **more: object,
    ) -> None:
        seconds = self.dice.lognormvariate(
            {"processing": 1.0, "embedding": 2.0}.get(stage, -1.0), 1
        )
        started = self.at
        self.at = min(started + timedelta(seconds=seconds), self.now)
        self.fence += 1
        worker = f"worker-{self.dice.randint(1, 6)}:{self.dice.randint(20, 27)}"
        ended = None if outcome == "running" else self.at
        self.attempts.append(
            (
                *(new_id(self.dice, started), self.member.tenant_id, self.member.id, self.id, 1),
                *(stage, number, self.fence, worker, started, ended, outcome, code),
                *(more.get("detail", ""), more.get("retry_at")),
            )
        )

    def act(self, action: str, actor_id: uuid.UUID, reason: str, at: datetime) -> None:
        ids = (self.member.tenant_id, self.member.id, self.id)
        self.actions.append((new_id(self.dice, at), *ids, action, actor_id, reason, at))

    def row(self) -> Row:
        kind = self.dice.choices([one for one, _ in KINDS], [often for _, often in KINDS])[0]
        has_text = self.values["status"] in {"completed", "embedding"}
        chunks = self.chunks if has_text else None
        value = self.values
        return (
            *(self.id, self.member.tenant_id, self.member.id, f"Befund {self.dice.random()}.pdf"),
            *(self.dice.randint(4_000, 9_000_000), kind, self.dice.randbytes(32).hex()),
            *(f"documents/{self.id}", "", "{}", value["status"], value["progress"], 1, self.fence),
            *(value["due_at"], value["leased_by"], value["tries"], 0, self.at, self.at),
            *(self.created_at, value["completed_at"], *value["error"]),  # type: ignore[misc]
            *(self.dice.randint(1, 40) if has_text else None, chunks and chunks * 1400, "[]"),
            *(chunks, chunks if value["status"] == "completed" else 0, 0),
            *(self.created_at, self.at),
        )


def complete(filed: Filed) -> None:
    filed.attempt("uploading")
    for stage in STAGES:
        if filed.dice.random() < 0.02:
            filed.attempt(stage, 1, "failed", "storage_unavailable", retry_at=filed.at)
            filed.attempt(stage, 2)
        else:
            filed.attempt(stage)
    filed.values["completed_at"] = filed.at


def fail(filed: Filed, failure: tuple[str, str, str, bool, int]) -> None:
    code, failed_stage, detail, has_tries, _ = failure
    for stage in ("uploading", *STAGES):
        if stage == failed_stage:
            break
        filed.attempt(stage)
    tries = 5 if has_tries else 1
    for number in range(1, tries + 1):
        retry_at = filed.at + timedelta(minutes=2) if number < tries else None
        filed.attempt(failed_stage, number, "failed", code, detail=detail, retry_at=retry_at)
        filed.at = min(filed.at + timedelta(minutes=2 if number < tries else 0), filed.now)
    filed.values |= {
        "status": "failed",
        "progress": {"uploading": 5, "processing": 10, "chunking": 40}.get(failed_stage, 50),
        "error": (code, detail, failed_stage, filed.at),
    }
    is_old = filed.now - filed.at > timedelta(days=14)
    if filed.dice.random() < (0.9 if is_old else 0.15):
        then = min(filed.at + timedelta(hours=filed.dice.randint(1, 40)), filed.now)
        filed.act("acknowledged", filed.staff_id, "The person was told.", then)


def set_on_the_way(filed: Filed) -> None:
    """Waiting, in work, paused for another try, or stuck in one of the three ways."""
    dice = filed.dice
    filed.attempt("uploading")
    stage = dice.choice(STAGES)
    for before in STAGES[: STAGES.index(stage)]:
        filed.attempt(before)
    state = dice.choices(("due", "held", "paused", "late", "lost", "still"), (40, 5, 25, 20, 5, 5))[
        0
    ]
    if state in {"held", "lost", "still"}:
        filed.attempt(stage, outcome="running")
    elif state == "paused":
        again = filed.now + timedelta(minutes=dice.randint(1, 50))
        filed.attempt(stage, 1, "failed", "provider_busy", detail="429", retry_at=again)
    minutes = {"held": -1, "still": -1, "paused": -dice.randint(1, 50), "due": 1}.get(
        state, dice.randint(10, 300)
    )
    age = {"held": 1, "due": 2}.get(state, max(minutes, 30))
    filed.at = filed.now - timedelta(minutes=age)
    filed.values |= {
        "status": stage,
        "progress": {"processing": 20, "chunking": 40, "embedding": 70}[stage],
        "due_at": filed.now - timedelta(minutes=minutes),
        "leased_by": "worker-3:22" if state in {"held", "lost", "still"} else "",
        "tries": int(state == "paused"),
        "error": ("provider_busy", "429", "", None) if state == "paused" else ("", "", "", None),
    }


def stop(filed: Filed) -> None:
    filed.attempt("uploading")
    filed.attempt("processing", outcome="cancelled")
    filed.values |= {"status": "cancelled", "progress": 10, "error": ("", "", "processing", None)}
    filed.act("cancelled", filed.member.id, "", filed.at)


def documents(
    members: Sequence[Member], staff: dict[uuid.UUID, uuid.UUID], count: int, now: datetime
) -> Iterator[Filed]:
    dice = random.Random(47)
    causes = [failure for failure in FAILURES for _ in range(failure[-1])]
    for _ in range(count):
        member = dice.choice(members)
        lot = dice.random()
        hours = dice.random() * hours_back(lot)
        filed = Filed(dice, member, staff[member.tenant_id], now - timedelta(hours=hours), now)
        filed.act("uploaded", member.id, "", filed.created_at)
        if lot < 0.005:
            fail(filed, OUTAGE)
        elif lot < 0.0333:
            fail(filed, dice.choice(causes))
        elif lot < 0.0363:
            set_on_the_way(filed)
        elif lot < 0.0423:
            stop(filed)
        else:
            complete(filed)
        yield filed


def hours_back(lot: float) -> float:
    """The outage lasted a day, and nothing is on its way for longer than six hours."""
    if lot < 0.005:
        return 30
    return 6 if 0.0333 <= lot < 0.0363 else DAYS * 24


def new_id(dice: random.Random, at: datetime) -> uuid.UUID:
    """A uuid of version 7."""
    milliseconds = int(at.timestamp() * 1000)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | 1 << 63 | dice.getrandbits(62))


def fill(stage: Stage, count: int) -> None:
    """Write so many documents, and the people they are of."""
    servers.migrate(stage)
    now = datetime.now(UTC)
    with psycopg.connect(stage.database_url, user="postgres", autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        members, staff = make_people(connection, max(count // DOCUMENTS_EACH, 10))
        rows: dict[str, list[Row]] = {"documents": [], "attempts": [], "actions": []}
        for filed in documents(members, staff, count, now):
            rows["documents"].append(filed.row())
            rows["attempts"] += filed.attempts
            rows["actions"] += filed.actions
        copy(connection, f"documents ({DOCUMENTS})", rows["documents"])
        copy(connection, f"document_attempts ({ATTEMPTS})", rows["attempts"])
        copy(connection, f"document_actions ({ACTIONS})", rows["actions"])
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def copy(connection: Connection, target: str, rows: Sequence[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as lines:
        for row in rows:
            lines.write_row(row)


def make_people(
    connection: Connection, count: int
) -> tuple[list[Member], dict[uuid.UUID, uuid.UUID]]:
    """People of the three clinics, and one of the staff in each."""
    dice = random.Random(53)
    clinics = [uuid.UUID(int=dice.getrandbits(128)) for _ in CLINICS]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO tenants (id, name, slug, is_active, created_at)"
            " VALUES (%s, %s, %s, true, now())",
            [
                (one, name, f"clinic-{i}")
                for i, (one, name) in enumerate(zip(clinics, CLINICS, strict=True))
            ],
        )
        chosen = dice.choices(clinics, WEIGHTS, k=count)
        members = [Member(uuid.UUID(int=dice.getrandbits(128)), clinic) for clinic in chosen]
        staff = {clinic: uuid.UUID(int=dice.getrandbits(128)) for clinic in clinics}
        people = [(one.id, one.tenant_id, f"person-{i:06}", False) for i, one in enumerate(members)]
        people += [(staff[clinic], clinic, f"staff-{i}", True) for i, clinic in enumerate(clinics)]
        cursor.executemany(
            "INSERT INTO users (id, tenant_id, email, password, is_active, is_staff, is_superuser)"
            " VALUES (%s, %s, %s || '@example.org', '!', true, %s, false)",
            people,
        )
    return members, staff


@contextmanager
def filed(stage: Stage, count: int) -> Iterator[Stage]:
    """The stage with a database of its own that has so many documents."""
    name = f"novara_documents_{count}"
    own = urlsplit(stage.database_url)._replace(path=f"/{name}").geturl()
    with stage.connect() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    folder = stage.folder / f"documents-{count}"
    folder.mkdir(exist_ok=True)
    filled = replace(stage, database_url=own, folder=folder)
    fill(filled, count)
    yield filled
