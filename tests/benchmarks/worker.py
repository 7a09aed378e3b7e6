"""Work that needs a process of its own: a question goes in, an answer comes out."""

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def ask(module: str, *question: object, env: Mapping[str, str] | None = None) -> Any:
    """Run a module of the benchmarks, hand it the question, and return its answer."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{module}"],
        input=pickle.dumps(question),
        env={**os.environ, **(env or {})},
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    return pickle.loads(done.stdout)  # noqa: S301  Our own child wrote it.


def read_question() -> Any:
    return pickle.load(sys.stdin.buffer)  # noqa: S301  Our own parent wrote it.


def answer(value: object, descriptor: int = 1) -> None:
    with os.fdopen(descriptor, "wb") as output:
        pickle.dump(value, output)


def set_django_up() -> int:
    """Return the descriptor for the answer: standard output is for the log, which goes nowhere.

    Log lines are made all the same, as they are part of what is measured.
    """
    kept = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    import django  # noqa: PLC0415  Only the workers that need it.

    django.setup()
    return kept
