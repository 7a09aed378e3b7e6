"""A long PDF on its way through the pipeline, beside its parts alone: the parser, the embedder."""

import json
import os
import statistics
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks import processes, servers, worker
from tests.benchmarks.report import UNKNOWN, Report, Table, number
from tests.benchmarks.servers import Stage
from tests.benchmarks.session import Session
from tests.benchmarks.worker import ROOT

APPS = ()
FILE = "DA-619p.pdf"
TITLE = "A long PDF through the pipeline"
HOW = f"make bench BENCH=documents_pipeline DOCUMENTS=/the/folder/of/{FILE}"
ENDED = ("completed", "failed", "cancelled")
LONGEST_SECONDS = 1_800
STAGES = """
SELECT stage, extract(epoch FROM sum(ended_at - started_at))::float
  FROM document_attempts
 GROUP BY stage
 ORDER BY min(started_at)
"""
TOTAL = """
SELECT page_count, total_chunks,
       extract(epoch FROM processing_completed_at - created_at)::float
  FROM documents
"""


def run(session: Session) -> Report:
    path = Path(os.environ.get("DOCUMENTS", "")) / FILE
    if not path.is_file():
        return Report(TITLE, f"Not measured, as there is no {path}: {HOW}", [])
    servers.migrate(session.stage)
    env = {**servers.novara_env(session.stage), "DOCUMENT_STORAGE": str(_storage(session.stage))}
    # The parts are measured before and after the whole, as machines have moods.
    parts = [_alone(path, env)]
    whole = Whole(session.stage, env)
    with whole.running() as (web, documents):
        whole.send(path)
        memory = {"web": _peak_mebibytes(web), "worker": _peak_mebibytes(documents)}
    parts.append(_alone(path, env))
    pages, chunks, seconds, stages = whole.figures()
    parsing = statistics.median(part["parse"] for part in parts)
    embedding = statistics.fmean(part["embed"] for part in parts)
    assert all(part["chunks"] == chunks for part in parts)
    speeds = [
        ("parser alone, pages/s", number(pages / parsing, 1), "≥ 50"),
        ("stage processing, pages/s", number(pages / stages["processing"], 1), "≥ 50"),
        ("embedder alone, chunks/s", number(chunks / embedding, 1), UNKNOWN),
        ("stage embedding, chunks/s", number(chunks / stages["embedding"], 1), UNKNOWN),
        ("stage embedding / embedder alone", number(embedding / stages["embedding"], 2), "≥ 0.9"),
    ]
    times = [
        *((f"stage {stage}", number(stages[stage], 2)) for stage in stages),
        ("upload to searchable", number(seconds, 2)),
    ]
    peaks = [(name, number(size)) for name, size in memory.items()]
    return Report(
        f"{TITLE}: {pages:,} pages, {chunks:,} chunks",
        f"{servers.describe(session.stage)}; {os.cpu_count()} cores; one worker process. {__doc__}",
        [
            Table(("", "", "target"), speeds),
            Table(("", "s"), times),
            Table(("peak of the largest process", "MiB"), peaks),
        ],
    )


def _storage(stage: Stage) -> Path:
    folder = stage.folder / "documents"
    folder.mkdir(exist_ok=True)
    return folder


def _alone(path: Path, env: dict[str, str]) -> dict[str, float]:
    print("  the parts alone …", flush=True)
    found: dict[str, float] = worker.ask("documents_pipeline_worker", str(path), env=env)
    return found


def _peak_mebibytes(root: int) -> float:
    """Of the process of a family that ever needed most."""
    family = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
    lines = [
        line
        for process in family
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
    ]
    return max(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class Whole:
    """The web process, a worker, and somebody who sends a file."""

    def __init__(self, stage: Stage, env: dict[str, str]) -> None:
        self.stage = stage
        self.env = env
        self.url = f"http://127.0.0.1:{processes.free_port()}"
        self.token = ""

    @contextmanager
    def running(self) -> Iterator[tuple[int, int]]:
        web = [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application"),
            *("--host", "127.0.0.1", "--port", self.url.rpartition(":")[2], "--no-ws"),
            *("--workers", "1", "--blocking-threads", "4", "--runtime-mode", "st"),
        ]
        documents = [
            *(sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "documents"),
            *("--pool", "prefork", "-c", "1", "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ]
        logs = self.stage.folder
        with (
            processes.running(web, env=self.env, log=logs / "web.log", cwd=ROOT) as one,
            processes.running(documents, env=self.env, log=logs / "worker.log", cwd=ROOT) as two,
        ):
            processes.wait_until_it_answers(f"{self.url}/livez", pid=one, log=logs / "web.log")
            yield one, two

    def send(self, path: Path) -> None:
        """Upload a small file to warm everything up, then this one; wait until both are done."""
        words = {"email": f"{uuid.uuid4().hex}@example.org", "password": "seven lanterns, harbor"}
        body = json.dumps(words | {"nickname": "Bench"}).encode()
        given = self.call("/api/v2/auth/signup", body, "application/json")
        self.token = given["access_token"]
        self.finish("warm.md", b"# Warm\n\nSo that models are loaded and connections open.\n")
        with self.stage.connect() as connection:
            connection.execute("DELETE FROM documents")
        print("  the whole pipeline …", flush=True)
        self.finish(FILE, path.read_bytes())

    def finish(self, name: str, content: bytes) -> None:
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        given = self.call("/api/v2/documents", body, f"multipart/form-data; boundary={edge}")
        deadline = time.monotonic() + LONGEST_SECONDS
        while given["status"] not in ENDED and time.monotonic() < deadline:
            time.sleep(0.25)
            given = self.call(f"/api/v2/documents/{given['id']}")
        if given["status"] != "completed":
            raise SystemExit(f"{name} is {given['status']} at {given['stage']}: {given['error']}")

    def call(self, path: str, body: bytes | None = None, kind: str = "") -> Any:
        headers = {"Content-Type": kind} if kind else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)

    def figures(self) -> tuple[int, int, float, dict[str, float]]:
        with self.stage.connect() as connection:
            stages: Any = connection.execute(STAGES).fetchall()
            row: Any = connection.execute(TOTAL).fetchone()
        return *row, dict(stages)
