"""The Celery app: queues and the timetable. Rows in Postgres are the truth; the broker wakes."""

import os
from contextlib import suppress
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.db import OperationalError, connection

from config import task_frame  # noqa: F401  It listens to the signals of tasks.
from config.restoring import positions
from core import flushing
from flags import agent

app = Celery("novara", broker=settings.REDIS_URL)
app.conf.update(
    task_default_queue="default",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    # A killed worker's tasks return after the time-out plus one interval, not 100 s later.
    broker_transport_options={
        "visibility_timeout": 600,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        # Who only wakes a worker does not wait for a broker that is away, or hangs.
        "max_retries": 0,
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
    },
    # A long document keeps nobody's metrics waiting.
    task_routes={
        "documents.tasks.advance": {"queue": "documents"},
        "health.tasks.fold_metrics": {"queue": "metrics"},
    },
    beat_schedule={
        "write events of waiting check-ins": {
            "task": "health.tasks.write_waiting_events",
            "schedule": 10.0,
            "options": {"expires": 30},
        },
        # Reads are exact without it; the fewer days are marked, the cheaper they are.
        "fold metrics": {
            "task": "health.tasks.fold_metrics",
            "schedule": 2.0,
            "options": {"expires": 10},
        },
        # An alert is there within seconds.
        "write insights of new events": {
            "task": "insights.tasks.write_insights_of_new_events",
            "schedule": 2.0,
            "options": {"expires": 10},
        },
        # Somewhere a day begins every quarter of an hour.
        "write daily insights": {
            "task": "insights.tasks.write_daily_insights",
            "schedule": 600.0,
            "options": {"expires": 600},
        },
        "watch documents": {
            "task": "documents.tasks.watch",
            "schedule": 5.0,
            "options": {"expires": 60},
        },
        "delete blobs of documents that are gone": {
            "task": "documents.tasks.delete_blobs",
            "schedule": 30.0,
            "options": {"expires": 30},
        },
        "forget jobs of the parsing service": {
            "task": "documents.tasks.forget_llama_jobs",
            "schedule": 30.0,
            "options": {"expires": 30},
        },
        "seal the audit log": {
            "task": "audit.tasks.seal",
            "schedule": 2.0,
            "options": {"expires": 10},
        },
        "sign the chains of the audit log": {
            "task": "audit.tasks.write_checkpoint",
            "schedule": float(settings.AUDIT_CHECKPOINT_SECONDS),
            "options": {"expires": 60},
        },
        "delete old entries of the audit log": {
            "task": "audit.tasks.prune",
            "schedule": crontab(hour=3, minute=30),
            "options": {"expires": 3600},
        },
        "delete expired refresh tokens": {
            "task": "accounts.tasks.delete_expired_tokens",
            "schedule": 3600.0,
            "options": {"expires": 3600},
        },
        "look for alerts": {
            "task": "audit.tasks.look_for_alerts",
            "schedule": 5.0,
            "options": {"expires": 10},
        },
        "send mails of alerts": {
            "task": "audit.tasks.send_alert_mails",
            "schedule": 10.0,
            "options": {"expires": 10},
        },
        "advance ramps of flags": {
            "task": "flags.tasks.advance_ramps",
            "schedule": 5.0,
            "options": {"expires": 5},
        },
        "delete old records of flags": {
            "task": "flags.tasks.delete_old_records",
            "schedule": 3600.0,
            "options": {"expires": 3600},
        },
        "delete old records of limits": {
            "task": "ratelimits.tasks.delete_old_records",
            "schedule": 3600.0,
            "options": {"expires": 3600},
        },
    },
)
app.autodiscover_tasks(
    ["accounts", "audit", "documents", "flags", "health", "insights", "ratelimits"]
)


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Celery would replace the handlers; Django has configured them already."""


@worker_init.connect
def refuse_blindness(**_: Any) -> None:
    """Let no worker read a log of which it would see nothing new; one may wait for the database."""
    with suppress(OperationalError):
        if why := positions.complaint():
            # Celery would log another error, and go on.
            raise SystemExit(f"The worker does not start: {why}.")
    # Those that are forked must not have it too.
    connection.close()


@worker_process_init.connect
def look_after_flags(**_: Any) -> None:
    agent.start()
    flushing.start()


@worker_process_shutdown.connect
def send_what_was_counted(**_: Any) -> None:
    flushing.stop()
    agent.stop()
