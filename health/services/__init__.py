"""What can be done with health events and check-ins; the modules of this package hold the parts."""

from health.services.batches import record_events
from health.services.checkins import (
    delete_checkin,
    list_checkins,
    submit_checkin,
    submit_enhanced_checkin,
    today,
    update_checkin,
)
from health.services.events import (
    correct_event,
    daily_summary,
    get_event,
    read_timeline,
    record_event,
    record_event_of,
    retract_event,
)
from health.services.modes import bring_up_to_date, write_waiting_events
from health.services.old_clients import first_values, metrics, questions_of_day
from health.services.old_service import (
    change_imported_checkin,
    change_imported_event,
    import_history,
)

__all__ = [
    "bring_up_to_date",
    "change_imported_checkin",
    "change_imported_event",
    "correct_event",
    "daily_summary",
    "delete_checkin",
    "first_values",
    "get_event",
    "import_history",
    "list_checkins",
    "metrics",
    "questions_of_day",
    "read_timeline",
    "record_event",
    "record_event_of",
    "record_events",
    "retract_event",
    "submit_checkin",
    "submit_enhanced_checkin",
    "today",
    "update_checkin",
    "write_waiting_events",
]
