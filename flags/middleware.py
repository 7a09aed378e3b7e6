"""Notes what becomes of requests while the ramp of a flag is watched."""

import datetime as dt
import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core import requests
from flags import outcomes

SERVER_ERROR = 500


def request_outcomes(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Note a request of a known person; right below the frame, so that it sees every failure."""

    def note(request: HttpRequest) -> HttpResponseBase:
        if not outcomes.guarded:
            return get_response(request)
        started = time.perf_counter()
        response = get_response(request)
        if user_id := requests.caller.get():
            now = dt.datetime.now(dt.UTC)
            outcomes.note(
                outcomes.Noted(
                    user_id,
                    now.replace(second=0, microsecond=0),
                    response.status_code >= SERVER_ERROR,
                    (time.perf_counter() - started) * 1000,
                )
            )
        return response

    return note
