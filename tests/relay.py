"""A way to the test database that can be cut: what does a process do while it is away?"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

from django.conf import settings


class Relay(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.is_cut = False
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Passage)

    @property
    def database_url(self) -> str:
        address = settings.DATABASES["default"]
        who = f"{address['USER']}:{address['PASSWORD']}"
        return f"postgresql://{who}@127.0.0.1:{self.server_address[1]}/{address['NAME']}"

    def cut(self) -> None:
        """End all connections, and refuse new ones from now on."""
        self.is_cut = True
        for end in tuple(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def held(self, *ends: socket.socket) -> Iterator[None]:
        self._open.update(ends)
        try:
            yield
        finally:
            self._open.difference_update(ends)


class _Passage(BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        if self.server.is_cut:
            return
        with _to_database() as there, self.server.held(self.request, there):
            back = Thread(target=_pass_on, args=(there, self.request))
            back.start()
            _pass_on(self.request, there)
            back.join()


def _to_database() -> socket.socket:
    address = settings.DATABASES["default"]
    host = address["HOST"] or address["OPTIONS"].get("host", "")
    if not host.startswith("/"):
        return socket.create_connection((host, int(address["PORT"] or 5432)))
    there = socket.socket(socket.AF_UNIX)
    there.connect(f"{host}/.s.PGSQL.{address['PORT'] or 5432}")
    return there


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while words := source.recv(65_536):
            target.sendall(words)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def relay() -> Iterator[Relay]:
    with Relay() as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.cut()
        running.shutdown()
        thread.join()
