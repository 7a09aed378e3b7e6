"""A parsing service on loopback that speaks LlamaParse's version 2, and misbehaves when told to.

It is real HTTP: what the SDK sends is what arrives here. `Service.made` counts the jobs of each
file, so that a second one does not go unnoticed.
"""

import datetime as dt
import hashlib
import hmac
import http.client
import json
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "llx-the-key-of-the-tests"
PENDING, RUNNING, COMPLETED = "PENDING", "RUNNING", "COMPLETED"
FAILED, CANCELLED = "FAILED", "CANCELLED"
EVENT_OF = {COMPLETED: "parse.success", FAILED: "parse.error", CANCELLED: "parse.cancelled"}


@dataclass
class Fault:
    """What goes wrong with one request.

    `status`: it is refused so. `after`: first what was asked for is done, then its answer is lost,
    cut in half ("truncated"), sent drop by drop ("slow"), or is no JSON ("garbage").
    """

    status: int = 0
    after: str = ""
    body: str = '{"detail": "no"}'
    headers: dict[str, str] = field(default_factory=dict)


LOST, TRUNCATED = Fault(after="lost"), Fault(after="truncated")
SLOW, GARBAGE = Fault(after="slow"), Fault(after="garbage")
# The connection breaks before anything is done.
REFUSED = Fault(after="refused")


@dataclass
class Job:
    configuration: dict[str, Any]
    file_name: str
    file_type: str
    content: bytes
    id: str = field(default_factory=lambda: f"pjb-{uuid.uuid4().hex[:24]}")
    status: str = PENDING
    created_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    # A page is its text, or None: it failed.
    pages: Sequence[str | None] = ()
    asked: int = 0

    @property
    def tags(self) -> dict[str, str]:
        return self.configuration.get("user_metadata") or {}

    @property
    def webhook(self) -> Any:
        (webhook,) = self.configuration["webhook_configurations"]
        return webhook

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "project_id": "prj-1",
            "status": self.status,
            "created_at": self.created_at.isoformat(),
            "error_message": "Could not read “Her results”." if self.status == FAILED else None,
            "tier": self.configuration["tier"],
            "usage": {"credits": 3.0},
            "user_metadata": self.tags,
        }

    def markdown(self) -> list[dict[str, Any]]:
        return [
            {"page_number": number, "success": False, "error": "Could not read “Her results”."}
            if text is None
            else {"page_number": number, "success": True, "markdown": text, "footer": "1"}
            for number, text in enumerate(self.pages, 1)
        ]


class Service(ThreadingHTTPServer):
    daemon_threads = True
    # A client that has hung up is no news.
    handle_error = lambda *_: None  # noqa: E731

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Exchange)
        self.lock = threading.Lock()
        self.jobs: dict[str, Job] = {}
        # By the SHA-256 of the file.
        self.made: Counter[str] = Counter()
        self.seen: list[str] = []
        self.cancelled: list[str] = []
        self.deleted: list[str] = []
        # Told which, a job goes this way by itself: it ends with the n-th question, calling us.
        self.ends_with_question: int | None = 1
        self.ends_as = COMPLETED
        self.pages: Sequence[str | None] = ("# Results\n\nThe first page.", "The second page.")
        self.calls_back = False
        self.list_size = 100
        # Called with what is asked for, before it is done.
        self.on_arrival: Any = None
        # Called with a new job before its submission is answered.
        self.before_answer: Any = None
        # Called with a job that is asked about, before the answer.
        self.while_asked: Any = None
        self._faults: dict[str, deque[Fault]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def misbehave(self, action: str, *faults: Fault) -> None:
        """Let the next requests of a kind (submit, get, list, cancel, delete) go wrong."""
        self._faults.setdefault(action, deque()).extend(faults)

    def next_fault(self, action: str) -> Fault | None:
        with self.lock:
            self.seen.append(action)
            faults = self._faults.get(action)
            return faults.popleft() if faults else None

    @property
    def job(self) -> Job:
        """The one job there is."""
        (job,) = self.jobs.values()
        return job

    def submitted(self, configuration: dict[str, Any], part: Any) -> Job:
        content = part.get_payload(decode=True)
        job = Job(configuration, part.get_filename(), part.get_content_type(), content)
        with self.lock:
            self.jobs[job.id] = job
            self.made[hashlib.sha256(content).hexdigest()] += 1
        if self.before_answer:
            self.before_answer(job)
        return job

    def asked(self, job: Job) -> None:
        job.asked += 1
        if self.ends_with_question is not None and job.asked >= self.ends_with_question:
            self.finish(job)
        elif job.status == PENDING:
            job.status = RUNNING
        if self.while_asked:
            self.while_asked(job)

    def finish(self, job: Job, status: str = "") -> None:
        with self.lock:
            if job.status not in (PENDING, RUNNING):
                return
            job.pages = self.pages
            job.status = status or self.ends_as
        if self.calls_back and job.configuration.get("webhook_configurations"):
            self.call(job)

    def call(self, job: Job, *, url: str = "", secret: str = "", **changes: Any) -> int:
        """Call the job's webhook; give the status of the answer."""
        body = changes.get("body") or self.event(job)
        signature = changes.get("signature", signed(body, secret or self.secret_of(job)))
        address = urlsplit(url or job.webhook["webhook_url"])
        connection = http.client.HTTPConnection(address.netloc, timeout=10)
        headers = {"Content-Type": "application/json"}
        if signature is not None:
            headers["LC-Signature"] = signature
        with suppress(OSError):
            connection.request("POST", address.path, body, headers)
            return connection.getresponse().status
        return 0

    @staticmethod
    def secret_of(job: Job) -> str:
        return str(job.webhook["webhook_signing_secret"])

    @staticmethod
    def event(job: Job) -> bytes:
        event = {
            "event_id": str(uuid.uuid4()),
            "event_type": EVENT_OF.get(job.status, "parse.running"),
            "data": {"job_id": job.id},
        }
        is_json = job.webhook.get("webhook_output_format") == "json"
        return json.dumps(event if is_json else json.dumps(event)).encode()

    def listed(self, query: dict[str, list[str]]) -> dict[str, Any]:
        since = dt.datetime.fromisoformat(query["created_at_on_or_after"][0])
        size = min(int(query["page_size"][0]), self.list_size)
        start = int(query.get("page_token", ["0"])[0])
        found = sorted(
            (job for job in self.jobs.values() if job.created_at >= since),
            key=lambda job: job.created_at,
            reverse=True,
        )
        more = str(start + size) if start + size < len(found) else None
        items = [job.shown() for job in found[start : start + size]]
        return {"items": items, "next_page_token": more, "total_size": len(found)}


def signed(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class _Refusal(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


class _Exchange(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if path.path == "/api/v2/parse":
            self.answer("list", lambda: self.server.listed(parse_qs(path.query)))
        else:
            self.answer("get", lambda: self.result(parse_qs(path.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/api/v2/parse/upload":
            self.answer("submit", lambda: self.submit(body))
        else:
            self.answer("cancel", self.cancel)

    def do_DELETE(self) -> None:
        self.answer("delete", self.delete)

    def answer(self, action: str, do: Any) -> None:
        if self.server.on_arrival:
            self.server.on_arrival(action)
        fault = self.server.next_fault(action) or Fault()
        if fault.after == "refused":
            self.close_connection = True
        elif self.headers.get("Authorization") != f"Bearer {KEY}":
            self.send(401, '{"detail": "Invalid API key"}')
        elif fault.status:
            self.send(fault.status, fault.body, fault.headers)
        else:
            try:
                text = json.dumps(do())
            except _Refusal as refusal:
                self.send(refusal.status, '{"detail": "no"}')
            else:
                self.hand_out(text, fault)

    def hand_out(self, text: str, fault: Fault) -> None:
        if fault.after == "lost":
            self.close_connection = True
        elif fault.after == "truncated":
            self.send(200, text[: len(text) // 2])
        elif fault.after == "garbage":
            self.send(200, "<html>Her results</html>")
        elif fault.after == "slow":
            self.send(200, text, seconds=0.05)
        else:
            self.send(200, text)

    def send(
        self, status: int, text: str, headers: dict[str, str] | None = None, seconds: float = 0
    ) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(OSError):
            for start in range(0, len(content), 1 if seconds else len(content)):
                self.wfile.write(content[start : start + (1 if seconds else len(content))])
                time.sleep(seconds)

    def submit(self, body: bytes) -> dict[str, Any]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message: Any = message_from_bytes(head + body)
        parts = {
            part.get_param("name", header="content-disposition"): part
            for part in message.get_payload()
        }
        configuration = json.loads(parts["configuration"].get_payload(decode=True))
        return self.server.submitted(configuration, parts["file"]).shown()

    def the_job(self) -> Job:
        job = self.server.jobs.get(urlsplit(self.path).path.split("/")[4])
        if job is None:
            raise _Refusal(404)
        return job

    def result(self, query: dict[str, list[str]]) -> dict[str, Any]:
        job = self.the_job()
        self.server.asked(job)
        found: dict[str, Any] = {"job": job.shown()}
        if "markdown" in query.get("expand", []) and job.status == COMPLETED:
            found["markdown"] = {"pages": job.markdown()}
        return found

    def cancel(self) -> dict[str, Any]:
        job = self.the_job()
        if job.status not in (PENDING, RUNNING):
            raise _Refusal(400)
        job.status = CANCELLED
        self.server.cancelled.append(job.id)
        return job.shown()

    def delete(self) -> dict[str, Any]:
        job = self.the_job()
        if job.status in (PENDING, RUNNING):
            raise _Refusal(409)
        del self.server.jobs[job.id]
        self.server.deleted.append(job.id)
        return {"id": job.id, "project_id": "prj-1"}


@contextmanager
def running(port: int = 0) -> Iterator[Service]:
    with Service(port) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()
