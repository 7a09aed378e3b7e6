"""Who was refused a moment ago is refused again, before Django makes a request of it.

A program that does not hear asks as fast as it can, and each of its requests would cost a third of
one that is served. Here it is counted, answered and logged as config.limits and core.requests do
it, by their own functions; only who asks for what is not looked up again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

from django.conf import settings

from config import limits
from config.limits import PASSAGE, Passage
from core import requests
from ratelimits import services, store

Environ: TypeAlias = dict[str, Any]
Fields: TypeAlias = list[tuple[str, str]]
Application: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

AGAIN_SECONDS: Final = 1.0
# All of a request by which it has its answer, but the query.
SAYS: Final = (
    *("REQUEST_METHOD", "PATH_INFO", "REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", "HTTP_ORIGIN"),
    *("HTTP_AUTHORIZATION", "HTTP_X_API_KEY", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"),
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
)
# Fields that are another answer's next time.
OWN: Final = frozenset(
    (
        *("retry-after", "x-request-id", "ratelimit", "ratelimit-policy"),
        *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    )
)


class Refused(NamedTuple):
    """Who asked for what in vain a moment ago, and the fields that say the same each time."""

    passage: Passage
    status: str
    fields: Fields
    until: float


_refused: Final[OrderedDict[bytes, Refused]] = OrderedDict()


def guarded(application: Application) -> Application:
    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _refused and (before := _refused_before(environ)):
            body = _refuse(environ, before, start_response)
            if body is not None:
                return [body]
        begun: list[Any] = []

        def begin(*said: Any) -> Any:
            begun[:] = said
            return start_response(*said)

        answer = application(environ, begin)
        passage: Passage | None = environ.get(PASSAGE)
        if passage is not None and not passage.decision.is_allowed:
            _remember(environ, passage, *begun[:2])
        return answer

    return serve


def _refused_before(environ: Environ) -> Refused | None:
    before = _refused.get(_sent(environ))
    is_lately = before is not None and time.monotonic() < before.until
    return before if is_lately and settings.RATE_LIMITS else None


def _refuse(environ: Environ, before: Refused, start_response: Callable[..., Any]) -> bytes | None:
    """Count the request; answer it, unless it may pass by now."""
    started = time.perf_counter()
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    caller, route = before.passage.caller, before.passage.route
    decision = services.check(caller=caller, route=route, method=limits.method_of(method))
    passage = Passage(*before.passage[:-1], decision)
    if decision.is_allowed:
        environ[PASSAGE] = passage
        return None
    current = requests.id_of(environ.get("HTTP_X_REQUEST_ID", ""))
    token = requests.request_id.set(current)
    try:
        answer = limits.refusal(path, decision)
        fields = {"X-Request-ID": current, **answer.headers, **limits.fields_of(path, decision)}
        own = [field for field in fields.items() if field[0].lower() in OWN]
        start_response(before.status, before.fields + own)
        limits.note(limits.method_of(method), answer.status_code, passage, started)
        requests.log_request(method, passage.pattern, answer.status_code, started)
    finally:
        requests.request_id.reset(token)
    return answer.content


def _remember(environ: Environ, passage: Passage, status: str, fields: Fields) -> None:
    same = [field for field in fields if field[0].lower() not in OWN]
    until = time.monotonic() + AGAIN_SECONDS
    # Nothing of a token stays.
    kept = Passage(passage.caller, None, *passage[2:])
    store.keep(_refused, _sent(environ), Refused(kept, status, same, until))


def _sent(environ: Environ) -> bytes:
    """Name a request by a digest: what is kept must hold no token."""
    said = "\0".join([environ.get(name, "") for name in SAYS])
    return blake2b(said.encode(errors="surrogatepass"), digest_size=16).digest()


def forget() -> None:
    """Refuse nobody again without a look; for tests."""
    _refused.clear()
