"""What the planner makes of reading exact days, as the role of the API, at 100,000 events.

One person has 20,000 of them, and 1,000 of her days wait to be folded, as do all days of others.
"""

import json
import time

import pytest

from core import gate
from tests.factories import make_tenant, make_user
from tests.house.catalog import rows
from tests.house.plans import faults

FILL = """
    INSERT INTO health_events
           (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date)
    SELECT gen_random_uuid(), u.tenant_id, u.id,
           (ARRAY['mood', 'medication', 'symptom', 'note', 'sleep'])[1 + n %% 5],
           '{"mood": "calm", "confidence": 7}', o.at, (o.at AT TIME ZONE 'UTC')::date
      FROM users u
     CROSS JOIN LATERAL generate_series(1, CASE WHEN u.id = %s THEN 20000 ELSE 2000 END) n
     CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01' - n * interval '4 hours' AS at) o
     WHERE u.tenant_id = %s
"""
# All of hers are folded but the newest 1,000; nothing of others is.
FOLD = """
    INSERT INTO user_daily_metrics SELECT * FROM fold_events(%s, '-infinity', 'infinity')
"""
MARK = """
    INSERT INTO metric_marks (tenant_id, user_id, local_date)
    SELECT DISTINCT tenant_id, user_id, local_date
      FROM health_events
     WHERE user_id <> %s OR local_date > date '2025-12-31' - 1000
"""
DAYS = "SELECT * FROM exact_daily_metrics WHERE user_id = %s AND local_date BETWEEN %s AND %s"

WINDOWS = (
    # Stored: a row for each day, and her marks, by the index and from the table.
    ("2020-10-03", "2020-12-31", 2500),
    # Computed: six events a day, and as many of the days beside it.
    ("2025-10-03", "2025-12-31", 4000),
    ("2023-05-01", "2023-07-29", 4000),
)


@pytest.fixture
def inside(db):
    tenant = make_tenant()
    users = [make_user(tenant) for _ in range(41)]
    alice = users[20]
    rows(FILL, [alice.id, tenant.id])
    rows(FOLD, [alice.id])
    rows("TRUNCATE metric_marks")
    rows(MARK, [alice.id])
    rows("ANALYZE health_events, user_daily_metrics, metric_marks")
    assert gate.enter(gate.Claims(user_id=str(alice.id), issued_at=time.time()))
    assert rows("SELECT current_user::text") == [("novara_api",)]
    assert rows("SELECT count(DISTINCT local_date) FROM metric_marks") == [(1000,)]
    yield alice
    gate.leave()


def plan_of(query, parameters):
    ((answer,),) = rows(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", parameters)
    return (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]


def test_read_ninety_days_by_indexes_alone(inside):
    for first, last, most_rows in WINDOWS:
        plan = plan_of(DAYS, [inside.id, first, last])

        assert faults(plan, most_rows=most_rows) == [], first
        assert plan["Actual Rows"] == 90
