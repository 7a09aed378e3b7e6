"""The frame of every request: its id, and its one line in the log."""

import datetime as dt
import logging
import re
import time
import uuid
from collections.abc import Callable

import msgspec
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core import origin, slow
from core.api.base import caller_address

request_id, caller = origin.request_id, origin.caller

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
        current = id_of(request.META.get("HTTP_X_REQUEST_ID", ""))
        token = request_id.set(current)
        nobody = caller.set(None)
        door = "console" if request.path_info.startswith("/admin/") else "api"
        network = origin.network(caller_address(request))
        somebody = origin.current.set(origin.Origin("anonymous", source=door, network=network))
        nothing = slow.handling.set(request)
        try:
            response = get_response(request)
            response.headers["X-Request-ID"] = current
            match = request.resolver_match
            route = match.route if match else None
            log_request(request.method, route, response.status_code, started)
            return response
        finally:
            slow.handling.reset(nothing)
            origin.current.reset(somebody)
            caller.reset(nobody)
            request_id.reset(token)

    return frame


def id_of(sent: str) -> str:
    """Give a request's id: the one that was sent, if it is a plain word."""
    return sent if ACCEPTED_ID.fullmatch(sent) else uuid.uuid4().hex


def log_request(method: str | None, route: str | None, status: int, started: float) -> None:
    if log.isEnabledFor(logging.INFO):
        ms = round((time.perf_counter() - started) * 1000, 1)
        extra = {"method": method, "route": route, "status": status, "ms": ms}
        log.info("request", extra=extra)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, request id, and the extras."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        extras = {name: record.__dict__[name] for name in record.__dict__.keys() - STANDARD}
        if record.name == "celery.app.trace":
            # Its text and its data hold the error's own words and the task's arguments.
            data = extras.pop("data", {})
            line["message"] = f"task {data.get('description', 'ended')}"
            line["task"] = data.get("name")
        # Django's own warnings name the path, the query or the host that somebody sent.
        extras.pop("request", None)
        if record.name.startswith("django.security"):
            line["message"] = "suspicious request"
        line |= extras
        if record.exc_info and record.exc_info[0]:
            # The kind alone: an error's text may quote what somebody sent.
            line["kind"] = record.exc_info[0].__name__
        return msgspec.json.encode(line, enc_hook=str).decode()


STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"taskName", "message", "asctime"}
