"""A small service that speaks OpenAI's contract: another model than the built-in one."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSIONS = 8
MODEL = "the-new-one"


class Service:
    """`before_answer` is called with the number of each request, from 1."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[list[str]] = []
        self.before_answer: Callable[[int], Any] = lambda _number: None

    @property
    def variables(self) -> dict[str, str]:
        return {
            "EMBEDDINGS_URL": self.url,
            "EMBEDDINGS_MODEL": MODEL,
            "EMBEDDINGS_DIMENSIONS": str(DIMENSIONS),
        }

    def answer(self, texts: list[str]) -> bytes:
        self.requests.append(texts)
        self.before_answer(len(self.requests))
        vectors = [[byte + 1.0 for byte in sha256(text.encode()).digest()[:8]] for text in texts]
        return json.dumps(
            {"data": [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)]}
        ).encode()


@contextmanager
def embedding_service() -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = service.answer(sent["input"])
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        service = Service(f"http://127.0.0.1:{server.server_port}/v1")
        running = threading.Thread(target=server.serve_forever, daemon=True)
        running.start()
        try:
            yield service
        finally:
            server.shutdown()
            running.join()
