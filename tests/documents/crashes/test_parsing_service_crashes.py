"""Everything of ours is killed while the parsing service is at work: it never gets a second job."""

import hashlib
import threading
from collections.abc import Iterator

import pytest

from tests.documents.crashes.installation import PATIENCE, Installation, Person
from tests.documents.crashes.story import attempts, left_over, traces
from tests.documents.llama import parsing_service
from tests.documents.llama.parsing_service import KEY, Job, Service
from tests.documents.parsers.files import pdf

SWITCH_ON = """
import msgspec
from django.utils import timezone
from flags import allocation, services
from flags.models import FeatureFlag
flag = FeatureFlag.objects.get(flag_name="llama_parse_integration")
given = allocation.resize(flag.definition.variants, "on", 100)
services.change_flag(
    definition=msgspec.structs.replace(flag.definition, is_enabled=True, variants=given),
    base_version=flag.version, actor=services.Actor("tester@example.com"), reason="A test.",
    now=timezone.now(),
)
"""
JOB = "SELECT vendor_job_id FROM llama_parse_jobs WHERE document_id = %s"


@pytest.fixture
def service(installation: Installation) -> Iterator[Service]:
    """At work until it is told to end, with a worker that submits to it."""
    installation.manage("shell", "-v", "0", "-c", SWITCH_ON)
    with parsing_service.running() as one:
        one.ends_with_question = None
        one.calls_back = True
        yield one


def start_worker(installation: Installation, service: Service) -> None:
    installation.start_worker(
        {
            "LLAMA_CLOUD_API_KEY": KEY,
            "LLAMA_CLOUD_BASE_URL": service.url,
            "PUBLIC_URL": installation.url,
        }
    )


def test_submits_each_document_once(installation: Installation, olga: Person, service: Service):
    contents = {name: pdf([f"Results, {name}."]) for name in ("meant", "made", "asked", "called")}
    hashes = {name: hashlib.sha256(one).hexdigest() for name, one in contents.items()}
    is_made, may_answer = threading.Event(), threading.Event()

    def hold_back(job: Job) -> None:
        """The job is made, and we never learn of it."""
        if hashlib.sha256(job.content).hexdigest() == hashes["made"]:
            is_made.set()
            may_answer.wait(PATIENCE)

    service.before_answer = hold_back
    installation.kill_worker()
    start_worker(installation, service)
    with installation.gates() as gates:
        gates.close("llama_parse_jobs", "meant.pdf")
        documents = {
            name: olga.send(f"{name}.pdf", content)[1]["id"] for name, content in contents.items()
        }
        installation.until(lambda: gates.is_reached("llama_parse_jobs", "meant.pdf"))
        assert is_made.wait(PATIENCE), installation.state()
        installation.until(
            lambda: all(
                attempts(installation, documents[name])[-1][2] == "paused"
                for name in ("asked", "called")
            )
        )
        installation.kill_worker()
        installation.kill_web()
    may_answer.set()
    service.before_answer = None
    # Its call finds nobody.
    [called] = [job for job in service.jobs.values() if job.content == contents["called"]]
    service.finish(called)

    installation.start_web()
    start_worker(installation, service)

    service.ends_with_question = 1
    installation.until(lambda: olga.has_completed(documents.values()), is_hurried=True)
    for name, document in documents.items():
        assert service.made[hashes[name]] == 1, name
        assert traces(installation, document)["document_texts"] == 1
    assert left_over(installation) == []
    installation.kill_worker()
