"""The tasks that write insights: nobody is forgotten, and nobody keeps others waiting."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts.models import User, UserProfile
from core.models import uuid7
from core.times import local_date
from health.tasks import write_waiting_events
from insights import queries, tasks, writing
from insights.models import Insight, InsightCursor
from tests.conftest import client_of
from tests.factories import make_user
from tests.health.threads import at_once, then_close, wait_until_blocked
from tests.insights.log import read_log
from tests.log import wait_for_log

FORM = {"mood_today": "worried", "confidence_today": 5}
READY = {"baseline_completed": True}
REFUSE = """
    CREATE FUNCTION refuse_insight() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'no' USING ERRCODE = '{code}';
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON insights FOR EACH ROW
    WHEN (NEW.user_id = '{user}') EXECUTE FUNCTION refuse_insight();
"""
EVENT = """
    INSERT INTO health_events
        (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date)
    VALUES (%(id)s, %(tenant)s, %(user)s, 'mood', '{"mood": "calm"}', now(), now()::date)
"""
ALLOW = "DROP TRIGGER refuse ON insights; DROP FUNCTION refuse_insight()"


def person(**form: Any) -> User:
    user = make_user(profile=READY)
    assert client_of(user).call("POST", "/api/checkins", FORM | form).status_code == 201
    return user


def has_insights(user: User) -> bool:
    return Insight.objects.filter(user_id=user.id).exists()


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@contextmanager
def refusing(user: User, code: str) -> Iterator[None]:
    """Let the database refuse the insights of one person with an error of choice."""
    execute(REFUSE.format(user=user.id, code=code))
    try:
        yield
    finally:
        execute(ALLOW)


def test_go_on_when_the_data_of_one_person_is_refused(committed_db):
    before, poison, after = person(), person(), person()
    start = queries.cursor_position()

    with refusing(poison, "22000"):
        read_log()
        tasks.write_daily_insights()

    assert [has_insights(user) for user in (before, poison, after)] == [True, False, True]
    assert int(queries.cursor_position()) > int(start)


def test_go_on_when_one_person_has_a_time_zone_that_is_none(committed_db):
    before, poison, after = person(), person(), person()

    UserProfile.objects.filter(user=poison).update(timezone="Mars/Phobos")
    read_log()
    tasks.write_daily_insights()
    UserProfile.objects.filter(user=poison).update(timezone="UTC")

    assert [has_insights(user) for user in (before, poison, after)] == [True, False, True]


def test_begin_again_where_they_were_when_the_database_went_away(committed_db):
    user = person(anxiety_level=9)
    start = queries.cursor_position()

    # Cannot connect now.
    with refusing(user, "57P03"), pytest.raises(OperationalError):
        read_log()
    stayed = queries.cursor_position()
    read_log()

    assert stayed == start
    assert Insight.objects.filter(user_id=user.id, insight_type="support_needed").exists()


def test_pass_over_accounts_that_are_off(committed_db):
    on, off = person(), person()
    User.objects.filter(pk=off.pk).update(is_active=False)

    read_log()
    tasks.write_daily_insights()

    assert has_insights(on)
    assert not has_insights(off)


def test_read_people_once_until_they_report_again(committed_db):
    user = person()
    read_log()
    Insight.objects.filter(user_id=user.id).delete()

    read_log()
    assert not has_insights(user)

    note = {"event_type": "note", "event_data": {"text": "x"}}
    client_of(user).call("POST", "/api/v2/health/events", note)
    read_log()
    assert not has_insights(user)

    mood = {"event_type": "mood", "event_data": {"mood": "calm"}}
    client_of(user).call("POST", "/api/v2/health/events", mood)
    read_log()
    assert has_insights(user)


def test_never_read_past_what_is_still_being_written(committed_db, database_url):
    user = make_user(profile=READY)
    with psycopg.connect(database_url) as slow:
        slow.execute(EVENT, {"id": uuid7(), "tenant": user.tenant_id, "user": user.id})
        other = person()
        tasks.write_insights_of_new_events()
        assert not has_insights(other)

        slow.commit()
    read_log()

    assert has_insights(user)
    assert has_insights(other)


def test_may_run_at_the_same_time(committed_db):
    people = [person(anxiety_level=9) for _ in range(5)]
    wait_for_log()

    at_once(*[tasks.write_insights_of_new_events] * 3, *[tasks.write_daily_insights] * 3)

    for user in people:
        found = Insight.objects.filter(user_id=user.id)
        assert found.filter(insight_type="support_needed").count() == 1
        assert found.filter(occasion__startswith="daily:").count() == 1


def test_never_go_back(committed_db):
    read_log()
    far = queries.cursor_position()

    writing.advance(str(int(far) - 1))
    writing.advance("3")

    assert queries.cursor_position() == far


def test_read_the_numbers_of_transactions_as_numbers(committed_db):
    position = queries.cursor_position()
    with transaction.atomic():
        InsightCursor.objects.update(position="9")
        writing.advance("10")
        assert queries.cursor_position() == "10"
        transaction.set_rollback(True)

    assert queries.cursor_position() == position


def test_write_alerts_when_events_are_on_again(committed_db, settings):
    settings.USE_SCHEMA_V2 = False
    user = person(anxiety_level=9)
    read_log()
    assert not has_insights(user)

    settings.USE_SCHEMA_V2 = True
    write_waiting_events()
    read_log()

    (alert,) = Insight.objects.filter(user_id=user.id, insight_type="support_needed")
    assert alert.evidence


def test_write_the_day_while_events_are_off(committed_db, settings):
    settings.USE_SCHEMA_V2 = False
    user = person(anxiety_level=9)

    tasks.write_daily_insights()

    assert Insight.objects.filter(user_id=user.id, occasion__startswith="daily:").count() == 1
    answer = client_of(user).call("GET", "/api/insights").json()
    assert answer["count"] > 0


def test_write_the_day_of_many_in_portions(committed_db, monkeypatch):
    people = [person() for _ in range(5)]
    monkeypatch.setattr(tasks, "PORTION", 2)

    tasks.write_daily_insights()

    assert all(has_insights(user) for user in people)
    assert tasks.write_daily_insights() == 0


def test_leave_people_alone_who_have_not_checked_in_for_long(committed_db):
    user = make_user(profile=READY)
    day = local_date(timezone.now(), "America/Los_Angeles") - dt.timedelta(days=30)
    client_of(user).call("POST", "/api/checkins", FORM | {"date_submitted": str(day)})

    tasks.write_daily_insights()

    assert not has_insights(user)


def test_let_what_came_later_have_the_last_word(committed_db, database_url):
    """Whoever begins first must not overwrite, with less, what somebody wrote who saw more."""
    user = person()
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute(writing.LOCK, [str(user.id)])
        client = client_of(user)
        running = pool.submit(
            then_close, partial(client.call, "POST", "/api/v2/insights/generate", {})
        )
        wait_until_blocked(database_url, 1)
        yesterday = local_date(timezone.now(), "America/Los_Angeles") - dt.timedelta(days=1)
        client_of(user).call("POST", "/api/checkins", FORM | {"date_submitted": str(yesterday)})
        other.commit()
        assert running.result().status_code == 200

    daily = Insight.objects.get(user_id=user.id, occasion__startswith="daily:")
    assert daily.data["checkins_analyzed"] == 2
