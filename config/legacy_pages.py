"""Pages of the old service about itself: is it up, what it offers, what it has in its cache.

The API's own probes are /livez and /readyz; these have the keys that old clients look for.
"""

from typing import Any, Final

from django.conf import settings
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import authentication, services
from config import openapi, probes
from core.api.openapi import INSTANT, TEXT, WHOLE, YES_NO, described, object_of
from core.api.v1 import V1View

DOCS: Final = "/api/docs"

HEALTH = {
    "status": {"enum": ["ok", "unavailable"]},
    "timestamp": INSTANT,
    "service": TEXT,
    "environment": {"enum": ["production", "development"]},
    "version": TEXT,
}
CHECKS = object_of(
    {
        "database": {**TEXT, "description": "`postgresql`, or what is wrong with it."},
        "schemaV2": {"enum": ["enabled", "disabled"]},
        "redis": {"enum": ["connected", "unavailable"]},
        "jwt": {"const": "configured"},
        "sentry": {"const": "not_configured"},
        "airtable": {
            "enum": ["connected", "unavailable"],
            "description": "The old name of the store of records, which is the database.",
        },
    }
)
ENTRIES = object_of({"entries": WHOLE, "capacity": WHOLE, "hits": WHOLE, "misses": WHOLE})


class Root(V1View):
    """What is here: JSON for programs, the docs page for browsers."""

    is_open = True

    @described("What is here", {200: object_of({"success": YES_NO, "message": TEXT})})
    def get(self, request: Request) -> Any:
        answer: Any = Response(
            {
                "success": True,
                "message": "Novara API is running",
                "docs": DOCS,
                "endpoints": {
                    "health": "/api/health",
                    "auth": "/api/auth/login",
                    "users": "/api/users",
                    "checkins": "/api/checkins",
                    "insights": "/api/insights/daily",
                    "engagement": "/api/insights/engagement",
                    "status": "/api/v2/status",
                },
            }
        )
        if "text/html" in request.headers.get("Accept", ""):
            answer = redirect(DOCS)
        patch_vary_headers(answer, ["Accept"])
        return answer


class Health(V1View):
    is_open = True

    @described(
        "Is the service up",
        {200: object_of({**HEALTH, "startup": TEXT, "jwt": TEXT, "airtable": TEXT})},
        description=(
            "Asks nothing of the database. A process serves only after it has found its database,"
            " and its secret, in order; `airtable` and `jwt` are the names by which old clients"
            " ask for them. For their state now, see `/api/health/detailed` and `/readyz`."
        ),
    )
    def get(self, request: Request) -> Response:
        found = {"startup": "ready", "jwt": "configured", "airtable": "connected"}
        return Response({**about("ok"), **found})


class DetailedHealth(V1View):
    is_open = True

    @described(
        "What the service needs, and whether it is there",
        dict.fromkeys((200, 503), object_of({**HEALTH, "checks": CHECKS})),
    )
    def get(self, request: Request) -> Response:
        database = probes.database()
        has_database = database == "ok"
        checks = {
            "database": "postgresql" if has_database else database,
            "schemaV2": "enabled" if settings.USE_SCHEMA_V2 else "disabled",
            "redis": "connected" if probes.broker() == "ok" else "unavailable",
            "jwt": "configured",
            "sentry": "not_configured",
            "airtable": "connected" if has_database else "unavailable",
        }
        return Response(
            {**about("ok" if has_database else "unavailable"), "checks": checks},
            status=200 if has_database else 503,
        )


class CheckinsTest(V1View):
    is_open = True

    @described(
        "The paths for check-ins",
        {200: object_of({"success": YES_NO, "message": TEXT, "endpoints": {"type": "object"}})},
    )
    def get(self, request: Request) -> Response:
        message = "The daily check-ins are here."
        return Response({"success": True, "message": message, "endpoints": CHECKIN_PATHS})


CHECKIN_PATHS: Final = {
    "POST /api/checkins": "Submit the day's check-in",
    "GET /api/checkins": "Check-ins, newest first",
    "GET /api/checkins/last-values": "What the form is filled with",
    "GET /api/checkins/questions": "What to ask today",
    "GET /api/checkins/today": "Today's check-in",
    "GET /api/checkins/user/{user_id}": "One's own check-ins",
    "GET /api/checkins/{checkin_id}": "One check-in",
    "PUT /api/checkins/{checkin_id}": "Change a check-in",
    "DELETE /api/checkins/{checkin_id}": "Delete a check-in",
    "POST /api/daily-checkin-enhanced": "Submit the long form",
}


class StaffPage(V1View):
    """Open to the base view, as the gate's role can't see who is staff; it asks for itself."""

    is_open = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        services.authenticate_staff(self.claims(request))


class CacheStats(StaffPage):
    @described(
        "What the cache of verified tokens holds, in the process that answers",
        {200: object_of({"success": YES_NO, "stats": ENTRIES})},
        description="For staff. It is the only cache there is; each web process has its own.",
    )
    def get(self, request: Request) -> Response:
        found = authentication.verify.cache_info()
        stats = {
            "entries": found.currsize,
            "capacity": found.maxsize,
            "hits": found.hits,
            "misses": found.misses,
        }
        return Response({"success": True, "stats": stats})


class CacheClear(StaffPage):
    @described(
        "Empty the cache of verified tokens, in the process that answers",
        {200: object_of({"success": YES_NO, "message": TEXT})},
        description="For staff. Nobody is logged out: the next use of a token verifies it again.",
    )
    def post(self, request: Request) -> Response:
        authentication.verify.cache_clear()
        return Response({"success": True, "message": "Cache cleared successfully"})


def about(status: str) -> dict[str, Any]:
    return {
        "status": status,
        "timestamp": timezone.now(),
        "service": "Novara API",
        "environment": "development" if settings.DEBUG else "production",
        "version": openapi.V1["VERSION"],
    }
