"""The console's pages of alerts, of their rules, of retention and of legal holds."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import ProgrammingError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import (
    AuditAlert,
    AuditAlertRule,
    AuditLegalHold,
    AuditLog,
    AuditRetention,
)
from audit.types import HOUSE
from core import gate, origin
from core.origin import Origin
from tests.audit.logs import entry, rule
from tests.factories import make_tenant, make_user

pytestmark = pytest.mark.django_db

NOW = dt.datetime.now(dt.UTC)
ALERTS = "/admin/audit/auditalert/"
RULES = "/admin/audit/auditalertrule/"
HOLDS = "/admin/audit/auditlegalhold/"


@pytest.fixture
def boss() -> User:
    return make_user(is_staff=True, is_superuser=True)


@pytest.fixture
def root(client: Client, boss: User) -> Any:
    client.force_login(boss)
    return client


def alert(**changes: Any) -> AuditAlert:
    one = rule(group_by="object")
    fields: dict[str, Any] = {
        "tenant_id": HOUSE,
        "rule_id": one.id,
        "rule_name": one.name,
        "severity": "critical",
        "group_by": "object",
        "group_key": str(uuid.uuid4()),
        "entry_count": 3,
        "first_entry_id": 1,
        "last_entry_id": 3,
        "first_at": NOW - dt.timedelta(hours=3),
        "last_at": NOW,
    }
    return AuditAlert.objects.create(**(fields | changes))


def decide(client: Client, name: str, *alerts: AuditAlert, note: str = "I asked her.") -> Any:
    address = reverse("admin:audit_auditalert_decide", args=[name])
    sent = {"alert": [str(each.pk) for each in alerts], "note": note}
    return client.post(address, sent)


def events(**which: Any) -> list[str]:
    return list(AuditLog.objects.filter(**which).order_by("id").values_list("event", flat=True))


def test_lists_open_ones_first(root: Any):
    done, taken, fresh = (alert(status=state) for state in ("resolved", "acknowledged", "open"))

    rows = root.get(ALERTS).context_data["cl"].result_list

    assert [row.pk for row in rows if row.pk in {done.pk, taken.pk, fresh.pk}] == [
        *(fresh.pk, taken.pk, done.pk)
    ]


def test_says_that_nothing_looks_wrong(root: Any):
    page = root.get(ALERTS).content.decode()

    assert "Nothing looks wrong" in page


def test_shows_staff_their_own_clinic_alone():
    staff = make_user(tenant=make_tenant(), is_staff=True)
    client: Any = Client()
    client.force_login(staff)
    mine, theirs, of_house = (
        *(alert(tenant_id=staff.tenant_id), alert(tenant_id=make_tenant().id), alert()),
    )

    shown = [row.pk for row in client.get(ALERTS).context_data["cl"].result_list]
    answers = [decide(client, "resolve", each) for each in (theirs, of_house, mine)]

    theirs.refresh_from_db()
    mine.refresh_from_db()
    assert shown == [mine.pk]
    assert client.get(f"{ALERTS}{mine.pk}/change/").status_code == 200
    assert client.get(f"{ALERTS}{theirs.pk}/change/").status_code == 302
    assert [answer.status_code for answer in answers] == [302, 302, 302]
    assert (theirs.status, mine.status) == ("open", "resolved")


def test_asks_for_a_note_and_keeps_it(root: Any, boss: User):
    one = alert()

    empty = decide(root, "acknowledge", one, note=" ")
    decide(root, "acknowledge", one, note="I ask her what it was for.")
    page = root.get(f"{ALERTS}{one.pk}/change/").content.decode()

    one.refresh_from_db()
    assert "This field is required." in empty.content.decode()
    assert (one.status, one.acknowledged_by) == ("acknowledged", boss.pk)
    assert "I ask her what it was for." in page
    assert boss.email in page
    written = events(object_id=str(one.pk), category="administration")
    assert written == ["alert-acknowledged"]
    assert "ask her" not in str(list(AuditLog.objects.values_list("details", flat=True)))


def test_decides_about_many_at_once(root: Any):
    first, second, gone = alert(), alert(), alert(status="resolved")

    chosen = {"action": "resolve", "_selected_action": [str(first.pk), str(second.pk)]}
    asked = root.post(ALERTS, chosen)
    page = root.get(asked.url).content.decode()
    answer = decide(root, "resolve", first, second, gone)

    said = [str(message) for message in root.get(answer.url).context["messages"]]
    assert "Resolve 2 alerts" in page
    assert said == [
        "2 alerts are resolved.",
        "One alert had gone further already: a colleague was faster.",
    ]


def test_links_to_its_entries(root: Any):
    person = make_user()
    one = alert(group_key=str(person.id), tenant_id=person.tenant_id)
    event = AuditAlertRule.objects.get(id=one.rule_id).events[0]
    during = NOW - dt.timedelta(hours=1)
    about = {"event": event, "tenant_id": person.tenant_id, "object_id": str(person.id)}
    mine = entry(**about, recorded_at=during)
    entry(**about, recorded_at=NOW - dt.timedelta(days=2))
    entry(**(about | {"object_id": "another"}), recorded_at=during)

    page = root.get(f"{ALERTS}{one.pk}/change/")
    listed = root.get(page.context_data["entries_address"])

    assert [row.id for row in listed.context_data["cl"].result_list] == [mine]


# About oneself


def of(user: User, **changes: Any) -> AuditAlert:
    return alert(group_by="actor", group_key=str(user.pk), **changes)


@pytest.mark.parametrize("name", ["acknowledge", "resolve"])
def test_lets_nobody_decide_about_themselves(name: str, root: Any, boss: User):
    make_user(is_staff=True, is_superuser=True)
    nurse = make_user(tenant=make_tenant(), is_staff=True)
    client: Any = Client()
    client.force_login(nurse)
    hers, his = of(nurse, tenant_id=nurse.tenant_id), of(boss)

    answers = [
        decide(asking, name, each) for asking, each in ((client, hers), (root, his), (root, hers))
    ]

    for each in (hers, his):
        each.refresh_from_db()
    refused = [b"is about what you did yourself" in answer.content for answer in answers]
    assert refused == [True, True, False]
    assert (hers.status == "open", his.status) == (False, "open")
    assert b"about what you did yourself" in root.get(f"{ALERTS}{his.pk}/change/").content


def test_lets_the_only_superuser_decide_about_themselves(root: Any, boss: User):
    User.objects.exclude(pk=boss.pk).update(is_superuser=False)
    make_user(is_staff=True, is_superuser=True, is_active=False)
    own = of(boss)

    decide(root, "resolve", own, note="I made the first account of the new clinic.")

    own.refresh_from_db()
    assert own.status == "resolved"


def test_decides_about_none_of_many_where_one_is_about_oneself(root: Any, boss: User):
    make_user(is_staff=True, is_superuser=True)
    own, other = of(boss), alert()

    decide(root, "resolve", own, other)

    other.refresh_from_db()
    assert other.status == "open"


def test_is_held_by_the_database_as_well():
    nurse = make_user(tenant=make_tenant(), is_staff=True)
    hers = of(nurse, tenant_id=nurse.tenant_id)
    as_nurse = Origin("staff", str(nurse.pk), "console")

    with (
        origin.acting(as_nurse),
        gate.as_staff(nurse.tenant_id),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        AuditAlert.objects.filter(pk=hers.pk).update(status="resolved")


@pytest.mark.parametrize("name", ["acknowledge", "resolve"])
def test_silences_no_mail_that_is_due(name: str):
    nurse = make_user(tenant=make_tenant(), is_staff=True)
    client: Any = Client()
    client.force_login(nurse)
    due = alert(tenant_id=nurse.tenant_id, mail_due_at=NOW)

    decide(client, name, due)
    with (
        gate.as_staff(nurse.tenant_id),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        AuditAlert.objects.filter(pk=due.pk).update(mail_due_at=None)

    due.refresh_from_db()
    assert due.status != "open"
    assert due.mail_due_at == NOW


def test_answers_support_as_others_who_may_not():
    client: Any = Client(raise_request_exception=False)
    client.force_login(make_user(is_staff=True, is_support=True))

    answers = [
        client.get(reverse("admin:audit_auditalert_decide", args=["resolve"])),
        decide(client, "resolve", alert()),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]


# Rules


def rule_form(**changes: Any) -> dict[str, Any]:
    return {
        "name": f"rule {uuid.uuid4().hex[:8]}",
        "description": "Ask them.",
        "is_enabled": "on",
        "events": ["log-in"],
        "outcome": "failure",
        "counts": "entries",
        "threshold": "2",
        "window_minutes": "10",
        "group_by": "network",
        "severity": "warning",
        "cool_down_minutes": "0",
        "notify": "Ward@example.org\nit@example.org",
    } | changes


def test_ships_rules_for_what_everybody_fears():
    names = set(AuditAlertRule.objects.filter(is_enabled=True).values_list("name", flat=True))

    assert {
        "Many refused log-ins for one account",
        "Many refused log-ins from one network",
        "One member of staff looks at many records",
        "One member of staff goes through lists of people",
        "Bulk export or disclosure",
        "Rights or the log's own settings changed",
    } <= names


def test_adds_a_rule_and_tells_of_its_change(root: Any):
    form = rule_form()

    root.post(f"{RULES}add/", form)
    one = AuditAlertRule.objects.get(name=form["name"])
    root.post(f"{RULES}{one.pk}/change/", form | {"is_enabled": ""})

    one.refresh_from_db()
    assert one.notify == ["ward@example.org", "it@example.org"]
    assert one.is_enabled is False
    told: Any = AuditLog.objects.get(event="log-settings-changed", object_id=str(one.pk))
    assert told.details["changed"] == {"is_enabled": {"from": True, "to": False}}
    assert "example.org" not in str(told.details)


def test_tells_that_others_are_told_and_not_whom(root: Any):
    form = rule_form()
    root.post(f"{RULES}add/", form)
    one = AuditAlertRule.objects.get(name=form["name"])

    root.post(f"{RULES}{one.pk}/change/", form | {"notify": "somebody@example.org"})

    told: Any = AuditLog.objects.get(event="log-settings-changed", object_id=str(one.pk))
    assert told.details["changed"] == {"notify": "masked"}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "This field is required."),
        ("name", "Bulk export or disclosure", "already exists"),
        ("events", [], "This field is required."),
        ("events", ["row-updated"], "Select a valid choice"),
        ("threshold", "0", "greater than or equal to 1"),
        ("window_minutes", "2000", "less than or equal to 1440"),
        ("cool_down_minutes", "-1", "greater than or equal to 0"),
        ("notify", "nobody", "nobody is not an e-mail address."),
    ],
)
def test_refuses_rules_that_make_no_sense(field: str, value: Any, words: str, root: Any):
    answer = root.post(f"{RULES}add/", rule_form(**{field: value}))

    assert answer.status_code == 200
    assert words in answer.content.decode()


def test_previews_what_a_rule_would_have_done(root: Any):
    network = "198.51.100.0/24"
    for minute in (1, 2, 3):
        when = NOW - dt.timedelta(days=1, minutes=minute)
        entry(network=network, recorded_at=when)

    two = root.post(f"{RULES}add/", rule_form(preview="1"))
    many = root.post(f"{RULES}add/", rule_form(preview="1", threshold="50"))

    assert "It would have made 1 alert." in two.content.decode()
    assert "It would have made no alert." in many.content.decode()
    assert not AuditAlertRule.objects.filter(name__startswith="rule ").exists()


def test_says_that_no_mail_is_sent(root: Any):
    page = root.get(f"{RULES}add/").content.decode()

    assert "This installation sends no mail now" in page


# Retention and legal holds


def test_keeps_entries_shorter_only_when_somebody_is_sure(root: Any):
    row, _ = AuditRetention.objects.update_or_create(category="access", defaults={"days": 2190})
    address = f"/admin/audit/auditretention/{row.pk}/change/"

    asked = root.post(address, {"days": "365", "reason": "The law of our country says so."})
    row.refresh_from_db()
    before = row.days
    sure = {"days": "365", "reason": "The law of our country says so.", "is_sure": "on"}
    root.post(address, sure)

    row.refresh_from_db()
    assert "Say that you know it" in asked.content.decode()
    assert (before, row.days) == (2190, 365)
    told: Any = AuditLog.objects.get(event="retention-changed")
    assert told.details["changed"] == {"days": {"from": 2190, "to": 365}}
    assert events(event="log-settings-changed", object_id="access") != []


def test_places_and_releases_a_hold(root: Any, boss: User):
    person = make_user(tenant=make_tenant())
    about = {"clinic": str(person.tenant_id), "person": person.email}

    root.post(f"{HOLDS}add/", about | {"reason": "Complaint 12 of the person."})
    hold = AuditLegalHold.objects.get(subject_id=person.id)
    listed = root.get(HOLDS).content.decode()
    root.post(f"{HOLDS}{hold.pk}/release/", {"reason": "The complaint was settled."})

    hold.refresh_from_db()
    assert person.email in listed
    assert (hold.tenant_id, hold.released_by) == (person.tenant_id, boss.pk)
    assert events(object_id=str(hold.pk), category="administration") == [
        *("legal-hold-placed", "log-settings-changed", "legal-hold-released")
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"person": "nobody@example.com"}, "There is nobody with this address or id."),
        ({"reason": "short"}, "so that others understand it later"),
        ({"clinic": str(uuid.uuid4())}, "Select a valid choice"),
        ({"clinic": str(HOUSE)}, "Select a valid choice"),
    ],
)
def test_refuses_holds_on_nobody_and_without_a_reason(
    changes: dict[str, str], words: str, root: Any
):
    clinic = str(make_tenant().id)
    form = {"clinic": clinic, "person": "", "reason": "Case 12 of the court."} | changes

    answer = root.post(f"{HOLDS}add/", form)

    assert words in answer.content.decode()
    assert not AuditLegalHold.objects.exists()


def test_says_of_another_clinic_s_person_that_they_are(root: Any):
    person = make_user()
    form = {"clinic": str(make_tenant().id), "person": str(person.id), "reason": "Case 12, court."}

    answer = root.post(f"{HOLDS}add/", form)

    assert "This person is of another clinic." in answer.content.decode()
