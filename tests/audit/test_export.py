"""Entries come out as lines of JSON: all of a time, whole, and the export leaves an entry."""

import datetime as dt
import hashlib
import io
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit import exporting, services
from audit.exporting import Wanted
from audit.models import AuditLog
from audit.services import exports
from audit.types import HOUSE, Category
from tests.factories import make_tenant, make_user

pytestmark = pytest.mark.django_db

PAGE = "/admin/audit/auditlog/export/"


@pytest.fixture
def clinic() -> Any:
    return make_tenant()


def write_entries(clinic: Any, *events: str) -> None:
    for event in events:
        services.record(
            event=event,
            category=Category.SECURITY,
            tenant_id=clinic.id,
            subject_id=uuid.uuid4(),
            details={"reason": "line\nof two"},
        )


def a_day() -> dict[str, Any]:
    now = timezone.now()
    return {"first": now - dt.timedelta(hours=12), "end": now + dt.timedelta(hours=1)}


def lines_of(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.splitlines()]


def export(target: Path, *arguments: str) -> None:
    since = (timezone.now() - dt.timedelta(hours=1)).isoformat()
    call_command("audit", "export", "--from", since, "--output", str(target), *arguments)


def console_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_writes_a_head_the_entries_in_order_and_a_sum(clinic: Any):
    write_entries(clinic, "log-in", "row-deleted", "record-viewed")
    out = io.BytesIO()

    exported = exporting.write(out, Wanted(**a_day(), tenant_id=clinic.id), now=timezone.now())

    head, *entries, foot = lines_of(out.getvalue())
    before_last = out.getvalue()[: out.getvalue().rstrip().rindex(b"\n") + 1]
    assert (head["type"], head["format"], head["tenant_id"]) == (
        "head",
        "novara-audit",
        str(clinic.id),
    )
    told = [(one["event"], one["action"], one["outcome_code"]) for one in entries]
    assert told[-3:] == [
        ("log-in", "E", "0"),
        ("row-deleted", "D", "0"),
        ("record-viewed", "R", "0"),
    ]
    assert [one["id"] for one in entries] == sorted(one["id"] for one in entries)
    assert entries[-1]["details"] == {"reason": "line\nof two"}
    assert foot == {"type": "end", "entries": len(entries), "sha256": exported.sha256}
    assert hashlib.sha256(before_last).hexdigest() == exported.sha256


def test_takes_only_the_time_the_clinic_and_the_events_that_are_wanted(clinic: Any):
    write_entries(clinic, "log-in", "log-out")
    write_entries(make_tenant(), "log-in")
    out, empty = io.BytesIO(), io.BytesIO()
    wanted = Wanted(**a_day(), tenant_id=clinic.id, events=["log-in"])
    tomorrow = timezone.now() + dt.timedelta(days=1)

    exporting.write(out, wanted, now=timezone.now())
    exporting.write(empty, Wanted(tomorrow, tomorrow + dt.timedelta(days=1)), now=timezone.now())

    _, *entries, _ = lines_of(out.getvalue())
    assert [(one["event"], one["tenant_id"]) for one in entries] == [("log-in", str(clinic.id))]
    assert [line["type"] for line in lines_of(empty.getvalue())] == ["head", "end"]


def test_writes_a_file_for_its_owner_alone_and_an_entry(
    tmp_path: Path, clinic: Any, capsys: pytest.CaptureFixture[str]
):
    write_entries(clinic, "log-in")
    target = tmp_path / "log.ndjson"

    export(target, "--tenant", str(clinic.id), "--events", "log-in")

    _, entry, foot = lines_of(target.read_bytes())
    noted = AuditLog.objects.filter(event="audit-exported", tenant_id=clinic.id).get()
    assert entry["event"] == "log-in"
    assert target.stat().st_mode & 0o777 == 0o600
    assert noted.object_count == 1
    assert (noted.details or {})["sha256"] == foot["sha256"]
    assert foot["sha256"] in capsys.readouterr().out
    assert [one.name for one in tmp_path.iterdir()] == ["log.ndjson"]


def test_tells_the_house_of_an_export_of_all(tmp_path: Path):
    export(tmp_path / "log.ndjson")

    assert AuditLog.objects.filter(event="audit-exported", tenant_id=HOUSE).exists()


def test_leaves_a_file_alone_that_is_there(tmp_path: Path):
    target = tmp_path / "log.ndjson"
    target.write_text("before")

    with pytest.raises(CommandError, match="is there already") as refused:
        export(target)

    assert refused.value.returncode == 1
    assert target.read_text() == "before"


def test_leaves_nothing_behind_that_is_not_whole(
    tmp_path: Path, clinic: Any, monkeypatch: pytest.MonkeyPatch
):
    write_entries(clinic, "log-in", "log-in")
    monkeypatch.setattr(exporting, "OUTCOME_CODES", {})

    with pytest.raises(KeyError):
        export(tmp_path / "log.ndjson", "--tenant", str(clinic.id))

    assert list(tmp_path.iterdir()) == []
    assert not AuditLog.objects.filter(event="audit-exported", tenant_id=clinic.id).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        ("--from", "2026-11-02", "--to", "2026-11-01"),
        ("--from", "2026-11-02", "--tenant", str(uuid.uuid4())),
    ],
)
def test_ends_with_2_at_wrong_usage(tmp_path: Path, wrong: tuple[str, ...]):
    with pytest.raises(CommandError) as refused:
        call_command("audit", "export", "--output", str(tmp_path / "x"), *wrong)

    assert refused.value.returncode == 2


def test_ends_with_1_where_it_cannot_write():
    with pytest.raises(CommandError, match="can't be written") as refused:
        export(Path("/nowhere/at/all/log.ndjson"))

    assert refused.value.returncode == 1


# The console


def chosen(**changes: Any) -> dict[str, Any]:
    today = timezone.now().date()
    return {"first": today - dt.timedelta(days=1), "last": today} | changes


def test_hands_staff_the_entries_of_their_clinic_alone(clinic: Any):
    other = make_tenant()
    write_entries(clinic, "log-in")
    write_entries(other, "log-in")
    nurse = make_user(tenant=clinic, is_staff=True)

    answer: Any = console_of(nurse).post(PAGE, chosen(events=["log-in"], clinic=str(other.id)))

    _, *entries, foot = lines_of(b"".join(answer.streaming_content))
    assert answer["Content-Type"] == "application/x-ndjson"
    assert {one["tenant_id"] for one in entries} == {str(clinic.id)}
    assert foot["entries"] == len(entries) == 1
    noted = AuditLog.objects.filter(event="audit-exported", tenant_id=clinic.id).get()
    assert (noted.actor_kind, noted.actor_id) == ("staff", nurse.id)


def test_hands_superusers_the_clinic_they_choose(clinic: Any):
    write_entries(clinic, "log-in")
    write_entries(make_tenant(), "log-in")
    root = make_user(is_staff=True, is_superuser=True)

    answer: Any = console_of(root).post(PAGE, chosen(events=["log-in"], clinic=str(clinic.id)))

    _, *entries, _ = lines_of(b"".join(answer.streaming_content))
    assert {one["tenant_id"] for one in entries} == {str(clinic.id)}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"first": "2020-01-01"}, "at most 31 days"),
        ({"last": "9999-12-31"}, "has not come yet"),
        ({"first": "yesterday"}, "Enter a valid date"),
    ],
)
def test_refuses_other_times(clinic: Any, changes: dict[str, str], says: str):
    nurse = make_user(tenant=clinic, is_staff=True)

    answer = console_of(nurse).post(PAGE, chosen(**changes))

    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not AuditLog.objects.filter(event="audit-exported", tenant_id=clinic.id).exists()


def test_refuses_more_than_a_page_can_hand_out(clinic: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exports, "MOST_AT_ONCE", 1)
    write_entries(clinic, "log-in", "log-in")
    nurse = make_user(tenant=clinic, is_staff=True)

    answer = console_of(nurse).post(PAGE, chosen())

    assert "There are more than 1 entries" in answer.content.decode()
    assert not AuditLog.objects.filter(event="audit-exported", tenant_id=clinic.id).exists()


def test_is_for_nobody_outside_of_the_staff(clinic: Any):
    answer = console_of(make_user(tenant=clinic)).post(PAGE, chosen())

    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]
