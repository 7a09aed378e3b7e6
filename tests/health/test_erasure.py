"""The erasure of a person: nothing is left but a certificate of what was erased."""

import uuid
from typing import Any

from django.db import connection
from django.db.models import Q

from accounts import services as accounts
from accounts.models import ErasureCertificate, User
from audit.models import AuditLog
from core import gate
from tests.conftest import client_of
from tests.factories import make_user
from tests.health.forms import FULL

COLUMNS = """
    SELECT c.relname, a.attname
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace
       AND c.relkind IN ('r', 'p')
       AND a.attnum > 0
       AND NOT a.attisdropped
       AND a.atttypid = 'uuid'::regtype
"""


def rows_of(user: User) -> dict[str, int]:
    """Count what each table holds of a person, in every column of uuids."""
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        columns = cursor.fetchall()
        found: dict[str, int] = {}
        for table, column in columns:
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE "{column}" = %s', [user.id])
            (count,) = cursor.fetchone() or (0,)
            if count:
                found[f"{table}.{column}"] = count
    return found


def live(user: User) -> None:
    """Leave rows in every table that the health API writes."""
    client = client_of(user)
    client.call("POST", "/api/v2/auth/login", {"email": user.email, "password": "long enough 1"})
    checkin = client.call("POST", "/api/checkins", FULL).json()["checkin"]
    client.call("PUT", f"/api/checkins/{checkin['id']}", {"user_note": "changed"})
    note: dict[str, Any] = {"event_type": "note", "event_data": {"text": "one"}}
    event = client.call("POST", "/api/v2/health/events", note).json()
    path = f"/api/v2/health/events/{event['id']}"
    client.call("POST", f"{path}/corrections", {"event_data": {"text": "two"}, "reason": "slip"})
    client.call("POST", f"{path}/retractions", {"reason": "not mine"})


def test_leaves_a_certificate_and_nothing_else(db):
    user, other = make_user(password="long enough 1"), make_user(password="long enough 1")
    live(user)
    live(other)
    before, others = rows_of(user), rows_of(other)
    assert {"health_events.user_id", "daily_checkins.user_id"} <= before.keys()

    with gate.as_system():
        certificate_id = accounts.erase_person(
            user_id=user.id, requested_by="privacy desk", reason="asked by letter"
        )

    left = rows_of(user)
    # That something happened stays in the audit log; what was said about it is gone.
    assert {left.pop("audit_logs.subject_id"), left.pop("audit_logs.actor_id")}
    assert left == {"erasure_certificates.subject_id": 1}
    about = AuditLog.objects.filter(Q(subject_id=user.id) | Q(actor_id=user.id))
    # What tells of the erasure itself came after it.
    told = {"erasure_certificates": "row-inserted", "users": "person-erased"}
    kept = [one for one in about if told.get(one.object_type) != one.event]
    kept = [one for one in kept if one.event != "payloads-erased"]
    assert len(kept) > 10
    assert {(one.salt, one.details, one.network) for one in kept} == {(None, None, None)}
    assert all(one.commitment for one in kept)
    assert rows_of(other) == others
    certificate = ErasureCertificate.objects.get(id=certificate_id)
    assert (certificate.requested_by, certificate.reason) == ("privacy desk", "asked by letter")
    counts = certificate.erased_row_counts
    assert counts["users"] == 1
    for place, count in before.items():
        table, column = place.split(".")
        if column == "user_id":
            assert counts[table] == count


def test_leaves_no_word_of_the_person(db):
    user = make_user(email=f"{uuid.uuid4().hex}@example.com", password="long enough 1")
    live(user)

    accounts.erase_person(user_id=user.id, requested_by="privacy desk", reason="asked")

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE to_jsonb(t)::text LIKE %s',
                [f"%{user.email}%"],
            )
            assert cursor.fetchone() == (0,), table


def test_ends_the_tokens_of_the_person(db):
    user = make_user()
    client = client_of(user)
    client.call("POST", "/api/checkins", FULL)

    accounts.erase_person(user_id=user.id, requested_by="privacy desk", reason="asked")

    assert client.call("GET", "/api/checkins").status_code == 403
    assert client.call("GET", "/api/v2/health/timeline").status_code == 401
    assert client.call("POST", "/api/v2/health/events", FULL).status_code in {400, 401}
