"""Work for later. Rows are the truth: a task that is lost is found again by the timetable."""

from typing import Final

from celery import shared_task

from core import gate
from health import checkin_rows, imports, metrics, queries

# A few seconds of work: the worker has alerts to write as well.
PORTIONS: Final = 20


@shared_task
def write_waiting_events() -> int:
    """Write the events of check-ins that were stored in V1 mode, person by person."""
    written = 0
    for user_id in queries.people_with_waiting_checkins():
        with gate.as_person(user_id) as person:
            written += imports.write_first_events(person.id)
            written += checkin_rows.write_waiting_events(person.id)
    return written


@shared_task
def fold_metrics() -> int:
    """Bring the figures of people's days in step with the log; of many, some at a time."""
    return metrics.fold(portions=PORTIONS)
