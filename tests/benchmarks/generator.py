"""A small HTTP/1.1 load generator, for machines without wrk. Runs in its own process.

Every connection is kept alive and has one request under way.
"""

import selectors
import socket
import time
from dataclasses import dataclass, field
from itertools import cycle

from tests.benchmarks import worker

END_OF_CHUNKS = b"\r\n0\r\n\r\n"


@dataclass
class Connection:
    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def send(self, request: bytes) -> None:
        self.received.clear()
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def is_complete(self) -> bool:
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return False
        for line in head.lower().split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                return len(body) >= int(value)
            if name == b"transfer-encoding":
                return (b"\r\n" + body).endswith(END_OF_CHUNKS)
        return True

    def status(self) -> int:
        return int(self.received[9:12])


def connect(port: int) -> Connection:
    connected = socket.create_connection(("127.0.0.1", port))
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(connected)


def run(port: int, requests: list[bytes], seconds: float, connections: int) -> dict[str, float]:
    following = cycle(requests)
    latencies: list[float] = []
    errors = 0
    with selectors.DefaultSelector() as selector:
        begin = time.perf_counter()
        for _ in range(connections):
            connection = connect(port)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(next(following))
        while (now := time.perf_counter()) < begin + seconds:
            for key, _ in selector.select(timeout=0.5):
                connection = key.data
                chunk = connection.socket.recv(1 << 18)
                if not chunk:
                    raise SystemExit("The server closed a connection.")
                connection.received += chunk
                if connection.is_complete():
                    latencies.append(time.perf_counter() - connection.sent_at)
                    errors += connection.status() >= 400
                    connection.send(next(following))
    latencies.sort()
    count = len(latencies)
    return {
        "requests": count,
        "seconds": now - begin,
        "errors": errors,
        "p50_ms": latencies[count // 2] * 1e3 if count else 0,
        "p99_ms": latencies[count * 99 // 100] * 1e3 if count else 0,
    }


if __name__ == "__main__":
    worker.answer(run(*worker.read_question()))
