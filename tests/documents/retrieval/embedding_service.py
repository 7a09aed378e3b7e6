"""An embedding service on loopback that speaks OpenAI's contract, and misbehaves when told to."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-the-key-of-the-tests"
MODEL = "test-model"
DIMENSIONS = 8

Items = list[dict[str, Any]]


def vector_of(text: str) -> list[float]:
    return [byte / 255 + 0.01 for byte in hashlib.sha256(text.encode()).digest()[:DIMENSIONS]]


@dataclass
class Service:
    """`change` turns the right items into others; `status` and `headers` answer in their place.

    `transfer` is how the answer goes out: whole, "truncated", "slow" (it never ends) or "silent".
    """

    url: str = ""
    change: Callable[[Items], Any] = lambda items: items
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    transfer: str = "whole"
    body: bytes | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def answer(self, asked: dict[str, Any]) -> bytes:
        if self.body is not None:
            return self.body
        items = [
            {"object": "embedding", "index": index, "embedding": vector_of(text)}
            for index, text in enumerate(asked["input"])
        ]
        answer = {"object": "list", "model": MODEL, "data": self.change(items), "usage": {}}
        return json.dumps(answer).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service

    def do_POST(self) -> None:
        service = self.service
        service.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if self.headers["Authorization"] != f"Bearer {KEY}":
            service.status = 401
        elif self.path != "/v1/embeddings":
            service.status = 404
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send(service.answer(service.asked[-1]))

    def send(self, body: bytes) -> None:
        service = self.service
        if service.transfer == "silent":
            service.stopped.wait(60)
            return
        self.send_response(service.status)
        for name, value in service.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if service.transfer == "truncated":
            self.close_connection = True
            body = body[: len(body) // 2]
        for part in [bytes([byte]) for byte in body] if service.transfer == "slow" else [body]:
            self.wfile.write(part)
            service.stopped.wait(0.05 if service.transfer == "slow" else 0)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running() -> Iterator[Service]:
    service = Service()
    handler = type("Handler", (Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield service
    finally:
        service.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
