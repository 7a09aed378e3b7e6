"""What can be done with the audit log; the modules of this package hold the parts."""

from audit.services.alerts import acknowledge, may_decide, resolve
from audit.services.exports import export_log, export_to_file
from audit.services.keeping import change_retention, place_hold, release_hold
from audit.services.recording import mark, note_read, record, record_looks

__all__ = [
    "acknowledge",
    "change_retention",
    "export_log",
    "export_to_file",
    "mark",
    "may_decide",
    "note_read",
    "place_hold",
    "record",
    "record_looks",
    "release_hold",
    "resolve",
]
