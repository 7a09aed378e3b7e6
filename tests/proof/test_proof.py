"""The quick form of `make proof`, on an installation of its own."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings


def test_finds_nothing_and_misses_every_guard_that_is_taken_away(tmp_path: Path) -> None:
    report = tmp_path / "report.html"

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "tests.proof", "--quick", "--report", str(report)],
        cwd=settings.ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "Nothing leaks" in report.read_text()
