from pathlib import Path

import pytest

from documents.detection import HTML, MARKDOWN, TEXT
from documents.failures import Code, StepFailed
from documents.parsers import parse_in_child
from documents.types import Limits


def text_of(content: bytes, folder: Path, media_type: str = HTML) -> str:
    path = folder / "stored"
    path.write_bytes(content)
    return parse_in_child(path, media_type, limits=Limits(), check=lambda: None).text


@pytest.mark.parametrize(
    ("page", "markdown"),
    [
        ("<h2>Plan</h2><p>Take <b>5</b>&nbsp;mg.<br>Twice.", "## Plan\n\nTake 5 mg.\nTwice."),
        ("<title>Visit</title><p>Seen.", "# Visit\n\nSeen."),
        ("<title>Visit</title><h1>The visit</h1>Seen.", "# The visit\n\nSeen."),
        ("<ul><li>a<ol><li>b<li><p>c</ol><li>d</ul>", "- a\n  1. b\n  2. c\n- d"),
        (
            "<table><tr><th>Drug<th>Dose<tr><td>A|B<td>5",
            "| Drug | Dose |\n|---|---|\n| A\\|B | 5 |",
        ),
        (
            "<table><tr><td rowspan=2>LH<td>1<tr><td>2<tr><td colspan=2>all</table>",
            "| LH | 1 |\n|---|---|\n|  | 2 |\n| all |  |",
        ),
        ("<table><tr><td><h2>A</h2>b<td><p>c</table>", "## A\n\nb\n\nc"),
        ("<table><tr><td>One<td>line</table>", "One line"),
        ("<pre>a\n  b</pre>c", "```\na\n  b\n```\n\nc"),
        (
            "<script>x()</script><p hidden>h</p><!-- c --><div style='DISPLAY : none'>n<p>m</div>all",
            "all",
        ),
        ("one <template>t</template>line<style>p{}</style>", "one line"),
        ("<p>un<b>like</b>ly<p>", "unlikely"),
    ],
)
def test_writes_what_a_reader_sees(tmp_path: Path, page: str, markdown: str) -> None:
    assert text_of(page.encode(), tmp_path) == markdown


def test_reads_a_page_in_the_encoding_that_it_declares(tmp_path: Path) -> None:
    page = "<html><head><meta charset=koi8-r></head><p>Пациентка".encode("koi8-r")

    assert text_of(page, tmp_path) == "Пациентка"


@pytest.mark.parametrize("media_type", [TEXT, MARKDOWN])
def test_takes_text_as_it_is_but_for_what_cannot_be_stored(tmp_path: Path, media_type: str) -> None:
    content = "\ufeff# Plan\r\n\r\n\r\n\r\nLH\x00 5\u00admg  \f| a |\n".encode()

    assert text_of(content, tmp_path, media_type) == "# Plan\n\nLH 5mg\n| a |"


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        (b"", TEXT, Code.NO_TEXT),
        (b" \n\t\n", TEXT, Code.NO_TEXT),
        (b"![scan](scan.png)\n\n---\n", MARKDOWN, Code.NO_TEXT),
        (b"", HTML, Code.NO_TEXT),
        (b"<html><body><img src=x alt=scan><script>go()</script>", HTML, Code.NO_TEXT),
        (("word " + "\ue000\ue001\ue002 " * 50).encode(), TEXT, Code.NO_TEXT),
        (bytes(range(256)) * 50, TEXT, Code.UNSUPPORTED),
        (b"Hello", "image/png", Code.UNSUPPORTED),
        (b"<div>" * 5000 + b"deep", HTML, Code.RESOURCE_LIMIT),
    ],
)
def test_says_why_it_cannot_be_read(
    tmp_path: Path, content: bytes, media_type: str, code: Code
) -> None:
    with pytest.raises(StepFailed) as failed:
        text_of(content, tmp_path, media_type)

    assert failed.value.code == code
