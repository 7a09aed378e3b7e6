"""What the planner makes of the hot queries, as the role of the API, at 100,000 events.

One person has 20,000 of them. A query of theirs goes through an index, reads about as many rows
as it shows, and sorts no more than that. Queries in functions are planned for their values and
without them, as plpgsql does both, unless the function settles which.
"""

import datetime as dt
import time
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from accounts import queries as accounts
from analytics import queries as analytics
from core import gate
from health import checkin_rows, event_log, metrics, queries
from health.models import DailyCheckin
from insights import queries as insights
from insights.models import Insight
from medications import queries as medications
from tests.factories import make_user
from tests.house.catalog import rows
from tests.house.plans import explain, explain_calls, faults, queries_in
from tests.house.scratch import scratch_database

FILL = (
    """
    INSERT INTO tenants (id, name, slug, is_active, created_at)
    SELECT gen_random_uuid(), 'clinic ' || n, 'clinic-' || n, true, now()
      FROM generate_series(1, 20) n
    """,
    """
    INSERT INTO users (id, tenant_id, email, password, is_superuser, is_active, is_staff)
    SELECT gen_random_uuid(), t.id, t.slug || '-' || n || '@example.com', '', false, true, false
      FROM tenants t, generate_series(1, 100) n
    """,
    """
    INSERT INTO user_profiles
        (user_id, tenant_id, nickname, timezone, email_opt_in, confidence_meds, confidence_costs,
         confidence_overall, baseline_completed, extra, updated_at)
    SELECT id, tenant_id, 'Alex', 'UTC', true, 5, 5, 5, true, '{}', now()
      FROM users u
     WHERE NOT EXISTS (SELECT FROM user_profiles p WHERE p.user_id = u.id)
    """,
    """
    INSERT INTO refresh_families (id, tenant_id, user_id)
    SELECT gen_random_uuid(), tenant_id, id FROM users
    """,
    # An event every few hours for ten years; everybody else has 40.
    """
    INSERT INTO health_events
        (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date, recorded_at,
         client_event_id)
    SELECT gen_random_uuid(), u.tenant_id, u.id,
           (ARRAY['mood', 'medication', 'symptom', 'note', 'sleep'])[1 + n %% 5],
           '{"text": "a few words, as people write them"}', o.at, o.at::date, o.at,
           u.id::text || n
      FROM users u
     CROSS JOIN LATERAL generate_series(1, CASE WHEN u.id = %(id)s THEN 20000 ELSE 40 END) n
     CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01' - n * interval '4 hours' AS at) o
    """,
    # One of twenty is corrected, and one of twenty belongs to a check-in.
    """
    INSERT INTO health_events
        (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date, recorded_at,
         related_event_id, version, status, reason)
    SELECT gen_random_uuid(), tenant_id, user_id, event_type, event_data, occurred_at, local_date,
           recorded_at, id, 2, 'corrected', 'a slip'
      FROM health_events
     WHERE right(client_event_id, 1) = '7' AND random() < 0.5
    """,
    """
    INSERT INTO daily_checkins
        (id, tenant_id, user_id, date_submitted, is_enhanced, mood_today, confidence_today, extra,
         occurred_at, created_at, updated_at, revision, events_revision)
    SELECT gen_random_uuid(), tenant_id, user_id, local_date, false, 'calm', 5, '{}',
           min(occurred_at), now(), now(), 1, 1
      FROM health_events
     GROUP BY tenant_id, user_id, local_date
    """,
    """
    INSERT INTO health_events
        (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date, recorded_at,
         source, correlation_id)
    SELECT gen_random_uuid(), tenant_id, user_id, 'mood', '{"mood": "calm"}', occurred_at,
           date_submitted, created_at, 'checkin', id
      FROM daily_checkins
     WHERE user_id = %(id)s OR random() < 0.1
    """,
    # Four a day for that person, two for everybody else; some were viewed.
    """
    INSERT INTO insights
        (id, tenant_id, user_id, occasion, insight_type, category, priority, title, message, icon,
         data, evidence, trigger_type, local_date, created_at, updated_at, expires_at)
    SELECT gen_random_uuid(), c.tenant_id, c.user_id, k || ':' || c.date_submitted,
           (ARRAY['mood_improvement', 'support_needed', 'consistency'])[1 + k %% 3], 'trend',
           2 + (k + extract(day FROM c.date_submitted)::int) %% 8, 'A title', 'A message.', '', '{}',
           '[]', 'scheduled', c.date_submitted, c.occurred_at, c.occurred_at,
           c.occurred_at + interval '7 days'
      FROM daily_checkins c
     CROSS JOIN LATERAL generate_series(1, CASE WHEN c.user_id = %(id)s THEN 4 ELSE 2 END) k
    """,
    """
    INSERT INTO insight_interactions
        (id, tenant_id, user_id, insight_id, insight_type, action, context, created_at)
    SELECT gen_random_uuid(), tenant_id, user_id, id, insight_type, 'viewed', '{}', created_at
      FROM insights
     WHERE random() < 0.3
    """,
)
# Two medications each, every regimen changed twice; and everybody has moved once.
MEDICATIONS = (
    """
    INSERT INTO user_medications (id, tenant_id, user_id, medication_name, created_at, updated_at)
    SELECT gen_random_uuid(), tenant_id, id, 'Estradiol', '2015-01-01', '2015-01-01'
      FROM users, generate_series(1, 2)
    """,
    """
    INSERT INTO medication_regimens
        (id, tenant_id, user_id, medication_id, version, effective_from, status, as_needed,
         times_of_day, every_n_days, start_date, tolerance_minutes, created_at)
    SELECT gen_random_uuid(), tenant_id, user_id, id, n, created_at + n * interval '1 year',
           'active', false, '{08:00,20:00}', 1, '2015-01-01', 60, now()
      FROM user_medications, generate_series(1, 3) n
    """,
    """
    INSERT INTO time_zone_changes (id, tenant_id, user_id, time_zone, until)
    SELECT gen_random_uuid(), tenant_id, id, 'Europe/Berlin', '2020-01-01' FROM users
    """,
)
# Since then that person recorded something on 60 days, and everybody else on two: days that are
# marked, as nobody has folded them yet.
MARK = (
    """
    INSERT INTO health_events
        (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date, recorded_at)
    SELECT gen_random_uuid(), u.tenant_id, u.id, 'mood', '{"mood": "calm", "confidence": 5}', o.at,
           o.at::date, now()
      FROM users u
     CROSS JOIN LATERAL generate_series(1, CASE WHEN u.id = %(id)s THEN 60 ELSE 2 END) n
     CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01' - n * interval '36 hours' AS at) o
    """,
    # As autovacuum does all the time: marks come and go.
    "VACUUM ANALYZE",
)
QUARTER = (dt.date(2025, 10, 4), dt.date(2026, 1, 1))
DAYS = "SELECT * FROM exact_daily_metrics WHERE user_id = %s AND local_date BETWEEN %s AND %s"
WEEKS = "SELECT * FROM user_weekly_metrics WHERE user_id = %s"
DAY = dt.date(2025, 6, 1)
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PAGE = {
    "me.user_id": ("uuid", None),
    "p_before_at": ("timestamptz", "infinity"),
    "p_before_id": ("uuid", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "p_types": ("text[]", None),
    "p_first_date": ("date", "-infinity"),
    "p_last_date": ("date", "infinity"),
    "p_history": ("boolean", "false"),
    "p_as_of": ("timestamptz", "infinity"),
    "p_limit": ("integer", "50"),
    "earliest": ("timestamptz", "-infinity"),
    "latest": ("timestamptz", "infinity"),
}
PAGES = {
    "first page": {},
    "next page": {"p_before_at": "2024-05-01", "p_before_id": "7" * 32},
    "types": {"p_types": "{mood,sleep}"},
    "type that never was": {"p_types": "{vital}"},
    "types, next page": {
        "p_types": "{mood}",
        "p_before_at": "2019-05-01",
        "p_before_id": "7" * 32,
    },
    "dates": {
        "p_first_date": "2020-03-01",
        "p_last_date": "2020-03-05",
        "earliest": "2020-02-29T10:00Z",
        "latest": "2020-03-06T12:00Z",
    },
    "history": {"p_history": "true"},
    "as it was known": {"p_as_of": "2025-12-20"},
    "short page": {"p_limit": "5"},
}


def fill(statements, user):
    for statement in statements:
        rows(statement, {"id": user.id} if "%(id)s" in statement else ())


@contextmanager
def migrated():
    call_command("migrate", verbosity=0)
    yield


@pytest.fixture(scope="module")
def hot(django_db_setup, django_db_blocker, database_url):
    """A person with a long history, in a database of its own that is gone afterwards."""
    with (
        django_db_blocker.unblock(),
        scratch_database(is_copy=False, url=database_url),
        migrated(),
    ):
        user = make_user()
        fill((*FILL, *MEDICATIONS), user)
        metrics.fold()
        fill(MARK, user)
        yield user


@pytest.fixture
def outside(hot):
    """The role of the owner, as the gate's own lookups have it."""
    with transaction.atomic():
        # A wrong plan may take minutes; the right one takes milliseconds.
        rows("SET LOCAL statement_timeout = '4s'")
        yield hot
        transaction.set_rollback(True)


@pytest.fixture
def inside(outside):
    assert gate.enter(gate.Claims(user_id=str(outside.id), issued_at=time.time()))
    assert rows("SELECT current_user::text") == [("novara_api",)]
    return outside


def sound(plans):
    assert plans
    return {mode: [] for mode in plans}


def test_has_a_long_history_to_read(hot):
    assert rows("SELECT count(*) > 100000 FROM health_events") == [(True,)]
    assert rows("SELECT count(*) > 20000 FROM health_events WHERE user_id = %s", [hot.id]) == [
        (True,)
    ]
    assert rows("SELECT count(*) > 3000 FROM user_daily_metrics WHERE user_id = %s", [hot.id]) == [
        (True,)
    ]
    assert rows(
        "SELECT count(*) FILTER (WHERE user_id = %s), count(*) > 4000 FROM metric_marks", [hot.id]
    ) == [(60, True)]


@pytest.mark.parametrize("name", PAGES)
def test_read_a_page_of_the_timeline(inside, name):
    plain, by_type = queries_in("read_timeline", r"(?:THEN|ELSE)\s+(SELECT json_agg.*?);")
    changes = PAGES[name] | {"me.user_id": str(inside.id)}
    values = {key: (kind, changes.get(key, usual)) for key, (kind, usual) in PAGE.items()}

    plans = explain("read_timeline", by_type if "p_types" in changes else plain, values)

    assert {mode: faults(plan, most_rows=400) for mode, plan in plans.items()} == sound(plans)


@pytest.mark.parametrize("function", ["read_timeline", "record_events"])
def test_find_that_no_row_waits(inside, function):
    (probe,) = queries_in(function, r"EXISTS \((SELECT\s+FROM daily_checkins.*?)\)")

    plans = explain(function, probe, {"me.user_id": ("uuid", str(inside.id))})

    assert {mode: faults(plan, most_rows=2) for mode, plan in plans.items()} == sound(plans)


def test_record_events(inside):
    """Nothing is looked up but what the index of the clients' own ids holds against it."""
    (insert,) = queries_in("record_events", r"(WITH item AS.*?ORDER BY a\.id\) r);")
    items = (
        '[{"id": "00000000-0000-7000-8000-000000000000", "event_type": "mood", "event_data": {},'
        ' "schema_version": 1, "occurred_at": "2026-01-01T00:00:00Z", "source": "api",'
        f' "client_event_id": "{inside.id}17"}}]'
    )
    values = {
        "me.tenant_id": ("uuid", str(inside.tenant_id)),
        "me.user_id": ("uuid", str(inside.id)),
        "me.time_zone": ("text", "Europe/Berlin"),
        "p_with_events": ("boolean", "true"),
        "p_items": ("jsonb", items),
    }

    plans = explain("record_events", insert, values)

    assert {mode: faults(plan, most_rows=2) for mode, plan in plans.items()} == sound(plans)
    for plan in plans.values():
        assert "'health_events_client_event_unique'" in str(plan)


def test_find_what_was_recorded_before(inside):
    (again,) = queries_in("record_events", r"(SELECT json_agg\(r\)\s+INTO.*?);")
    items = (
        '[{"id": "00000000-0000-7000-8000-000000000000", "event_type": "mood", "event_data": {},'
        f' "client_event_id": "{inside.id}17", "states_time": false}}]'
    )

    values = {
        "me.user_id": ("uuid", str(inside.id)),
        "p_with_events": ("boolean", "false"),
        "p_items": ("jsonb", items),
    }

    plans = explain("record_events", again, values)

    assert {mode: faults(plan, most_rows=20) for mode, plan in plans.items()} == sound(plans)


def test_find_who_holds_a_token(outside):
    queries_ = queries_in("enter_gate", r"(SELECT u\.tenant_id.*?);")
    values = {
        "p_user_id": ("uuid", str(outside.id)),
        "p_email": ("text", outside.email),
        "p_issued_at": ("timestamptz", "infinity"),
    }

    assert len(queries_) == 3
    for query in queries_:
        plans = explain("enter_gate", query, values)
        assert {mode: faults(plan, most_rows=30) for mode, plan in plans.items()} == sound(plans)


def test_find_the_session_of_a_token(outside):
    (perform,) = queries_in("enter_gate", r"PERFORM (1\s+FROM refresh_families.*?);")
    ((family,),) = rows("SELECT id::text FROM refresh_families WHERE user_id = %s", [outside.id])

    values = {"p_session_id": ("uuid", family), "enter_gate.user_id": ("uuid", str(outside.id))}

    plans = explain("enter_gate", f"SELECT {perform}", values)

    assert {mode: faults(plan, most_rows=2) for mode, plan in plans.items()} == sound(plans)


def page_of_insights(hot, **changes):
    usual: dict[str, Any] = dict.fromkeys(("category", "insight_type", "is_viewed", "before"))
    usual |= {"now": NOW, "with_all": True, "limit": 20}
    return partial(insights.page, hot.id, **usual | changes)


def test_show_the_newest_check_ins(inside):
    (newest,) = queries_in("newest_checkins", r"RETURN \((SELECT coalesce.*?)\);")
    values = {"me.user_id": ("uuid", str(inside.id)), "p_limit": ("integer", "30")}

    plans = explain("newest_checkins", newest, values)

    assert {mode: faults(plan, most_rows=100) for mode, plan in plans.items()} == sound(plans)


# 60 days are computed anew, from the 15 events of the 50 hours that a date can have; and 3,400
# days are put together in weeks.
@pytest.mark.parametrize(
    ("call", "most_rows"),
    [
        ((rows, DAYS, "id", *QUARTER), 1_500),
        ((analytics.days_between, "id", *QUARTER), 1_500),
        ((rows, WEEKS, "id"), 8_000),
    ],
    ids=["exact_daily_metrics", "days_between", "user_weekly_metrics"],
)
def test_read_exact_figures_while_days_are_marked(inside, call, most_rows):
    """Who reads pays for their own marks of the days they ask for, not for those of others."""
    asked, *values = [inside.id if part == "id" else part for part in call]
    arguments = [values[0], values[1:]] if asked is rows else values

    (plan,) = explain_calls(asked, *arguments)

    assert faults(plan, most_rows=most_rows) == []


def adherence_of(hot):
    person = gate.Person(hot.id, hot.tenant_id, "UTC")
    return partial(medications.adherence, person, now=NOW)


def questions(hot):
    checkin = DailyCheckin.objects.filter(user_id=hot.id, date_submitted=DAY).get()
    corrected = rows(
        "SELECT related_event_id FROM health_events WHERE user_id = %s AND version = 2 LIMIT 1",
        [hot.id],
    )
    insight = Insight.objects.filter(user_id=hot.id, local_date=DAY)[0]
    return {
        "all insights": (page_of_insights(hot),),
        "all insights, next page": (
            page_of_insights(hot, before=(5, insight.created_at, insight.id)),
        ),
        "recent events": (
            queries.find_events_between,
            hot.id,
            NOW - dt.timedelta(days=8),
            NOW,
            insights.TELLING,
        ),
        "events of check-ins": (queries.event_ids_of_checkins, hot.id, [checkin.id]),
        "newest insights": (insights.newest, hot.id, 30),
        "get_insight": (insights.get_insight, hot.id, insight.id),
        "interactions": (insights.interactions, hot.id, insight.id),
        "events_on": (queries.events_on, hot.id, DAY),
        "get_event": (queries.get_event, corrected[0][0]),
        "latest_checkins": (queries.latest_checkins, hot.id, 30),
        "find_checkins_between": (queries.find_checkins_between, hot.id, *QUARTER),
        "find_checkin_on": (queries.find_checkin_on, hot.id, DAY),
        "get_checkin": (queries.get_checkin, hot.id, checkin.id),
        "find_current": (event_log.find_current, corrected[0][0]),
        "lock": (checkin_rows.lock, checkin.id),
        "write_events": (checkin_rows.write_events, checkin),
        "write_waiting_events": (checkin_rows.write_waiting_events, hot.id),
        "profile": (accounts.profile, hot.id),
        "adherence": (adherence_of(hot), DAY, DAY),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("events_on", "get_event", "latest_checkins", "find_checkin_on", "get_checkin"),
        *("find_current", "lock", "write_events", "write_waiting_events", "profile"),
        *("all insights", "all insights, next page", "newest insights"),
        *("get_insight", "interactions", "recent events", "adherence"),
        *("events of check-ins", "find_checkins_between"),
    ],
)
def test_answer_a_question(inside, name):
    plans = explain_calls(*questions(inside)[name])

    assert plans
    for plan in plans:
        assert faults(plan, most_rows=200) == []


def test_find_what_still_counts_beside_ten_years_that_do_not(inside):
    (plan,) = explain_calls(page_of_insights(inside, with_all=False))

    assert "insights_standing" in str(plan)


def test_find_who_reported_since(outside):
    (plan,) = explain_calls(queries.people_with_new_events, "999999999999", insights.TELLING)

    assert faults(plan, most_rows=10) == []


def test_find_who_has_no_insight_of_the_day(outside):
    """So many people, each of them looked up."""
    found = insights.people_without_daily_insight(NOW, portion=10)

    plan, *_ = explain_calls(next, found)

    assert faults(plan, most_rows=1000) == []


def test_count_over_all_check_ins_in_one_pass(inside):
    (plan,) = explain_calls(queries.history, inside.id, NOW.date())

    assert faults(plan, most_rows=30_000) == []


def test_show_the_old_view_in_one_pass(inside):
    """Every lookup of another version goes through an index; it would be millions of rows else."""
    (plan,) = explain_calls(
        rows, "SELECT count(mood_today) FROM daily_checkins_legacy WHERE user_id = %s", [inside.id]
    )

    assert faults(plan, most_rows=30_000) == []


def test_notices_a_query_that_reads_everything(inside):
    rows("SET LOCAL enable_indexscan = off")
    rows("SET LOCAL enable_bitmapscan = off")

    plans = explain_calls(queries.latest_checkins, inside.id, 30)

    assert any("reads all of" in fault for plan in plans for fault in faults(plan, most_rows=200))
