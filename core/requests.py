"""The frame of every request: its id, and its one line in the log."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

request_id: ContextVar[str] = ContextVar("request_id", default="")

log = logging.getLogger("novara.requests")
ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_frame(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Give the request an id (the caller's X-Request-ID if it is a plain word) and log it.

    The log has the route's pattern, never the path or the query: those may hold what is private.
    """

    def frame(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        current = sent if ACCEPTED_ID.fullmatch(sent) else uuid.uuid4().hex
        token = request_id.set(current)
        try:
            response = get_response(request)
            response.headers["X-Request-ID"] = current
            if log.isEnabledFor(logging.INFO):
                match = request.resolver_match
                log.info(
                    "request",
                    extra={
                        "method": request.method,
                        "route": match.route if match else None,
                        "status": response.status_code,
                        "ms": round((time.perf_counter() - started) * 1000, 1),
                    },
                )
            return response
        finally:
            request_id.reset(token)

    return frame


class AddRequestId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True
