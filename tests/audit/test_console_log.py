"""The console's pages of the audit log: whose entries, in which words, found by what."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit import catalogue
from audit.admin.words import Names, sentence
from audit.models import AuditLog
from audit.types import HOUSE
from core.models import uuid7
from tests.audit.logs import entry
from tests.conftest import client_of
from tests.factories import make_tenant, make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/audit/auditlog/"


@pytest.fixture
def root(client: Client) -> Any:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def as_staff(user: User) -> Any:
    client: Any = Client()
    client.force_login(user)
    return client


def told(answer: Any) -> list[str]:
    return [sentence(row, row.names) for row in answer.context_data["cl"].result_list]


def one(**changes: Any) -> AuditLog:
    return AuditLog.objects.get(id=entry(**changes))


def test_tells_what_happened_in_sentences():
    person = make_user(email="person@example.com")
    staff = make_user(email="staff@example.com", is_staff=True)
    by_staff = {"actor_kind": "staff", "actor_id": staff.id, "outcome": "success"}
    by_person = {"actor_kind": "person", "actor_id": person.id, "outcome": "success"}
    about = {"subject_id": person.id, "tenant_id": person.tenant_id}

    rows = [
        one(event="record-viewed", category="access", **by_staff, **about, object_type="insights"),
        one(event="log-in", subject_id=person.id),
        one(event="log-in"),
        one(event="something-new", object_type="odd_things", object_count=1200, outcome="success"),
        one(event="record-read", **by_person, **about, object_type="profile", object_count=3),
    ]

    assert [sentence(row, Names(rows)) for row in rows] == [
        "Staff member staff@example.com looked at the record of person@example.com: an insight.",
        "A log-in to person@example.com was refused.",
        "A log-in to an account that is not there was refused.",
        "Somebody who was not logged in: Something new, 1,200 odd things.",
        "person@example.com read their own record: profile, 3 times.",
    ]


@pytest.mark.parametrize("event", [*catalogue.SENTENCES])
def test_has_a_sentence_for_each_event(event: str):
    row = one(event=event, outcome="success", object_type="daily_checkins", object_count=3)

    told = sentence(row, Names([row]))

    assert told.endswith(".")
    assert not {"{", "}"} & set(told)


def test_says_whose_entries_were_looked_at():
    person = make_user(email="person@example.com")
    told = {"event": "audit-viewed", "actor_kind": "staff", "outcome": "success"}
    rows = [one(**told, object_type="audit_logs", object_count=2, subject_id=person.id)]

    assert sentence(rows[0], Names(rows)) == (
        "A member of staff looked at what the audit log tells of person@example.com:"
        " 2 entries of the audit log."
    )


def test_says_that_a_table_was_emptied():
    row = one(
        event="rows-truncated",
        category="security",
        outcome="success",
        actor_kind="database",
        object_type="daily_checkins",
    )

    assert sentence(row, Names([row])) == (
        "SQL past the service emptied a whole table, with all check-ins."
    )


def test_says_of_masked_columns_that_they_are(root: Any):
    person = make_user(email="person@example.com")
    person.profile.cycle_stage = "secret-stage"
    person.profile.save()
    row = AuditLog.objects.filter(object_type="user_profiles", event="row-updated").latest("id")

    page = root.get(reverse("admin:audit_auditlog_change", args=[row.id])).content.decode()

    assert "cycle_stage (masked)" in sentence(row, Names([row]))
    assert "of person@example.com" in sentence(row, Names([row]))
    assert "masked: what is in it is not kept here" in page
    assert "secret-stage" not in page


def test_shows_staff_their_own_clinic_alone():
    staff = make_user(tenant=make_tenant(), is_staff=True)
    mine = entry(tenant_id=staff.tenant_id, event="log-out", outcome="success")
    theirs = entry(tenant_id=make_tenant().id)
    of_house = entry(tenant_id=HOUSE)
    client = as_staff(staff)

    shown = {row.id for row in client.get(LIST).context_data["cl"].result_list}

    assert mine in shown
    assert {theirs, of_house} & shown == set()
    assert client.get(f"{LIST}{mine}/change/").status_code == 200
    for hidden in (theirs, of_house):
        assert client.get(f"{LIST}{hidden}/change/").status_code == 302


def test_is_closed_to_people_and_support():
    support = as_staff(make_user(is_staff=True, is_support=True))

    statuses = [
        support.get(f"/admin/audit/{page}/").status_code for page in ("auditlog", "auditalert")
    ]

    assert statuses == [403, 403]
    assert Client().get(LIST).status_code == 302


@pytest.mark.parametrize("page", ["auditalertrule", "auditretention", "auditlegalhold"])
def test_shows_settings_to_superusers_alone(page: str, root: Any):
    staff = as_staff(make_user(is_staff=True))

    assert root.get(f"/admin/audit/{page}/").status_code == 200
    assert staff.get(f"/admin/audit/{page}/").status_code == 403


@pytest.mark.parametrize(
    "chosen",
    [
        *("category=looks", "category=own", "category=change", "category=security"),
        *("event=log-in", "event=row-updated", "kind=person", "kind=anonymous", "outcome=failure"),
        *("when=hour", "when=month", "event=nonsense", "person=nonsense", "alert=nonsense"),
        *("alert=018f0000-0000-7000-8000-000000000000", "q=nobody%40example.com", "q=nonsense"),
        "event=log-in&outcome=failure&when=day&kind=anonymous",
    ],
)
def test_filters(chosen: str, root: Any):
    entry()

    answer = root.get(f"{LIST}?{chosen}")

    assert answer.status_code == 200


def test_finds_refused_log_ins(root: Any):
    refused, other = entry(), entry(event="log-out", outcome="success")

    answer = root.get(f"{LIST}?event=log-in&outcome=failure&when=day")

    shown = {row.id for row in answer.context_data["cl"].result_list}
    assert refused in shown
    assert other not in shown


def test_finds_by_exact_ids(root: Any):
    person, staff = make_user(), uuid.uuid4()
    about = entry(subject_id=person.id, event="record-viewed", outcome="success")
    by = entry(actor_kind="staff", actor_id=staff, event="record-viewed", outcome="success")
    thing = entry(object_id="thing-1")
    theirs = uuid7()
    of_person = entry(subject_id=uuid.uuid4(), object_id=str(theirs))
    request = entry(request_id="request-1")

    found = {
        term: {row.id for row in root.get(LIST, {"q": term}).context_data["cl"].result_list}
        for term in (
            person.email,
            str(person.id),
            str(staff),
            "thing-1",
            "request-1",
            "request-",
            str(theirs),
        )
    }

    assert about in found[person.email] & found[str(person.id)]
    assert [by in found[str(staff)], found["thing-1"], found["request-1"]] == [
        *(True, {thing}, {request})
    ]
    assert found["request-"] == set()
    assert found[str(theirs)] == {of_person}


def test_links_to_timelines(root: Any):
    person = make_user()
    row = entry(subject_id=person.id, object_id="thing-2", request_id="request-2")

    page = root.get(f"{LIST}{row}/change/")

    for words, address in page.context_data["timelines"]:
        shown = {each.id for each in root.get(address).context_data["cl"].result_list}
        assert row in shown, words
    assert len(page.context_data["timelines"]) == 3


def viewed(**which: Any) -> list[AuditLog]:
    return list(AuditLog.objects.filter(event="audit-viewed", **which).order_by("id"))


def test_looking_at_it_is_an_entry(root: Any):
    person = make_user()
    seen = entry(subject_id=person.id, tenant_id=person.tenant_id)

    root.get(f"{LIST}?person={person.id}")
    root.get(f"{LIST}{seen}/change/")

    listed, looked = viewed(category="administration")
    assert (listed.details or {})["filters"] == {"person": str(person.id)}
    assert listed.actor_kind == "administrator"
    assert (looked.object_id, looked.subject_id) == (str(seen), person.id)


def test_tells_people_whose_entries_a_list_showed():
    clinic = make_tenant()
    nurse = make_user(tenant=clinic, is_staff=True)
    first, second = make_user(tenant=clinic), make_user(tenant=clinic)
    seen = [entry(subject_id=who.id, tenant_id=clinic.id) for who in (first, first, second)]

    as_staff(nurse).get(LIST, {"when": "day", "event": "log-in"})
    told = client_of(second).call("GET", "/api/v2/me/access-log").json()["entries"]

    (of_first,), (of_second,) = viewed(subject_id=first.id), viewed(subject_id=second.id)
    assert (of_first.category, of_first.actor_kind, of_first.actor_id) == (
        *("access", "staff", nurse.id),
    )
    assert (of_first.object_count, of_first.object_id) == (2, "")
    assert (of_second.object_count, of_second.object_id) == (1, str(seen[2]))
    assert told[0]["what"] == "looked at what the audit log says of you"
    assert told[0]["by"]["id"] == str(nurse.id)


@pytest.mark.parametrize("name", ["q", "object", "request"])
def test_tells_people_whose_entries_were_found(name: str, root: Any):
    person = make_user()
    key = str(uuid7())
    entry(subject_id=person.id, tenant_id=person.tenant_id, object_id=key, request_id=key)

    root.get(LIST, {name: key} | ({"person": str(person.id)} if name == "object" else {}))

    (look,) = viewed(subject_id=person.id)
    (page,) = viewed(category="administration")
    assert (look.tenant_id, look.actor_kind) == (person.tenant_id, "administrator")
    assert (page.details or {})["filters"][name] == key


def test_does_not_tell_of_looks_at_looks(root: Any):
    person = make_user()
    entry(subject_id=person.id, tenant_id=person.tenant_id)

    for _ in range(4):
        root.get(LIST, {"when": "hour"})

    assert [look.object_count for look in viewed(subject_id=person.id)] == [
        look.object_count for look in viewed(subject_id=person.id)[:1]
    ] * 4


@pytest.mark.parametrize("name", ["q", "object", "request", "person", "before", "event"])
def test_keeps_nothing_that_was_typed(name: str, root: Any):
    for typed in ("somebody@example.com", "+49 171 2345678"):
        root.get(LIST, {name: typed})

    pages = viewed(category="administration")
    assert [(page.details or {})["filters"][name] for page in pages] == ["not kept"] * 2


def test_says_whether_an_entry_is_sealed(root: Any):
    row = entry()

    page = root.get(f"{LIST}{row}/change/").content.decode()

    assert "Not sealed yet" in page


def test_can_be_changed_by_nobody(root: Any):
    row = entry()

    answers = [
        root.post(f"{LIST}{row}/change/", {"event": "nothing"}).status_code,
        root.post(f"{LIST}{row}/delete/", {"post": "yes"}).status_code,
        root.get(f"{LIST}add/").status_code,
    ]

    assert answers == [403, 403, 403]
    assert AuditLog.objects.get(id=row).event == "log-in"
