"""/livez: the process answers. /readyz: it can do its work; says what is missing."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Final

import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from config.broker import broker_client
from config.lately import Lately
from config.restoring import positions
from core import gate
from documents import storage
from documents.failures import Code, StepFailed

STORAGE_KEPT_SECONDS: Final = 10.0
STORAGE_WAIT_SECONDS: Final = 1.0


def livez(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(_request: HttpRequest) -> JsonResponse:
    """Two may be away: the store that only wakes tasks, and that of the documents.

    Hardly a request needs them, and they are away for all processes at once. What is said is a
    second old at most: the address is open to balancers, and so to whoever they let through.
    """
    checks = {"database": database(), "broker": broker(), "document_storage": document_storage()}
    is_ready = checks["database"] == "ok"
    return JsonResponse(
        {"status": "ok" if is_ready else "unavailable", "checks": checks},
        status=200 if is_ready else 503,
    )


class DatabaseCheck:
    """Looks for missing migrations until there are none: a process does not unlearn them."""

    def __init__(self) -> None:
        self._is_migrated = False

    def __call__(self) -> str:
        try:
            if not self._is_migrated:
                executor = MigrationExecutor(connection)
                if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                    return "migrations are missing: run `manage.py migrate`"
                self._is_migrated = True
            gate.refuse_bypass()
            return positions.complaint() or "ok"
        except (DatabaseError, RuntimeError):
            return "unavailable"


def look_at_broker() -> str:
    try:
        with broker_client() as client:
            client.ping()
    except redis.RedisError:
        return "unavailable"
    return "ok"


database: Final = Lately(DatabaseCheck())
broker: Final = Lately(look_at_broker)


class StorageCheck:
    """Writes, reads and removes a file, at most every ten seconds.

    One thread does that, as a storage that is away may take long to say so: longer than whoever
    asks for readiness waits.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, "document-storage")
        self._asked_at = 0.0
        self._answer: Future[str] | None = None

    def __call__(self) -> str:
        with self._lock:
            is_old = time.monotonic() - self._asked_at > STORAGE_KEPT_SECONDS
            if self._answer is None or (is_old and self._answer.done()):
                self._asked_at = time.monotonic()
                self._answer = self._thread.submit(tested_storage)
            answer = self._answer
        try:
            return answer.result(timeout=STORAGE_WAIT_SECONDS)
        except TimeoutError:
            return "unavailable"


def tested_storage() -> str:
    try:
        storage.test()
    except StepFailed as failure:
        return "forbidden" if failure.code == Code.STORAGE_FORBIDDEN else "unavailable"
    return "ok"


document_storage: Final = StorageCheck()
