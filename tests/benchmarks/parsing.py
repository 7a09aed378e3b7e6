"""Parsing a PDF in a child process, beside markitdown."""

import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

from fpdf import FPDF

from documents.detection import PDF
from documents.parsers import parse_in_child
from documents.types import Limits
from tests.benchmarks.measure import Ratio
from tests.benchmarks.report import UNKNOWN, Report, Table, number
from tests.benchmarks.session import Session

APPS = ()
NOT_MEASURED = "markitdown was not measured: --markitdown names no interpreter that has it."
TARGET = 50
MADE_PAGES = 619
# Imports before it measures, so that only the conversion counts.
MARKITDOWN = """
import sys, time
from markitdown import MarkItDown
converter = MarkItDown()
begin = time.perf_counter()
text = converter.convert(sys.argv[1]).text_content
print(time.perf_counter() - begin, len(text))
"""


def run(session: Session) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        file = session.pdf or made(Path(folder) / "made.pdf")
        ours, pages, characters = zip(*(parse(file) for _ in range(session.rounds)), strict=True)
        theirs = [markitdown(session.markitdown, file)] if session.markitdown else []
    rates = sorted(pages[0] / seconds for seconds in ours)
    rows = [
        ("parse_in_child", number(median(ours), 2), str(Ratio(median(rates), rates[0], rates[-1]))),
        *(
            ("markitdown", number(seconds, 2), number(pages[0] / seconds, 1))
            for seconds, _ in theirs
        ),
    ]
    return Report(
        "Parsing a PDF",
        f"{'The file given' if session.pdf else 'A file made for this'}: {pages[0]} pages."
        f" parse_in_child: {session.rounds} rounds, each with the start of its child; median, with"
        " the lowest and highest in brackets. markitdown: once, in its own interpreter, started and"
        " imported before the clock.",
        [
            Table(("", "s", "pages/s"), rows),
            Table(
                ("", "ratio", "target"),
                [
                    ("pages/s of parse_in_child", number(median(rates)), f"≥ {TARGET}"),
                    (
                        "parse_in_child / markitdown",
                        number(theirs[0][0] / median(ours), 1) if theirs else UNKNOWN,
                        UNKNOWN,
                    ),
                ],
            ),
        ],
        [
            f"liteparse {version('liteparse')}, pypdfium2 {version('pypdfium2')}.",
            f"Characters: {characters[0]:,} ours{f', {theirs[0][1]:,} theirs' if theirs else ''}.",
            *([] if theirs else [NOT_MEASURED]),
        ],
    )


def parse(file: Path) -> tuple[float, int, int]:
    begin = time.perf_counter()
    parsed = parse_in_child(file, PDF, limits=Limits(), check=lambda: None)
    return time.perf_counter() - begin, len(parsed.pages), len(parsed.text)


def markitdown(python: Path, file: Path) -> tuple[float, int]:
    told = subprocess.run(
        [python, "-c", MARKITDOWN, file], capture_output=True, text=True, check=False
    )
    if told.returncode:
        raise SystemExit(f"--markitdown: {python} cannot run it. {told.stderr[-300:]}")
    seconds, length = told.stdout.split()
    return float(seconds), int(length)


def made(path: Path) -> Path:
    """Make a PDF with headings and paragraphs; real ones are slower, so name one with --pdf."""
    pdf = FPDF()
    for page in range(MADE_PAGES):
        pdf.add_page()
        pdf.set_font("Helvetica", size=16)
        pdf.multi_cell(0, text=f"Visit {page + 1}", new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("Helvetica", size=10)
        for line in range(20):
            words = f"On day {line} the dose was {page * line % 300} IU, taken in the evening. "
            pdf.multi_cell(0, text=words * 2, new_x="LMARGIN", new_y="NEXT")
    pdf.output(str(path))
    return path
