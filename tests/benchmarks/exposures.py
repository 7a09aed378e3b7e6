"""1,000 evaluations of flags a second for a minute; one of two web processes is killed."""

import http.client
import json
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks import servers, worker
from tests.benchmarks.report import Report, Table, number
from tests.benchmarks.servers import App
from tests.benchmarks.session import Session

APPS = ()
SECONDS, KILLED_AT = 60, 45
FLAGS = 10
# Of each process; every request asks for all flags.
REQUESTS_PER_SECOND = 50
# Each subject comes twice; new ones come until the end. Half of them ask both processes.
TIMES, OTHERS = 2, 750
FLUSH_SECONDS = 2.0
# A flush begins this much late at most: what is drained, what is under way, a busy machine.
SLACK_SECONDS = 0.5


@dataclass
class Asker:
    """One connection to one process: what was answered, in this order, and when."""

    app: App
    secret: str
    first: int
    answered: list[tuple[float, int]] = field(default_factory=list)
    failed: int = 0

    def run(self) -> None:
        address = self.app.url.removeprefix("http://")
        open_connection = http.client.HTTPConnection(address, timeout=10)
        headers = {"Content-Type": "application/json", "X-API-Key": self.secret}
        started = time.monotonic()
        for index in range(SECONDS * REQUESTS_PER_SECOND):
            time.sleep(max(0, started + index / REQUESTS_PER_SECOND - time.monotonic()))
            subject = self.first + index // TIMES
            body = json.dumps({"context": {"targetingKey": f"subject-{subject}"}})
            try:
                open_connection.request("POST", "/ofrep/v1/evaluate/flags", body, headers)
                answer = open_connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                self.failed = SECONDS * REQUESTS_PER_SECOND - index
                return
            if answer.status != http.client.OK:
                raise SystemExit(f"An evaluation was answered with {answer.status}.")
            self.answered.append((time.monotonic(), subject))


def run(session: Session) -> Report:
    with servers.novara(session.stage) as steady, servers.novara(session.stage) as killed:
        env = servers.novara_env(session.stage)
        secret, flags = worker.ask("exposures_worker", FLAGS, env=env)
        # Their agents have heard of the flags by then.
        time.sleep(2)
        askers = [Asker(steady, secret, 0), Asker(killed, secret, OTHERS)]
        threads = [threading.Thread(target=asker.run) for asker in askers]
        for thread in threads:
            thread.start()
        time.sleep(KILLED_AT)
        os.killpg(killed.pid, signal.SIGKILL)
        killed_at = time.monotonic()
        for thread in threads:
            thread.join()
        time.sleep(2 * FLUSH_SECONDS)
        found = worker.ask("exposures_worker", 0, env=env)
    return judge(askers, flags, killed_at, found)


def judge(askers: list[Asker], flags: int, killed_at: float, found: dict[str, Any]) -> Report:
    steady, killed = (asker.answered for asker in askers)
    (counted,) = set(found["evaluations"].values())
    kept = counted - len(steady)
    lost = len(killed) - kept
    last = sum(at > killed_at - FLUSH_SECONDS - SLACK_SECONDS for at, _ in killed)
    expected = {subject for _, subject in steady} | {subject for _, subject in killed[:kept]}
    minutes = SECONDS // 60 + 1
    bounds = {
        # Two outcomes of a flag, and the run may see the end of an hour.
        "feature_flag_counts": flags * 2 * 2,
        "feature_flag_exposures": flags * 2 * 2,
        "feature_flag_evaluations": flags * 2 * (minutes + 1),
        "feature_flag_flushes": 2,
    }
    checks = {
        "each flag was counted equally often": len(found["evaluations"]) == flags,
        "lost are only evaluations of the last flush interval": -1 <= lost <= last,
        "each subject is counted once": set(found["subjects"].values()) == {len(expected)},
        "no table has more rows": all(found["rows"][name] <= most for name, most in bounds.items()),
    }
    if not all(checks.values()):
        wrong = [check for check, holds in checks.items() if not holds]
        raise SystemExit(f"Does not hold: {'; '.join(wrong)}. {found} {lost=} {last=}")
    answered = len(steady) + len(killed)
    return Report(
        "Evaluations counted, and a process killed",
        f"{flags} flags asked for by one request (OFREP), {REQUESTS_PER_SECOND} requests a second"
        f" to each of two web processes for {SECONDS} s:"
        f" {2 * REQUESTS_PER_SECOND * flags:,} evaluations a second. One process gets SIGKILL"
        f" after {KILLED_AT} s. It flushes every {FLUSH_SECONDS:g} s.",
        [
            Table(
                ("evaluations", "number"),
                [
                    ("answered", number(answered * flags)),
                    ("counted", number(counted * flags)),
                    ("lost with the killed process", number(lost * flags)),
                    ("answered in its last flush interval", number(last * flags)),
                    ("exposures of each flag: subjects asked for", number(len(expected))),
                    ("exposures of each flag: counted", number(min(found["subjects"].values()))),
                ],
            ),
            Table(
                ("rows", "number", "at most"),
                [(name, number(found["rows"][name]), number(bounds[name])) for name in bounds],
            ),
        ],
    )
