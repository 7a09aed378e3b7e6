"""Alerts: one for each rule and group, exact counts, committed entries alone."""

import datetime as dt
import threading
import uuid
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import alerting, queries, services
from audit.admin.words import Names, about
from audit.models import AuditAlert, AuditAlertCursor, AuditAlertRule, AuditLog
from audit.types import HOUSE, AlertStatus
from audit.windows import Happening
from tests.audit.logs import entry, rule
from tests.factories import make_tenant, make_user
from tests.house.plans import explain_calls, faults, nodes
from tests.log import wait_for_log

NOW = dt.datetime.now(dt.UTC)
BY = uuid.uuid4()


def alerts_of(one: AuditAlertRule) -> list[AuditAlert]:
    return list(AuditAlert.objects.filter(rule_id=one.id).order_by("created_at", "id"))


def look() -> None:
    """Look until nothing new is left: others' tests may have left a long log."""
    wait_for_log()
    while True:
        before = AuditAlertCursor.objects.get().position
        alerting.look(NOW)
        if int(AuditAlertCursor.objects.get().position) - int(before) < 1_000:
            return


def happen(one: AuditAlertRule, minute: float, **changes: Any) -> int:
    when = NOW - dt.timedelta(hours=2) + dt.timedelta(minutes=minute)
    return entry(event=one.events[0], recorded_at=when, **changes)


@pytest.mark.usefixtures("committed_db")
def test_makes_one_alert_that_grows():
    one = rule()

    for minute in (0, 1):
        happen(one, minute)
    look()
    before = alerts_of(one)
    third = happen(one, 2)
    look()
    (opened,) = alerts_of(one)
    last = happen(one, 3)
    look()
    (grown,) = alerts_of(one)

    assert before == []
    assert (opened.entry_count, opened.last_entry_id, opened.status) == (3, third, "open")
    assert (grown.id, grown.entry_count, grown.last_entry_id) == (opened.id, 4, last)
    assert grown.last_at > opened.last_at
    assert (grown.tenant_id, grown.group_key) == (HOUSE, "192.0.2.0/24")


@pytest.mark.usefixtures("committed_db")
def test_does_not_count_what_lies_apart():
    one = rule()

    for minute in (0, 9, 11, 20):
        happen(one, minute)
    look()

    assert alerts_of(one) == []


@pytest.mark.usefixtures("committed_db")
def test_counts_what_lay_between_when_it_goes_on():
    one = rule()
    for minute in (0, 1, 2, 40, 41):
        happen(one, minute)
    look()
    (opened,) = alerts_of(one)

    happen(one, 42)
    look()

    assert opened.entry_count == 3
    assert [each.entry_count for each in alerts_of(one)] == [6]


@pytest.mark.usefixtures("committed_db")
def test_counts_each_group_by_itself():
    alice = make_user()
    one = rule(group_by="object")

    for minute in range(3):
        happen(one, minute, tenant_id=alice.tenant_id, object_id=str(alice.id))
        happen(one, minute, object_id=f"unknown:{minute}")
        happen(one, minute, object_id="")
    look()

    assert [(each.group_key, each.tenant_id) for each in alerts_of(one)] == [
        (str(alice.id), alice.tenant_id)
    ]


@pytest.mark.usefixtures("committed_db")
def test_counts_administrators_across_clinics_and_staff_within_theirs():
    one = rule(group_by="actor", actor_kinds=["staff", "administrator"])
    clinics, administrator, staff = [uuid.uuid4() for _ in range(3)], uuid.uuid4(), uuid.uuid4()

    for minute, clinic in enumerate(clinics):
        happen(one, minute, tenant_id=clinic, actor_kind="administrator", actor_id=administrator)
        happen(one, minute, tenant_id=clinic, actor_kind="staff", actor_id=staff)
        happen(one, minute, tenant_id=clinic, actor_kind="person", actor_id=uuid.uuid4())
    look()

    assert [(each.group_key, each.tenant_id) for each in alerts_of(one)] == [
        (str(administrator), HOUSE)
    ]


@pytest.mark.usefixtures("committed_db")
def test_counts_different_people_and_objects_where_the_rule_says_so():
    people = rule(counts="people", group_by="actor")
    objects = rule(counts="objects", group_by="actor")
    staff, person = uuid.uuid4(), uuid.uuid4()
    by = {"actor_kind": "staff", "actor_id": staff, "tenant_id": uuid.uuid4()}

    for minute in range(5):
        happen(people, minute, **by, subject_id=person)
    happen(objects, 0, **by, object_count=3)
    look()
    same_person = alerts_of(people)
    for minute in (6, 7):
        happen(people, minute, **by, subject_id=uuid.uuid4())
    look()

    assert same_person == []
    assert [each.entry_count for each in alerts_of(people)] == [7]
    assert [each.entry_count for each in alerts_of(objects)] == [1]


@pytest.mark.usefixtures("committed_db")
def test_notices_who_goes_through_lists_of_people():
    shipped = AuditAlertRule.objects.get(name="One member of staff goes through lists of people")
    fields = (*("events", "actor_kinds", "counts", "group_by"),)
    one = rule(**{name: getattr(shipped, name) for name in fields}, threshold=5)
    clinic = make_tenant()
    people = [make_user(tenant=clinic) for _ in range(5)]
    nurses = [make_user(tenant=clinic, is_staff=True) for _ in range(2)]

    for nurse, pages in zip(nurses, ("", f"?q={people[0].email}"), strict=True):
        console = Client()
        console.force_login(nurse)
        for _ in range(6):
            console.get(f"/admin/accounts/user/{pages}")
    look()
    AuditAlertRule.objects.filter(id=one.id).update(is_enabled=False)

    found = {(each.tenant_id, each.group_key) for each in alerts_of(one)}
    assert (clinic.id, str(nurses[0].id)) in found
    assert (clinic.id, str(nurses[1].id)) not in found


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize(
    ("name", "kind"), [("psql", "database"), ("novara command createsuperuser", "system")]
)
def test_notices_rights_that_sql_or_a_command_gave(database_url: str, name: str, kind: str):
    one = rule(events=["rights-changed"], group_by="actor", threshold=1)
    person, name = make_user(), f"{name} {uuid.uuid4().hex[:6]}"

    with psycopg.connect(database_url, application_name=name) as other:
        other.execute("UPDATE users SET is_staff = true WHERE id = %s", [person.id])
    look()
    AuditAlertRule.objects.filter(id=one.id).update(is_enabled=False)

    (found,) = (each for each in alerts_of(one) if each.group_key.endswith(name))
    (change,) = AuditLog.objects.filter(queries.entries_of(found))
    assert (found.group_key.split()[0], found.tenant_id) == (kind, HOUSE)
    assert (change.event, change.subject_id) == ("rights-changed", person.id)
    assert name in about(found, Names(), {})


@pytest.mark.usefixtures("committed_db")
def test_makes_no_second_alert_within_the_cool_down():
    one = rule(cool_down_minutes=30)
    for minute in range(3):
        happen(one, minute)
    look()
    (first,) = alerts_of(one)
    resolved_at = NOW - dt.timedelta(hours=2) + dt.timedelta(minutes=5)
    services.resolve(alerts=[first.id], by=BY, note="Looked at it.", now=resolved_at)

    for minute in (6, 7, 8, 9):
        happen(one, minute)
    look()
    within = len(alerts_of(one))
    for minute in (34, 36, 37):
        happen(one, minute)
    look()
    at_its_edge = len(alerts_of(one))
    happen(one, 38)
    look()

    assert (within, at_its_edge) == (1, 1)
    assert [each.entry_count for each in alerts_of(one)] == [3, 3]


@pytest.mark.usefixtures("committed_db")
def test_takes_no_notice_of_rules_that_are_off_and_of_rows():
    off = rule(is_enabled=False)
    rows = rule()

    for minute in range(3):
        happen(off, minute)
        happen(rows, minute, category="change")
    look()

    assert alerts_of(off) + alerts_of(rows) == []


@pytest.mark.usefixtures("committed_db")
def test_sees_an_entry_that_is_committed_after_later_ones(database_url: str):
    one = rule()
    sql = (
        "INSERT INTO audit_logs (tenant_id, recorded_at, category, event, outcome, actor_kind,"
        " network) VALUES (%s, %s, 'security', %s, 'failure', 'anonymous', '192.0.2.0/24')"
    )
    when = NOW - dt.timedelta(hours=2)
    with psycopg.connect(database_url) as slow:
        slow.execute(sql, [HOUSE, when, one.events[0]])
        for minute in (1, 2):
            happen(one, minute)
        alerting.look(NOW)
        waiting = alerts_of(one)
        slow.commit()
    look()

    assert waiting == []
    assert [each.entry_count for each in alerts_of(one)] == [3]


@pytest.mark.usefixtures("committed_db")
def test_counts_once_however_many_look_at_the_same_time():
    one = rule()
    for minute in range(4):
        happen(one, minute)
    start = threading.Barrier(6)

    def race() -> None:
        start.wait()
        for _ in range(5):
            alerting.look(NOW)
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    look()

    assert [each.entry_count for each in alerts_of(one)] == [4]


@pytest.mark.usefixtures("committed_db")
def test_leaves_the_turn_to_another_one_at_work():
    one = rule()
    for minute in range(3):
        happen(one, minute)
    found: list[int] = []

    def other() -> None:
        found.append(alerting.look(NOW))
        connection.close()

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(alerting.LOCK)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    look()

    assert found == [0]
    assert len(alerts_of(one)) == 1


@pytest.mark.usefixtures("committed_db")
def test_reads_a_long_log_in_portions(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alerting, "PORTION", 2)
    one = rule()
    for minute in range(9):
        happen(one, minute)
    with transaction.atomic():
        for second in range(5):
            happen(one, 9 + second / 60)

    wait_for_log()
    for _ in range(40):
        alerting.look(NOW)

    assert [each.entry_count for each in alerts_of(one)] == [14]


@pytest.mark.usefixtures("committed_db")
def test_tells_what_a_rule_would_have_done():
    one = rule(cool_down_minutes=0)
    for minute in (0, 1, 2, 60, 61, 62, 90):
        happen(one, minute)
    happen(one, 0, network="198.51.100.0/24")

    replay = alerting.replay(one, NOW - dt.timedelta(days=1))
    stricter = alerting.replay(rule(events=one.events, threshold=4), NOW - dt.timedelta(days=1))

    assert (replay.alerts, replay.groups, replay.counted, replay.is_whole) == (2, 1, 8, True)
    assert stricter.alerts == 0


@pytest.mark.usefixtures("committed_db")
def test_is_acknowledged_and_resolved_once():
    one = rule()
    for minute in range(3):
        happen(one, minute)
    look()
    (alert,) = alerts_of(one)

    first = services.acknowledge(alerts=[alert.id], by=BY, note="I look.", now=NOW)
    second = services.acknowledge(alerts=[alert.id], by=uuid.uuid4(), note="I too.", now=NOW)
    third = services.resolve(alerts=[alert.id], by=BY, note="It was a test.", now=NOW)
    fourth = services.resolve(alerts=[alert.id], by=BY, note="Again.", now=NOW)

    alert.refresh_from_db()
    assert [len(each) for each in (first, second, third, fourth)] == [1, 0, 1, 0]
    assert (alert.status, alert.acknowledged_by) == (AlertStatus.RESOLVED, BY)
    assert (alert.acknowledged_note, alert.resolved_note) == ("I look.", "It was a test.")


@pytest.mark.usefixtures("committed_db")
def test_asks_no_more_of_many_groups_than_of_few():
    one = rule(threshold=1)
    networks = [f"10.{number}.0.0/24" for number in range(60)]

    asked = []
    for minute, attacked in enumerate((networks[:1], networks[:1], networks, networks)):
        look()
        for network in attacked:
            happen(one, minute, network=network)
        wait_for_log()
        with CaptureQueriesContext(connection) as queries:
            alerting.look(NOW)
        asked.append(len(queries))

    opened, grown, many_opened, many_grown = asked
    assert [each.entry_count for each in alerts_of(one)] == [4, *[2] * 59]
    # One for the one that is there, and one for those that are not.
    assert (many_opened - opened, many_grown - grown) == (1, 0)


@pytest.mark.usefixtures("committed_db")
def test_reads_without_keeping_readers_of_the_log_waiting(monkeypatch: pytest.MonkeyPatch):
    one = rule(threshold=1)
    happen(one, 0)
    wait_for_log()
    seen: list[tuple[Any, ...]] = []
    tell = alerting._tell

    def watched(*found: Any) -> int:
        seen.extend(alerting._rows("SELECT pg_current_xact_id_if_assigned() IS NOT NULL", {}))
        return tell(*found)

    find = alerting._finds

    def watching(*asked: Any) -> Any:
        yield from find(*asked)
        seen.extend(alerting._rows("SELECT pg_current_xact_id_if_assigned() IS NOT NULL", {}))

    monkeypatch.setattr(alerting, "_finds", watching)
    monkeypatch.setattr(alerting, "_tell", watched)
    alerting.look(NOW)

    *reading, writing = [has_id for (has_id,) in seen]
    assert reading
    assert not any(reading)
    assert writing
    assert len(alerts_of(one)) == 1


@pytest.mark.usefixtures("committed_db")
def test_writes_nothing_when_another_one_was_faster(monkeypatch: pytest.MonkeyPatch):
    one = rule(threshold=1)
    look()
    happen(one, 0)
    wait_for_log()
    find = alerting._finds

    def overtaken(*asked: Any) -> Any:
        AuditAlertCursor.objects.update(position="1")
        return find(*asked)

    monkeypatch.setattr(alerting, "_finds", overtaken)
    with transaction.atomic():
        changed, alerts = alerting.look(NOW), alerts_of(one)
        transaction.set_rollback(True)

    assert (changed, alerts) == (0, [])


FILL = """
    INSERT INTO audit_logs
        (tenant_id, category, event, outcome, actor_kind, network, recorded_at)
    SELECT %(house)s, 'security', CASE n %% 20 WHEN 0 THEN 'log-in' ELSE 'log-out' END, 'failure',
           'anonymous', '10.0.' || n %% 97 || '.0/24', now() - n * interval '1 minute'
      FROM generate_series(1, 40000) n
"""
RESOLVED = """
    INSERT INTO audit_alerts
        (id, created_at, tenant_id, rule_id, rule_name, severity, group_by, group_key, status,
         entry_count, first_entry_id, last_entry_id, first_at, last_at, acknowledged_note,
         resolved_note, resolved_at, mail_attempts, mail_error)
    SELECT gen_random_uuid(), now(), %(house)s, %(rule)s, 'old', 'info', 'network', n::text,
           'resolved', 1, 1, 1, now(), now(), '', '', now(), 0, ''
      FROM generate_series(1, 20000) n
"""


@pytest.mark.django_db
def test_finds_all_groups_by_indexes():
    one = rule(events=["log-in"], outcome="failure")
    last = {"house": HOUSE, "rule": one.id}
    with connection.cursor() as cursor:
        cursor.execute(FILL, last)
        cursor.execute(RESOLVED, last)
        cursor.execute("ANALYZE audit_logs")
        cursor.execute("ANALYZE audit_alerts")
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        (end,) = cursor.fetchone() or ("",)
    group = alerting.Group(HOUSE, "10.0.5.0/24")
    marks = [Happening(1, NOW, None, 1, is_new=True)] * 3
    values = alerting._counted(one) | {
        "position": "0",
        "next": end,
        "keys": [group.key, "10.0.6.0/24"],
        "since": NOW - dt.timedelta(hours=2),
        "until": NOW,
        "counts": one.counts,
        "threshold": one.threshold,
    }

    happenings = explain_calls(alerting._rows, alerting._of(one, alerting.HAPPENINGS), values)
    told = explain_calls(alerting._tell, [alerting.Find(one, group, marks)], NOW)

    used = [{node.get("Index Name") for node in nodes(plan)} for plan in (*happenings, *told)]
    assert [faults(plan, most_rows=100) for plan in (*happenings, *told)] == [[]] * 3
    assert used[0] & {"audit_logs_by_event"}
    assert "audit_logs_position" not in used[0]
    assert [bool(each & {"audit_alerts_one_unresolved"}) for each in used] == [False, True, False]
    assert used[2] & {"audit_alerts_last_resolved"}
