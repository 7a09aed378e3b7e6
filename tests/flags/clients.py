"""Real OpenFeature clients, as services and pages use them, and the server they call."""

import json
import shutil
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider

from config.dev.processes import last_lines, wait_until
from flags.evaluation import RuleSet
from flags.types import BUCKETS, ValueType, Variant
from tests.flag_sets import Flags
from tests.web import answers, free_port, process, web

BROKER = 11
SCRIPTS = Path(__file__).parents[1] / "clients"
NODE = shutil.which("node")
STREAM = (
    *("granian", "config.asgi:application", "--interface", "asgi", "--host", "127.0.0.1"),
    *("--workers", "1", "--runtime-mode", "st", "--no-ws"),
)
KINDS = {
    bool: (ValueType.BOOLEAN, False),
    str: (ValueType.STRING, ""),
    int: (ValueType.INTEGER, 0),
    float: (ValueType.FLOAT, 0.0),
    dict: (ValueType.OBJECT, {}),
}


@contextmanager
def stream_server(folder: Path, port: int, **variables: str) -> Iterator[None]:
    url, log = f"http://127.0.0.1:{port}", folder / f"{port}.log"
    with process(log, *STREAM, "--port", str(port), broker=BROKER, **variables) as running:
        wait_until(lambda: running.poll() is not None or answers(url), seconds=60)
        assert answers(url), last_lines(log, 30)
        yield


@contextmanager
def web_and_stream(folder: Path, **variables: str) -> Iterator[str]:
    """Run a web process and the stream server that it announces; give the web's address."""
    port = free_port()
    with (
        stream_server(folder, port, **variables),
        web(folder, broker=BROKER, STREAM_URL=f"http://127.0.0.1:{port}", **variables) as url,
    ):
        yield url


@contextmanager
def python_client(url: str, headers: dict[str, str]) -> Iterator[OpenFeatureClient]:
    provider = OFREPProvider(url, headers_factory=lambda: headers)
    domain = uuid.uuid4().hex
    api.set_provider_and_wait(provider, domain)
    yield api.get_client(domain)
    provider.session.close()


class NodeClient:
    """A client in a Node process, which answers each JSON line with one: tests/clients/*.mjs."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process = process
        self._errors = errors

    def ask(self, action: str, **words: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": action, **words}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, last_lines(self._errors, 30)
        told = json.loads(line)
        assert "gave" in told, told
        return told["gave"]

    def happened(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.ask("happened") if one["name"] == name]


@contextmanager
def node_client(script: str, folder: Path) -> Iterator[NodeClient]:
    if NODE is None or not (SCRIPTS / "node_modules").is_dir():
        pytest.skip("The JavaScript clients are not there: install Node, then run `make install`.")
    errors = folder / f"{script}-{uuid.uuid4().hex}.log"
    with (
        errors.open("wb") as output,
        subprocess.Popen(  # noqa: S603
            [NODE, SCRIPTS / script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        ) as running,
    ):
        try:
            yield NodeClient(running, errors)
        finally:
            running.kill()


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:12]}"


def gives(value: Any, share: int = BUCKETS) -> dict[str, Any]:
    """Fields of a flag that gives everybody this value, or a share of all buckets."""
    kind, other = KINDS[type(value)]
    return {
        "value_type": kind,
        "variants": [
            Variant("on", value, [(0, share)] if share else []),
            Variant("off", other),
        ],
    }


class LiveFlags(Flags):
    """Committed flags. A change returns when the running server has it, as OFREP promises."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url, self.headers = url, headers

    def load(self) -> RuleSet:
        rule_set = super().load()
        call(self.url, self.headers, f"?flagConfigEtag={rule_set.version}")
        return rule_set


def call(url: str, headers: dict[str, str], query: str = "", *, body: Any = None) -> Any:
    """Ask for all flags, without any client."""
    address, data = f"{url}/ofrep/v1/evaluate/flags{query}", json.dumps(body or {}).encode()
    sent = headers | {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data, sent, method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        return json.load(response)
