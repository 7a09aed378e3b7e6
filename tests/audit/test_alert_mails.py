"""Mails of alerts: once for each, tried again where it is certain that none was sent."""

import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from audit import mailing, services
from audit.admin.alerts import mail_state
from audit.models import AuditAlert, AuditAlertRule
from audit.types import HOUSE
from tests.audit.logs import rule
from tests.audit.post import Post, post

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def server(settings: Any) -> Iterator[Post]:
    with post() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        settings.DEFAULT_FROM_EMAIL = "novara@example.org"
        settings.PUBLIC_URL = "https://novara.example.org"
        settings.SENDS_MAIL = True
        yield running


def due(one: AuditAlertRule | None = None, **changes: Any) -> AuditAlert:
    one = one or rule(notify=["ward@example.org", "it@example.org"])
    fields: dict[str, Any] = {
        "tenant_id": HOUSE,
        "rule_id": one.id,
        "rule_name": one.name,
        "severity": one.severity,
        "group_by": one.group_by,
        "group_key": "192.0.2.0/24",
        "entry_count": 3,
        "first_entry_id": 1,
        "last_entry_id": 3,
        "first_at": NOW,
        "last_at": NOW,
        "mail_due_at": NOW,
    }
    return AuditAlert.objects.create(**(fields | changes))


def state_of(alert: AuditAlert) -> str:
    alert.refresh_from_db()
    return mail_state(alert, NOW + dt.timedelta(hours=1))


@pytest.mark.django_db
def test_tells_that_there_is_an_alert_and_where_and_nothing_of_anybody(server: Post):
    alert = due()

    sent = mailing.send_due(NOW)

    (mail,) = server.mails
    assert sent == 1
    assert alert.rule_name in mail
    assert f"https://novara.example.org/admin/audit/auditalert/{alert.id}/change/" in mail
    assert "To: ward@example.org, it@example.org" in mail
    assert "192.0.2" not in mail
    assert state_of(alert).startswith("Mail was sent at")


@pytest.mark.django_db
def test_sends_none_twice(server: Post):
    due()

    sent = [mailing.send_due(NOW + dt.timedelta(days=day)) for day in range(3)]

    assert sent == [1, 0, 0]
    assert len(server.mails) == 1


@pytest.mark.django_db
def test_tries_again_when_the_server_is_away(server: Post, settings: Any):
    alert = due()
    settings.EMAIL_PORT = 1

    first = mailing.send_due(NOW)
    waiting = state_of(alert)
    too_early = mailing.send_due(NOW + dt.timedelta(seconds=59))
    settings.EMAIL_PORT = server.port
    second = mailing.send_due(NOW + dt.timedelta(minutes=1))

    assert (first, too_early, second) == (0, 0, 1)
    assert "tried again" in waiting
    assert "ConnectionRefusedError" in waiting
    assert len(server.mails) == 1
    assert state_of(alert).startswith("Mail was sent at")


@pytest.mark.django_db
def test_gives_up_after_some_tries_and_says_so(server: Post):
    server.refuses = True
    alert = due()

    for day in range(10):
        mailing.send_due(NOW + dt.timedelta(days=day))

    assert "is not tried again" in state_of(alert)
    assert alert.mail_attempts == len(mailing.WAITS) + 1
    assert server.mails == []


@pytest.mark.django_db
def test_does_not_send_again_what_may_have_been_sent(server: Post):
    server.dies = True
    alert = due()

    sent = [mailing.send_due(NOW + dt.timedelta(days=day)) for day in range(3)]

    assert sent == [0, 0, 0]
    assert len(server.mails) == 1
    assert mailing.UNCLEAR in state_of(alert)


@pytest.mark.django_db
def test_does_not_send_again_what_a_killed_worker_had_begun(server: Post):
    alert = due(mail_due_at=None, mail_claimed_at=NOW)

    sent = mailing.send_due(NOW + dt.timedelta(days=1))

    assert sent == 0
    assert state_of(alert) == mailing.UNCLEAR


@pytest.mark.django_db
def test_sends_none_to_nobody(server: Post):
    nobody = due(rule())

    sent = mailing.send_due(NOW)

    assert (sent, server.mails) == (0, [])
    assert state_of(nobody) == "No mail: its rule names nobody."


@pytest.mark.django_db
def test_is_sent_also_when_somebody_was_quick_to_resolve(server: Post):
    quick = due()
    services.resolve(alerts=[quick.id], by=uuid.uuid4(), note="Nothing to see here.", now=NOW)

    sent = mailing.send_due(NOW)

    assert (sent, len(server.mails)) == (1, 1)
    assert state_of(quick).startswith("Mail was sent at")


def test_sends_each_once_when_many_workers_race(server: Post, committed_db: None):
    alerts = [due() for _ in range(5)]
    start = threading.Barrier(4)

    def race() -> None:
        start.wait()
        mailing.send_due(NOW)
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    sent = "".join(server.mails)
    assert [sent.count(str(alert.rule_name)) for alert in alerts] == [2] * 5  # Subject and text.
