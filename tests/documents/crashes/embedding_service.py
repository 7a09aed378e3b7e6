"""An embedding service on loopback. Told to hold, it answers nobody until it is let go."""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSIONS = 8


class Service(ThreadingHTTPServer):
    daemon_threads = True
    # A client that has hung up is no news.
    handle_error = lambda *_: None  # noqa: E731

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Exchange)
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = threading.Semaphore(0)


def vector(text: str) -> list[float]:
    dice = random.Random(text)  # noqa: S311  The same for the same text.
    return [dice.gauss(0, 1) for _ in range(DIMENSIONS)]


class _Exchange(BaseHTTPRequestHandler):
    server: Service

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.release()
        self.server.may_answer.wait()
        items = [
            {"index": place, "embedding": vector(text)} for place, text in enumerate(body["input"])
        ]
        content = json.dumps({"data": items}).encode()
        with suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


def variables(port: int) -> dict[str, str]:
    """Settings that lead to it."""
    return {
        "EMBEDDINGS_URL": f"http://127.0.0.1:{port}/v1",
        "EMBEDDINGS_MODEL": "the-model-of-the-tests",
        "EMBEDDINGS_DIMENSIONS": str(DIMENSIONS),
    }


@contextmanager
def running(port: int) -> Iterator[Service]:
    with Service(port) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield service
        finally:
            service.may_answer.set()
            service.shutdown()
            thread.join()
