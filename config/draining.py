"""Bodies that nobody has read are read before the answer goes.

The server closes a connection on which a body was left lying, and does not always say so: the next
request on it, of a client or of the proxy that serves all of them, then gets no answer at all.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from config.doorstep import Application, Environ

# To read more than this costs more than another connection.
MOST_BYTES: Final = 1024 * 1024
AT_ONCE: Final = 64 * 1024


def drained(application: Application) -> Application:
    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = application(environ, start_response)
        length = environ.get("CONTENT_LENGTH", "")
        if length.isdigit() and 0 < int(length) <= MOST_BYTES:
            try:
                while environ["wsgi.input"].read(AT_ONCE):
                    pass
            except OSError:
                # The client has gone, and its connection with it.
                pass
        return answer

    return serve
