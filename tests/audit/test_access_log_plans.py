"""The access log costs what it shows, however long the log of others and one's own are."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from audit import exporting, queries
from audit.exporting import Wanted
from core import gate
from tests.factories import make_user
from tests.house.plans import explain_calls, faults, nodes

OTHERS = 40_000
OWN = 20_000
LOOKS = 300
LATER = (dt.datetime(2100, 1, 1, tzinfo=dt.UTC), 1)
FILL = """
    INSERT INTO audit_logs
        (tenant_id, category, event, actor_kind, actor_id, subject_id, object_type, recorded_at)
    SELECT %(tenant)s, 'access', 'record-viewed', %(kind)s, gen_random_uuid(),
           CASE WHEN %(subject)s::uuid IS NULL
                THEN md5((n %% 1000)::text)::uuid ELSE %(subject)s::uuid END,
           'health_events', now() - interval '5 years' + n * (interval '5 years' / %(rows)s)
      FROM generate_series(1, %(rows)s) n
"""


@pytest.fixture
def watched(db: None) -> User:
    """Somebody with a long log of their own, in a much longer one of others."""
    person = make_user()
    told = {"tenant": person.tenant_id}
    with connection.cursor() as cursor:
        cursor.execute(FILL, told | {"kind": "staff", "subject": None, "rows": OTHERS})
        cursor.execute(FILL, told | {"kind": "person", "subject": person.id, "rows": OWN})
        cursor.execute(FILL, told | {"kind": "staff", "subject": person.id, "rows": LOOKS})
        cursor.execute("ANALYZE audit_logs")
    return person


def page(person: User, **which: Any) -> Any:
    return list(queries.entries_about(person.id, **which)[:51])


@pytest.mark.parametrize(
    ("which", "index"),
    [
        ({}, "audit_logs_by_others"),
        ({"before": LATER}, "audit_logs_by_others"),
        ({"with_all": True}, "audit_logs_of_person"),
        ({"with_all": True, "before": LATER}, "audit_logs_of_person"),
    ],
)
def test_reads_a_page_alone(watched: User, which: dict[str, Any], index: str):
    with gate.as_person(watched.id):
        (plan,) = explain_calls(lambda: page(watched, **which))

    assert faults(plan, most_rows=60) == []
    assert {node.get("Index Name") for node in nodes(plan)} & {index}


def test_reads_of_a_time_what_others_did_then(watched: User):
    year_ago = timezone.now() - dt.timedelta(days=4 * 365)
    which = {"first": year_ago, "end": year_ago + dt.timedelta(days=30)}

    with gate.as_person(watched.id):
        (plan,) = explain_calls(lambda: page(watched, **which))

    assert faults(plan, most_rows=60) == []


def test_exports_a_time_without_reading_all_of_the_log(watched: User):
    day = timezone.now() - dt.timedelta(days=3)

    (plan,) = explain_calls(lambda: exported(Wanted(day, day + dt.timedelta(days=1))))

    assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}


def exported(wanted: Wanted) -> list[Any]:
    return list(exporting.wanted_entries(wanted))
