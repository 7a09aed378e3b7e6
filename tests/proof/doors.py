"""Side doors: whatever carries something of one person to where another one might pick it up."""

import inspect
import subprocess
import sys
import uuid
from contextlib import suppress
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import Error

from accounts.models import User
from config.celery import app
from core import gate
from tests.house import routes
from tests.house.catalog import names, rows
from tests.proof.calls import Answer, Caller
from tests.proof.findings import Section
from tests.proof.fuzz import plain
from tests.proof.markers import markers_in
from tests.proof.world import NORTH, World, wait_for_documents

# What whoever runs the house may call, and what must not tell of anybody.
COMMANDS: Final = (
    ("verify_metrics",),
    ("show_sql",),
    ("flags", "list"),
    ("flags", "export"),
    ("document_keys", "status"),
    ("erase_person", str(uuid.UUID(int=7)), "--reason", "The proof asks."),
    ("check",),
)
PAGES: Final = (
    *("/api/v2/health/timeline", "/api/v2/documents", "/api/v2/insights", "/api/v2/medications"),
    *("/api/v2/assessments/phq-9/responses", "/api/v2/health/events"),
)


def try_all(world: World, section: Section, *, is_quick: bool) -> None:
    _tasks(world, section)
    _cursors(world, section)
    _repeated_calls(world, section)
    _batches(world, section)
    _webhook(world, section)
    _same_file(world, section)
    _ranking(world, section)
    _accounts(world, section)
    _sequences(section)
    if not is_quick:
        _commands(world, section)


def _tasks(world: World, section: Section) -> None:
    """Tasks come with no ids at all; who enters the gate for nobody stays outside."""
    ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    for name, task in sorted(ours.items()):
        told = [one for one in inspect.signature(task.run).parameters if one != "self"]
        section.expect(
            not {"text", "body", "event", "email", "content"} & set(told),
            f"The task {name} carries {told} through the broker.",
        )
    section.fact("Tasks", ", ".join(sorted(name.rpartition(".")[2] for name in ours)))
    off = User.objects.create(
        email=f"{world.word(NORTH, 'somebody switched off')}@example.com",
        tenant=world.tenants[NORTH], is_active=False,
    )  # fmt: skip
    for who in (uuid.uuid4(), off.pk):
        entered = False
        with suppress(gate.AccountOff), gate.as_person(who):
            entered = True
        section.expect(not entered, "A task entered the gate as nobody.")
    stepped = False
    alice = world.people["alice"].user.pk
    with suppress(RuntimeError, Error), gate.as_person(alice), gate.as_system():
        stepped = True
    section.expect(not stepped, "Work inside the gate stepped out of it.")


def _cursors(world: World, section: Section) -> None:
    """A cursor is a place in time: with it one reads on in one's own rows."""
    alice, charlie = world.people["alice"].caller, world.people["charlie"].caller
    tried = 0
    for page in PAGES:
        cursor = _next(charlie.call("GET", f"{page}?limit=1"))
        if cursor is not None:
            tried += 1
            answer = alice.call("GET", f"{page}?limit=5&cursor={cursor}")
            section.expect(answer.status_code in {200, 400}, f"A foreign cursor at {page} fails.")
            for broken in (cursor[:-3], cursor[::-1], f"{cursor}AAAA"):
                answer = alice.call("GET", f"{page}?cursor={broken}")
                section.expect(answer.status_code < 500, f"A broken cursor at {page} fails.")
    section.fact("Cursors of Charlie's that Alice used", tried)


def _next(answer: Answer) -> str | None:
    found: str | None = answer.json().get("next") if answer.status_code == 200 else None
    return found


def _repeated_calls(world: World, section: Section) -> None:
    """A key of Charlie's repeated call is a new one for Alice."""
    alice, charlie = world.people["alice"].caller, world.people["charlie"].caller
    key, path = f"key-{world.word('charlie', 'Idempotency-Key')}", "/api/v2/health/events"

    def send(caller: Caller, text: str) -> Answer:
        event = {"event_type": "note", "event_data": {"text": text}}
        return caller.call("POST", path, event, Idempotency_Key=key)

    his = world.word("charlie", "a note")
    first, hers = send(charlie, his), send(alice, world.word("alice", "a note"))
    again = send(charlie, his)
    section.expect(
        hers.status_code == 201 and not hers.header("Idempotency-Replayed"),
        f"A key of Charlie's was answered to Alice with {hers.status_code}.",
        f"POST {path}",
    )
    section.expect(
        again.status_code < 300 and again.json()["id"] == first.json()["id"],
        "Charlie's own key was not known any more.",
    )


def _batches(world: World, section: Section) -> None:
    """One foreign id among one's own rows is an unknown id, and takes nobody else along."""
    alice, charlie = world.people["alice"], world.people["charlie"]
    for whole in (True, False):
        answers = []
        for medication in (uuid.uuid4(), charlie.ids["medication_id"], uuid.uuid4()):
            note = {"event_type": "note", "event_data": {"text": "one of two"}}
            data = {"status": "taken", "medication_id": str(medication)}
            events = [note, {"event_type": "medication", "event_data": data}]
            body = {"events": events, "all_or_nothing": whole}
            answers.append(alice.caller.call("POST", "/api/v2/health/events/batch", body))
        section.expect(
            plain(answers[1]) in {plain(answers[0]), plain(answers[2])},
            "A batch with an id of Charlie's is not answered like one with an unknown id.",
            "POST /api/v2/health/events/batch",
        )


def _webhook(world: World, section: Section) -> None:
    """Who knows the secret of one job says nothing about another one."""
    alice, charlie = world.people["alice"], world.people["charlie"]
    nobody = world.caller("nobody")
    answers = []
    for job in (uuid.uuid4(), charlie.ids["job_id"], uuid.uuid4()):
        signature = routes.llama_signature(alice.ids["job_id"], b"{}")
        path = f"/api/v2/webhooks/llama-parse/{job}"
        answers.append(nobody.call("POST", path, b"{}", LC_Signature=signature))
    section.expect(
        plain(answers[1]) == plain(answers[0]) and answers[1].status_code >= 400,
        f"The webhook of Charlie's job answers {answers[1].status_code} to Alice's secret.",
    )


def _same_file(world: World, section: Section) -> None:
    """The file that Charlie has is a new one for Alice; for Charlie it is the one that is there."""
    text = f"# {world.word('charlie', 'a shared file')}\n\nThe same bytes.\n".encode()

    def send(name: str) -> Answer:
        form = {"file": SimpleUploadedFile("same.md", text)}
        return world.people[name].caller.call("POST", "/api/v2/documents", form)

    charlies, alices, again = send("charlie"), send("alice"), send("charlie")
    section.expect(
        charlies.status_code == alices.status_code == 201,
        f"Charlie's file is answered to Alice with {alices.status_code}.",
    )
    section.expect(alices.json()["id"] != charlies.json()["id"], "They share a document.")
    section.expect(again.json()["id"] == charlies.json()["id"], "His own file was not known.")


def _ranking(world: World, section: Section) -> None:
    """How Alice's results are ranked does not depend on how often others have a word."""
    alice, charlie = world.people["alice"].caller, world.people["charlie"].caller

    def asked() -> list[Any]:
        answer = alice.call("POST", "/api/v2/documents/search", {"query": "transfer Tuesday"})
        results = answer.json().get("results", [])
        return [(one.get("document_id"), one.get("score")) for one in results]

    wait_for_documents()
    before = asked()
    for number in range(3):
        text = f"# {number}\n\n" + "transfer Tuesday transfer Tuesday clinic. " * 200
        form = {"file": SimpleUploadedFile(f"many-{number}.md", text.encode())}
        charlie.call("POST", "/api/v2/documents", form)
    wait_for_documents()
    after = asked()
    section.expect(before, "Alice's search finds nothing, so nothing is proven.")
    section.expect(before == after, "Alice's scores changed with what Charlie uploaded.")


def _accounts(world: World, section: Section) -> None:
    """A wrong password for somebody is answered like one for nobody, until both are too many."""
    nobody = world.caller("nobody")
    charlie = world.people["charlie"].user.email
    unknown = f"charlie.{world.word('nobody', 'nobody')}@example.com"
    times: dict[str, list[float]] = {charlie: [], unknown: []}
    for path in ("/api/v2/auth/login", "/api/auth/login"):
        for _ in range(7):
            answers = {}
            for email in (charlie, unknown):
                answers[email] = nobody.call(
                    "POST", path, {"email": email, "password": "wrong word"}
                )
                times[email].append(answers[email].seconds)
            if 429 in {one.status_code for one in answers.values()}:
                # Charlie has mistyped before, so his turn comes first.
                break
            section.expect(
                plain(answers[charlie]).replace(charlie, "…")
                == plain(answers[unknown]).replace(unknown, "…"),
                "A wrong password tells whether there is an account.",
                f"POST {path}",
            )
    ratio = sum(times[charlie]) / sum(times[unknown])
    section.fact("Time of a wrong password for somebody, as a ratio to nobody", f"{ratio:.2f}")


def _sequences(section: Section) -> None:
    """No counter that all people share can be read."""
    readable = names(
        "SELECT relname FROM pg_class WHERE CASE relkind WHEN 'S'"
        " THEN has_sequence_privilege('novara_api', oid, 'SELECT, USAGE') ELSE false END"
    )
    section.expect(not readable, f"novara_api can read the counters {sorted(readable)}.")
    for role in ("novara_api",):
        ((can,),) = rows("SELECT has_database_privilege(%s, current_database(), 'TEMP')", [role])
        section.fact(f"{role} may make temporary tables", "yes" if can else "no")


def _commands(world: World, section: Section) -> None:
    """What commands print goes into logs of the house."""
    for command in COMMANDS:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "manage.py", *command],
            cwd=settings.ROOT, capture_output=True, check=False, timeout=120,
        )  # fmt: skip
        found = markers_in(done.stdout + done.stderr) & set(world.markers.known)
        section.expect(not found, f"manage.py {command[0]} prints {len(found)} markers.")
    section.fact("Commands", ", ".join(" ".join(command[:2]) for command in COMMANDS))
