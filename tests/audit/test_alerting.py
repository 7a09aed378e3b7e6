"""Alerts: one for each rule and group, exact counts, committed entries alone."""

import datetime as dt
import threading
import uuid
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from audit import alerting, services
from audit.models import AuditAlert, AuditAlertCursor, AuditAlertRule
from audit.types import HOUSE, AlertStatus
from tests.audit.logs import entry, rule
from tests.factories import make_user
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
        AuditAlertCursor.objects.select_for_update().get()
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
