"""The frame of every task: whose request it came from, who acts, and its one line in the log.

The id of the request travels in the message's headers, also to the tasks that a task sends, and
with each retry. What the timetable sends goes by its own id.
"""

import logging
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from celery import Task
from celery.signals import before_task_publish, task_postrun, task_prerun

from core import origin
from core.origin import Origin

log = logging.getLogger("novara.tasks")

HEADER: Final = "novara_request_id"


@dataclass(frozen=True)
class Running:
    started: float
    acting: AbstractContextManager[None]


_running: dict[str, Running] = {}


@before_task_publish.connect
def name_request(headers: dict[str, Any], **_: Any) -> None:
    headers.setdefault(HEADER, origin.request_id.get() or _plain(headers["id"]))


@task_prerun.connect
def begin(task_id: str, task: Task[Any, Any], **_: Any) -> None:
    # One that is called in place belongs to the request at work.
    current = task.request.get(HEADER) or origin.request_id.get() or _plain(task_id)
    acting = origin.acting(Origin("system", source=f"task:{task.name}"), current)
    acting.__enter__()
    _running[task_id] = Running(time.perf_counter(), acting)


@task_postrun.connect
def end(task_id: str, task: Task[Any, Any], retval: Any, state: str, **_: Any) -> None:
    running = _running.pop(task_id, None)
    if running is None:
        return
    took = round((time.perf_counter() - running.started) * 1000, 1)
    level = logging.DEBUG if state == "SUCCESS" and _was_idle(task, retval) else logging.INFO
    log.log(level, "task", extra={"task": task.name, "state": state, "ms": took})
    running.acting.__exit__(None, None, None)


def _was_idle(task: Task[Any, Any], result: Any) -> bool:
    """Tell whether a run of the timetable found nothing to do: there is one every other second."""
    timetable = task.app.conf.beat_schedule.values()
    return not result and task.name in {entry["task"] for entry in timetable}


def _plain(task_id: str) -> str:
    return task_id.replace("-", "")
