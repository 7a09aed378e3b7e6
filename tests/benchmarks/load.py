"""Putting load on a server: wrk where it is installed, our own generator elsewhere."""

import json
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks import worker

CONNECTIONS = 8
# More requests per second than any server here answers.
MOST_PER_SECOND = 4_000


@dataclass(frozen=True)
class Scenario:
    """What every connection sends, over and over: one request per (token, body) in turn."""

    method: str
    url: str
    tokens: Sequence[str]
    bodies: Sequence[bytes] = (b"",)

    @property
    def path(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def headers(self, token: str) -> Mapping[str, str]:
        common = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return common | ({"Content-Type": "application/json"} if self.method == "POST" else {})

    def turns(self, seconds: float = 0) -> list[tuple[str, bytes]]:
        """Give what is sent in so many seconds, to begin again at its end; at least one."""
        count = max(len(self.tokens), len(self.bodies))
        return [
            (self.tokens[i % len(self.tokens)], self.bodies[i % len(self.bodies)])
            for i in range(count)
        ]


@dataclass(frozen=True)
class Once(Scenario):
    """Requests that succeed only once: no load sends one that another one may have sent."""

    supply: Iterator[tuple[str, bytes]] = field(kw_only=True)

    def turns(self, seconds: float = 0) -> list[tuple[str, bytes]]:
        return list(islice(self.supply, max(1, round(seconds * MOST_PER_SECOND))))


@dataclass(frozen=True)
class Load:
    requests: float
    seconds: float
    errors: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def generator_name() -> str:
    return "wrk (1 thread)" if shutil.which("wrk") else "our own generator (wrk is not installed)"


def try_once(scenario: Scenario) -> bytes:
    """One request by hand, so that a wrong set-up fails with the server's own words."""
    token, body = scenario.turns()[0]
    request = urllib.request.Request(
        scenario.url,
        data=body or None,
        headers=dict(scenario.headers(token)),
        method=scenario.method,
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        words = error.read()[:2000].decode(errors="replace")
        raise SystemExit(f"{scenario.method} {scenario.url}: {error.code} {words}") from error


def put_load(scenario: Scenario, *, seconds: float, connections: int = CONNECTIONS) -> Load:
    run = _run_wrk if shutil.which("wrk") else _run_own
    load = Load(**run(scenario, seconds, connections))
    if load.errors:
        try_once(scenario)
        raise SystemExit(
            f"{scenario.url}: {load.errors:.0f} of {load.requests:.0f} requests failed."
        )
    return load


def _run_wrk(scenario: Scenario, seconds: float, connections: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="novara-bench-") as folder:
        requests, script = Path(folder) / "requests", Path(folder) / "requests.lua"
        requests.write_bytes(
            b"".join(b"%d\n%b" % (len(one), one) for one in _requests(scenario, seconds))
        )
        script.write_text(LUA.replace("REQUESTS", str(requests)))
        command = [
            *("wrk", "--threads", "1", "--connections", str(connections)),
            *("--duration", f"{max(1, round(seconds))}s", "--timeout", "30s"),
            *("--script", str(script), scenario.url),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


# Each request in the file follows a line with its length.
LUA = """
local ready, turn = {}, 0

function init(args)
  local file = assert(io.open("REQUESTS", "rb"))
  for length in function() return file:read("*l") end do
    ready[#ready + 1] = file:read(tonumber(length))
  end
  file:close()
end

function request()
  turn = turn % #ready + 1
  return ready[turn]
end

function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "seconds": %f, "errors": %d, "p50_ms": %f, "p99_ms": %f}\\n',
    summary.requests, summary.duration / 1e6,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


def _run_own(scenario: Scenario, seconds: float, connections: int) -> dict[str, float]:
    port, requests = urlsplit(scenario.url).port, _requests(scenario, seconds)
    found: dict[str, float] = worker.ask("generator", port, requests, seconds, connections)
    return found


def _requests(scenario: Scenario, seconds: float) -> list[bytes]:
    host = urlsplit(scenario.url).netloc
    return [_raw(scenario, host, *turn) for turn in scenario.turns(seconds)]


def _raw(scenario: Scenario, host: str, token: str, body: bytes) -> bytes:
    headers = {"Host": host, **scenario.headers(token)}
    if body:
        headers["Content-Length"] = str(len(body))
    lines = [f"{scenario.method} {scenario.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
