"""Set Django up in a worker process of a benchmark, and free standard output for its answer.

Log lines go nowhere, but they are made: they are part of what is measured.
"""

import os
import pickle
import subprocess
import sys
from typing import Any

import django

from tests.benchmarks import servers
from tests.benchmarks.servers import Stage


def start() -> int:
    """Returns the descriptor for the answer."""
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    django.setup()
    return answer


def answer(descriptor: int, value: object) -> None:
    with os.fdopen(descriptor, "wb") as output:
        pickle.dump(value, output)


def ask(module: str, stage: Stage, question: object) -> Any:
    """Run a worker module with Novara's settings; hand it a question, return its answer."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=pickle.dumps(question),
        env={**os.environ, **servers.novara_env(stage)},
        cwd=servers.ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    return pickle.loads(done.stdout)
