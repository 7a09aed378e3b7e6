"""/livez: the process answers. /readyz: it can do its work; says what is missing."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from core import gate


def livez(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(_request: HttpRequest) -> JsonResponse:
    """The store that only wakes tasks may be away: requests do not need it."""
    checks = {"database": database(), "broker": broker()}
    is_ready = checks["database"] == "ok"
    return JsonResponse(
        {"status": "ok" if is_ready else "unavailable", "checks": checks},
        status=200 if is_ready else 503,
    )


def database() -> str:
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "migrations are missing: run `manage.py migrate`"
        gate.refuse_bypass()
    except (DatabaseError, RuntimeError):
        return "unavailable"
    return "ok"


def broker() -> str:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5) as client:
            client.ping()
    except redis.RedisError:
        return "unavailable"
    return "ok"
