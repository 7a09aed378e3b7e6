import io

import pytest

from documents import detection
from documents.detection import DOCX, HTML, MARKDOWN, PDF, TEXT
from documents.failures import Code, StepFailed
from tests.documents.parsers import files

OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4000)
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 20
PHOTO = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(255, 0, -1)) * 20
WORDS = "The patient was seen on Monday. Größe und Übelkeit.\n"


@pytest.mark.parametrize(
    ("content", "filename", "media_type"),
    [
        (files.pdf(["Hello"]), "a.pdf", PDF),
        (b"\xef\xbb\xbf" + files.pdf(["Hello"]), "a.pdf", PDF),
        (b"X-Mailer: old\r\n\r\n" + files.pdf(["Hello"]), "a.pdf", PDF),
        (files.pdf(["Hello"])[:300], "damaged.pdf", PDF),
        (b"A text about %PDF-1.4 files.", "a.txt", TEXT),
        (files.word("Hello"), "a.docx", DOCX),
        (files.word("Hello" * 5000)[:9000], "cut-off.docx", DOCX),
        (b"<!DOCTYPE html><title>x</title>", "a.html", HTML),
        (b"<?xml version='1.0'?>\n<html><body>x", "a", HTML),
        (b"<p>Only a paragraph</p>", "a.htm", HTML),
        (b"<html><body>x", "page.txt", HTML),
        (b"# Title\n\n<b>x</b>", "a.md", MARKDOWN),
        (b"# Title", "a.txt", TEXT),
        (b"no tag, 1 < 2", "a.html", TEXT),
        (b"a;b\n1;2\n", "table.csv", TEXT),
        (WORDS.encode("cp1252"), "a.md", MARKDOWN),
        (WORDS.encode("utf-16"), "a.txt", TEXT),
        (WORDS.encode("utf-16-le"), "a.txt", TEXT),
        (WORDS.encode("utf-32-be"), "a.txt", TEXT),
        ((WORDS * 5000).encode("utf-16-be"), "long.txt", TEXT),
        (("患者は月曜日に診察を受けました。\n" * 9000).encode("shift_jis"), "long.txt", TEXT),
        (b"", "empty.txt", TEXT),
        (b"", "empty.pdf", PDF),
        (b"", "empty", TEXT),
    ],
)
def test_goes_by_the_bytes(content: bytes, filename: str, media_type: str) -> None:
    file = io.BytesIO(content)

    detected = detection.detect(file, filename)

    assert detected == media_type
    assert file.tell() == 0


@pytest.mark.parametrize(
    ("content", "filename", "code"),
    [
        (OLD_WORD, "letter.doc", Code.UNSUPPORTED),
        (OLD_WORD + "EncryptedPackage".encode("utf-16-le"), "a.docx", Code.PASSWORD_REQUIRED),
        (PICTURE, "scan.png", Code.UNSUPPORTED),
        (PHOTO, "scan.pdf", Code.UNSUPPORTED),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><text>x</text></svg>", "a", Code.UNSUPPORTED),
        (rb"{\rtf1\ansi Hello\par}", "a.rtf", Code.UNSUPPORTED),
        (files.zipped({"xl/workbook.xml": "<x/>"}), "a.xlsx", Code.UNSUPPORTED),
        (files.zipped({"holiday.txt": "x"}), "a.docx", Code.UNSUPPORTED),
        (bytes(5000), "a.txt", Code.UNSUPPORTED),
        (b"\xff\xfe" + bytes(range(256)) * 40, "a.txt", Code.UNSUPPORTED),
        (files.bomb(), "bomb.docx", Code.RESOURCE_LIMIT),
        (
            files.zipped({"word/document.xml": "<x/>"} | {f"{n}": "" for n in range(10_001)}),
            "a.docx",
            Code.RESOURCE_LIMIT,
        ),
    ],
)
def test_refuses_what_cannot_be_read(content: bytes, filename: str, code: Code) -> None:
    with pytest.raises(StepFailed) as refused:
        detection.detect(io.BytesIO(content), filename)

    assert refused.value.code == code


COMMENTS = b"<!-- x -->\n" * 5_000


@pytest.mark.parametrize(
    ("content", "filename", "media_type"),
    [
        (COMMENTS, "a.html", TEXT),
        (COMMENTS + b"<html><body>x", "a.txt", HTML),
        (b"<!--" * 15_000, "a.html", TEXT),
        (b"<?xml version='1.0'?>" + b" " * 60_000, "a.html", TEXT),
        (b"x" + b"%PDF-1" * 150 + b"1" * 60_000, "a.txt", TEXT),
        (b"x" + b"%PDF-1" * 150 + b"1 " * 30_000, "a.txt", TEXT),
    ],
    ids=["comments", "page behind comments", "never closed", "blanks", "digits", "numbers"],
)
def test_is_not_held_up_by_hostile_bytes(content: bytes, filename: str, media_type: str) -> None:
    assert detection.detect(io.BytesIO(content), filename) == media_type


def test_refuses_a_picture_behind_many_comments() -> None:
    with pytest.raises(StepFailed) as refused:
        detection.detect(io.BytesIO(COMMENTS + b"<svg>"), "a.html")

    assert refused.value.code == Code.UNSUPPORTED


@pytest.mark.parametrize(
    ("media_type", "filename", "is_mismatch"),
    [
        (PDF, "a.pdf", False),
        (PDF, "A.PDF", False),
        (TEXT, "a.docx", True),
        (DOCX, "a.pdf", True),
        (PDF, "a.txt", True),
        (HTML, "a.txt", False),
        (TEXT, "a.html", False),
        (MARKDOWN, "a.txt", False),
        (TEXT, "notes", False),
        (PDF, "scan.from.monday", False),
    ],
)
def test_compares_with_the_name(media_type: str, filename: str, is_mismatch: object) -> None:
    assert detection.mismatch(media_type, filename) is is_mismatch
