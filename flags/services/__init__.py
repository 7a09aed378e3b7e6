"""What people and programs do with flags; the modules of this package hold the parts."""

from flags.services.changing import (
    Actor,
    ApprovalNeeded,
    FlagChanged,
    FlagNotFound,
    change_flag,
    create_flag,
    delete_flag,
    kill_flag,
    restore_flag,
    revert_flag,
)
from flags.services.evaluating import evaluate, evaluate_all, explain, is_on, percentage

__all__ = [
    "Actor",
    "ApprovalNeeded",
    "FlagChanged",
    "FlagNotFound",
    "change_flag",
    "create_flag",
    "delete_flag",
    "evaluate",
    "evaluate_all",
    "explain",
    "is_on",
    "kill_flag",
    "percentage",
    "restore_flag",
    "revert_flag",
]
