"""People see who looked at their record or changed it, and nothing of anybody else's."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit import services
from audit.models import AuditLog
from audit.types import ActorKind, Category, Looked
from core import gate, origin
from core.origin import Origin
from tests.audit.noted import flush
from tests.conftest import ApiClient
from tests.factories import make_user

pytestmark = pytest.mark.django_db

LOG = "/api/v2/me/access-log"
MOOD = {"event_type": "mood", "event_data": {"mood": "calm"}}


@pytest.fixture
def nurse(alice: User) -> User:
    return make_user(tenant=alice.tenant, email="nurse@clinic.example", is_staff=True)


def look(console_user: User, person: User) -> None:
    console = Client()
    console.force_login(console_user)
    assert console.get(f"/admin/accounts/user/{person.id}/change/").status_code == 200


def entry(person: User, at: dt.datetime | None = None, **changes: Any) -> AuditLog:
    fields: dict[str, Any] = {
        "tenant_id": person.tenant_id,
        "category": "access",
        "event": "record-viewed",
        "actor_kind": "staff",
        "actor_id": uuid.uuid4(),
        "subject_id": person.id,
        "object_type": "health_events",
    } | changes
    if at is not None:
        fields["recorded_at"] = at
    return AuditLog.objects.create(**fields)


def log_of(client: ApiClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.call("GET", f"{LOG}{query}")
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


def test_tells_alice_that_staff_looked(as_alice: ApiClient, alice: User, nurse: User):
    look(nurse, alice)

    first, *_ = log_of(as_alice)

    assert first["by"] == {
        "kind": "staff",
        "name": "Staff of your clinic",
        "id": str(nurse.id),
    }
    assert (first["kind"], first["what"], first["count"]) == ("look", "looked at your account", 1)
    assert dt.datetime.fromisoformat(first["at"]) <= timezone.now()


def test_names_nobody_and_no_network(as_alice: ApiClient, alice: User, nurse: User):
    look(nurse, alice)

    told = as_alice.call("GET", LOG).content.decode()

    assert nurse.email not in told
    assert "127.0.0" not in told


@pytest.mark.parametrize(
    ("kind", "name", "has_id"),
    [
        (ActorKind.ADMINISTRATOR, "An administrator of Novara", True),
        (ActorKind.SERVER, "A server that works for your clinic", False),
        (ActorKind.SYSTEM, "Novara itself", False),
        (ActorKind.ANONYMOUS, "Somebody who was not logged in", False),
        (ActorKind.DATABASE, "Somebody with access to Novara's database", False),
    ],
)
def test_says_in_plain_words_who_it_was(
    as_alice: ApiClient,
    alice: User,
    kind: ActorKind,
    name: str,
    has_id: bool,  # noqa: FBT001
):
    made = entry(alice, actor_kind=kind.value)

    (first,) = [one for one in log_of(as_alice, "?include=all") if one["id"] == str(made.id)]

    assert first["by"]["name"] == name
    assert (first["by"]["id"] is not None) == has_id


def test_calls_the_reader_you_also_where_they_acted_as_staff(alice: User, as_alice: ApiClient):
    made = entry(alice, actor_id=alice.id)

    (first,) = [one for one in log_of(as_alice) if one["id"] == str(made.id)]

    assert first["by"] == {"kind": "you", "name": "You", "id": None}


def test_tells_the_reason_that_was_given(as_alice: ApiClient, alice: User):
    entry(
        alice,
        event="document-disclosed",
        object_type="documents",
        details={"reason": "Asked on the phone.", "page": "x"},
    )

    first = log_of(as_alice)[0]

    assert first["reason"] == "Asked on the phone."
    assert first["what"] == "opened what is in a document of yours"


@pytest.mark.parametrize("event", ["legal-hold-placed", "legal-hold-released", "record-viewed"])
def test_tells_no_reason_that_was_not_meant_for_her(as_alice: ApiClient, alice: User, event: str):
    entry(alice, event=event, details={"reason": "She may be lying about case 12."})

    first = log_of(as_alice)[0]

    assert first["reason"] is None


def test_tells_of_changes_by_others(as_alice: ApiClient, alice: User, nurse: User):
    console = Client()
    console.force_login(nurse)
    console.post(
        "/admin/accounts/user/", {"action": "deactivate", "_selected_action": [str(alice.id)]}
    )
    console.post(
        "/admin/accounts/user/", {"action": "activate", "_selected_action": [str(alice.id)]}
    )
    User.objects.filter(id=alice.id).update(tokens_valid_from="2000-01-01T00:00:00Z")

    changes = [one for one in log_of(as_alice) if one["by"]["kind"] == "staff"]

    assert ("change", "changed your account") in {(one["kind"], one["what"]) for one in changes}


def test_leaves_out_what_novara_itself_did_unless_she_asks(as_alice: ApiClient, alice: User):
    made = str(entry(alice, actor_kind=ActorKind.SYSTEM.value).id)

    by_others, all_of_it = log_of(as_alice), log_of(as_alice, "?include=all")

    assert made not in {one["id"] for one in by_others}
    assert made in {one["id"] for one in all_of_it}


def test_leaves_out_what_alice_did_herself_unless_she_asks(as_alice: ApiClient, alice: User):
    as_alice.call("POST", "/api/v2/health/events", MOOD)
    as_alice.call("GET", "/api/v2/health/timeline")
    flush()

    by_others, all_of_it = log_of(as_alice), log_of(as_alice, "?include=all")

    assert "you" not in {one["by"]["kind"] for one in by_others}
    assert {"read your health events", "added to your health events"} <= {
        one["what"] for one in all_of_it if one["by"]["kind"] == "you"
    }


def test_is_read_page_by_page_newest_first(as_alice: ApiClient, alice: User):
    made = [str(entry(alice).id) for _ in range(7)]
    found: list[str] = []
    query = "?limit=3"
    while query:
        page = as_alice.call("GET", f"{LOG}{query}").json()
        found += [one["id"] for one in page["entries"]]
        query = page["next"] and f"?limit=3&cursor={page['next']}"

    assert [one for one in found if one in made] == made[::-1]
    assert len(set(found)) == len(found)


def test_narrows_to_a_time(as_alice: ApiClient, alice: User):
    days = [dt.datetime(2026, 3, day, tzinfo=dt.UTC) for day in (1, 2, 3)]
    made = [str(entry(alice, at=day).id) for day in days]

    found = log_of(as_alice, "?from=2026-03-02T00:00:00Z&to=2026-03-03T00:00:00Z")

    assert [one["id"] for one in found] == [made[1]]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("?from=yesterday", "from"),
        ("?from=2026-03-02T00:00:00", "from"),
        ("?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "to"),
        ("?include=others", "include"),
        ("?limit=0", "limit"),
        ("?cursor=nonsense", "cursor"),
        ("?cursor=MjAyNi0wMy0wMlQwMDowMDowMFosLTE=", "cursor"),
        ("?user=bob", "user"),
    ],
)
def test_names_the_parameter_that_is_wrong(as_alice: ApiClient, query: str, name: str):
    answer = as_alice.call("GET", f"{LOG}{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == name


def test_is_nobody_elses(as_bob: ApiClient, as_charlie: ApiClient, alice: User, nobody: ApiClient):
    made = str(entry(alice).id)

    for client in (as_bob, as_charlie):
        assert made not in {one["id"] for one in log_of(client, "?include=all")}
    assert nobody.call("GET", LOG).status_code == 401


def test_shows_no_entry_of_others_inside_the_gate(alice: User, bob: User):
    entry(alice)
    entry(bob)

    with gate.as_person(bob.id):
        subjects = set(AuditLog.objects.values_list("subject_id", flat=True))

    assert subjects == {bob.id}


def test_is_noted_as_a_read_itself(as_alice: ApiClient, alice: User):
    log_of(as_alice)
    flush()

    assert AuditLog.objects.filter(subject_id=alice.id, object_type="access log").exists()


def test_keeps_tenants_apart_when_staff_write(alice: User, charlie: User):
    with (
        origin.acting(Origin("staff", str(uuid.uuid4()), "console")),
        gate.as_staff(alice.tenant_id),
    ):
        services.record_looks(
            event="record-viewed",
            object_type="users",
            records=[Looked(charlie.id, charlie.tenant_id)],
        )

    (made,) = AuditLog.objects.filter(subject_id=charlie.id, category=Category.ACCESS)
    assert made.tenant_id == alice.tenant_id
