import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from documents.detection import HTML, PDF, TEXT
from documents.failures import Code, StepFailed
from documents.parsers import parse_in_child
from documents.parsers.supervision import ROOT
from documents.parsers.wire import Answer, Request
from documents.types import Limits
from tests.documents.parsers import files

# Keeps a child busy for many seconds, until somebody ends it.
SLOW = files.inflating_pdf(100)


class Enough(Exception):
    """What a check raises that no longer wants the result."""


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    path = tmp_path / "slow"
    path.write_bytes(SLOW)
    return path


def children() -> list[psutil.Process]:
    return [
        child for child in psutil.Process().children() if "documents.parsers.child" in words(child)
    ]


def words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


def test_leaves_no_child_when_it_is_told_to_stop(slow: Path) -> None:
    seen: list[int] = []

    def check() -> None:
        seen.extend(child.pid for child in children())
        if len(seen) > 1:
            raise Enough

    with pytest.raises(Enough):
        parse_in_child(slow, PDF, limits=Limits(), check=check)

    assert len(set(seen)) == 1
    assert not psutil.pid_exists(seen[0])


@pytest.mark.parametrize(
    "limits",
    [Limits(wall_seconds=1), Limits(cpu_seconds=1), Limits(memory_bytes=300 * 1024**2)],
    ids=["wall", "cpu", "memory"],
)
def test_ends_at_its_limits(slow: Path, limits: Limits) -> None:
    with pytest.raises(StepFailed) as failed:
        parse_in_child(slow, PDF, limits=limits, check=lambda: None)

    assert failed.value.code == Code.RESOURCE_LIMIT
    assert not children()


def test_refuses_more_characters_than_allowed(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_text("word " * 1000)

    with pytest.raises(StepFailed) as failed:
        parse_in_child(path, TEXT, limits=Limits(characters=4000), check=lambda: None)

    assert failed.value.code == Code.RESOURCE_LIMIT


def cpu_seconds(path: Path) -> int:
    """Ask a child what it may use."""
    found: list[int] = []

    def check() -> None:
        for child in children():
            soft, _ = child.rlimit(psutil.RLIMIT_CPU)
            found.extend([soft] if soft != psutil.RLIM_INFINITY else [])
        if found:
            raise Enough

    with pytest.raises(Enough):
        parse_in_child(path, PDF, limits=Limits(), check=check)
    return found[0]


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells the limits of others.")
def test_gives_a_small_file_less_time_than_a_large_one(slow: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(SLOW + bytes(48 * 1024**2))

    assert 60 <= cpu_seconds(slow) < 70
    assert cpu_seconds(large) == Limits().cpu_seconds


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has files that fail to be read.")
@pytest.mark.parametrize("media_type", [TEXT, PDF, HTML, files.DOCX_TYPE])
def test_blames_the_storage_for_what_cannot_be_read(media_type: str) -> None:
    # Begins with memory that is nobody's: reading it is an I/O error.
    request = Request("/proc/self/mem", media_type, os.getpid(), Limits())

    told = subprocess.run(  # noqa: S603  The program is our own.
        [sys.executable, "-m", "documents.parsers.child", msgspec.json.encode(request).decode()],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )

    answer = msgspec.msgpack.decode(told.stdout, type=Answer)
    assert (answer.code, answer.detail) == (Code.STORAGE_UNAVAILABLE, "OSError (EIO).")


def test_misses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StepFailed) as failed:
        parse_in_child(tmp_path / "gone", PDF, limits=Limits(), check=lambda: None)

    assert failed.value.code == Code.FILE_MISSING


def test_gives_the_child_none_of_our_secrets(slow: Path) -> None:
    environments: list[dict[str, str]] = []

    def check() -> None:
        environments.extend(child.environ() for child in children())
        if environments:
            raise Enough

    with pytest.raises(Enough):
        parse_in_child(slow, PDF, limits=Limits(), check=check)

    assert not {name for name in environments[0] if "URL" in name or "KEY" in name}


def test_does_not_load_django_in_the_child() -> None:
    program = "import sys, documents.parsers.child; print('django' in sys.modules)"

    told = subprocess.run(  # noqa: S603  The program is our own.
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert told.stdout == "False\n"


@pytest.fixture
def parent(slow: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that parses, as a worker does."""
    program = (
        "import pathlib, sys\n"
        "from documents.parsers import parse_in_child\n"
        "from documents.types import Limits\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "said = lambda: print('asked', flush=True)\n"
        "parse_in_child(path, 'application/pdf', limits=Limits(), check=said)\n"
    )
    with subprocess.Popen(  # noqa: S603  The program is our own.
        [sys.executable, "-c", program, str(slow)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux ends a child with its parent.")
def test_dies_with_its_parent(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout is not None
    # Asked a second time, it has long been tied to its parent.
    parent.stdout.readline()
    parent.stdout.readline()
    (child,) = psutil.Process(parent.pid).children()

    os.kill(parent.pid, signal.SIGKILL)

    gone, alive = psutil.wait_procs([child], timeout=10)
    assert gone or not alive


# Draws a form, twice.
TWICE = b"stream\n/X Do /X Do \nendstream"
HOSTILE = {
    "page that inflates": (PDF, files.inflating_pdf(200)),
    "form that draws itself": (
        PDF,
        files.pdf_of(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>",
                b"<</Length 12>>%b" % TWICE,
                b"<</Subtype/Form/Resources<</XObject<</X 5 0 R>>>>/Length 12>>%b" % TWICE,
            ]
        ),
    ),
    "tree of pages that is a ring": (
        PDF,
        files.pdf_of(
            [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2000000>>"]
        ),
    ),
    "unpacked to a gigabyte": (files.DOCX_TYPE, files.bomb()),
    "spans of a million cells": (
        HTML,
        b"<table><tr>" + b"<td colspan=1000 rowspan=1000>x" * 100_000 + b"</tr><tr><td>y" * 1000,
    ),
    "a million of columns": (
        files.DOCX_TYPE,
        files.raw_word(
            f"<w:tbl><w:tr>{'<w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc>' * 10**6}</w:tr></w:tbl>"
        ),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_is_not_harmed_by_a_hostile_file(tmp_path: Path, name: str) -> None:
    media_type, content = HOSTILE[name]
    path = tmp_path / "hostile"
    path.write_bytes(content)
    limits = Limits(memory_bytes=1024**3, cpu_seconds=3, wall_seconds=60)

    with pytest.raises(StepFailed) as failed:
        parse_in_child(path, media_type, limits=limits, check=lambda: None)

    assert failed.value.code in {Code.RESOURCE_LIMIT, Code.DAMAGED, Code.NO_TEXT}
    assert not children()
