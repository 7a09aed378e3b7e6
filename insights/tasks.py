"""Work for later. Rows are the truth: a task that is lost is found again by the timetable."""

import logging
import uuid
from collections.abc import Iterable
from typing import Final

from celery import shared_task
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from core import gate
from health import queries as health
from insights import queries, writing
from insights.models import Insight

log = logging.getLogger("novara.insights")

PORTION: Final = 500


@shared_task
def write_insights_of_new_events() -> int:
    """Write insights for everybody who recorded something telling since the last time.

    Safe to run twice, also at the same time: an occasion has one insight.
    """
    position, people = health.people_with_new_events(queries.cursor_position(), queries.TELLING)
    written = _renew(people, Insight.Trigger.EVENT_BASED)
    writing.advance(position)
    return written


@shared_task
def write_daily_insights() -> int:
    """Write the day's insights for people whose local midnight has passed."""
    people = queries.people_without_daily_insight(timezone.now(), portion=PORTION)
    return _renew(people, Insight.Trigger.SCHEDULED)


def _renew(people: Iterable[uuid.UUID], trigger: Insight.Trigger) -> int:
    written = 0
    for user_id in people:
        try:
            now = timezone.now()
            # Two transactions: the alert stays, whatever the other rules make of the rest.
            with gate.as_person(user_id) as person:
                writing.renew_safety(person, trigger=trigger, now=now)
            with gate.as_person(user_id) as person:
                writing.renew(person, trigger=trigger, now=now)
            written += 1
        except (OperationalError, InterfaceError):
            raise  # The database is away: the next run begins where this one did.
        except Exception as error:  # One person's data must not keep others waiting.
            if not isinstance(error, gate.AccountOff):
                log.exception("insights failed")
    return written
