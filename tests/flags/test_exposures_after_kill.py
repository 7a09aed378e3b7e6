"""Two processes are asked 1,000 times a second; one is killed. What is counted stays exact."""

import os
import subprocess
import sys
import time
import uuid

import pytest
from django.conf import settings
from django.utils import timezone

from flags import agent, services
from flags.evaluation import bucket_of
from flags.models import FeatureFlagCount, FeatureFlagEvaluation, FeatureFlagExposure
from flags.types import BUCKETS, Definition, Variant
from tests.web import installation

SUBJECTS = 400
# The first of the second process: the two share a hundred.
OTHERS = 300
SECONDS = 6
# After so many of its reports it is killed.
REPORTS = 52
# Of a process, a second; each says how far it came ten times a second.
RATE = 500
ASKING = f"""
import sys, time
import django
django.setup()
from flags import agent, services
from flags.types import Context

agent.start()
key, first = sys.argv[1], int(sys.argv[2])
started, number = time.perf_counter(), 0
while number < {SECONDS * RATE}:
    for _ in range({RATE} // 10):
        services.evaluate(key, Context(f"subject-{{first + number % {SUBJECTS}}}"))
        number += 1
    print(number, flush=True)
    time.sleep(max(0, started + number / {RATE} - time.perf_counter()))
agent.stop()
"""


@pytest.fixture
def key(flags_put_back: None) -> str:
    name = f"asked-{uuid.uuid4().hex[:12]}"
    half = [Variant("on", value=True, ranges=[(0, BUCKETS // 2)]), Variant("off", value=False)]
    services.create_flag(
        definition=Definition(key=name, salt=name, is_enabled=True, variants=half),
        actor=services.Actor("tester@example.com"),
        now=timezone.now(),
    )
    return name


def asking(key: str, first: int) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", ASKING, key, str(first)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=settings.ROOT,
        env=os.environ | installation(0) | {"DJANGO_SETTINGS_MODULE": "config.settings"},
    )


def counted(key: str) -> int:
    return sum(row.evaluations for row in FeatureFlagCount.objects.filter(flag_name=key))


def exposed(key: str) -> dict[str, int]:
    """Count the subjects of each variant; the test may have begun in another hour."""
    found: dict[str, set[int]] = {}
    for row in FeatureFlagExposure.objects.filter(flag_name=key):
        assert row.exposures == len(row.subjects or [])
        found.setdefault(row.variant, set()).update(row.subjects or [])
    return {variant: len(subjects) for variant, subjects in found.items()}


def test_loses_the_last_flush_at_most(key):
    steady, killed = asking(key, 0), asking(key, OTHERS)
    assert killed.stdout
    said: list[tuple[float, int]] = []
    for line in killed.stdout:
        said.append((time.monotonic(), int(line)))
        if len(said) == REPORTS:
            killed.kill()
    output, _ = steady.communicate()

    found = counted(key) - int(output.split()[-1])
    # What it was asked before its last flush; a busy machine gets one interval more.
    until = said[REPORTS - 1][0] - 2 * agent.FLUSH_SECONDS
    assert max(number for at, number in said if at < until) <= found <= said[-1][1]
    people = {*range(SUBJECTS), *(OTHERS + number % SUBJECTS for number in range(found))}
    on = sum(bucket_of(key, f"subject-{number}") < BUCKETS // 2 for number in people)
    assert exposed(key) == {"on": on, "off": len(people) - on}
    assert FeatureFlagEvaluation.objects.filter(flag_name=key).count() <= 2 * 2
