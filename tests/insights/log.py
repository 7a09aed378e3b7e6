"""Runs the task that reads the log, when there is nothing in the way."""

from insights import tasks
from tests.log import wait_for_log


def read_log() -> None:
    """Read all that was committed so far."""
    wait_for_log()
    tasks.write_insights_of_new_events()
