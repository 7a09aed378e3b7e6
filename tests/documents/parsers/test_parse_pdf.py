from pathlib import Path

import pytest

from documents.detection import PDF
from documents.failures import Code, StepFailed
from documents.parsers import parse_in_child
from documents.types import Limits, Parsed
from tests.documents.parsers import files


def parsed(content: bytes, folder: Path, limits: Limits | None = None) -> Parsed:
    # Stored files have no suffix.
    path = folder / "stored"
    path.write_bytes(content)
    return parse_in_child(path, PDF, limits=limits or Limits(), check=lambda: None)


def test_gives_each_page_by_its_number(tmp_path: Path) -> None:
    result = parsed(files.pdf(["First visit", "", "Third visit"]), tmp_path)

    assert [(page.number, page.text) for page in result.pages] == [
        (1, "First visit"),
        (2, ""),
        (3, "Third visit"),
    ]
    assert result.is_paged
    assert result.parser == "liteparse"


def test_keeps_what_stands_on_every_page(tmp_path: Path) -> None:
    result = parsed(files.pdf(["Dosage unchanged."] * 4), tmp_path)

    assert [page.text for page in result.pages] == ["Dosage unchanged."] * 4


def test_gives_the_same_twice(tmp_path: Path) -> None:
    content = files.pdf(["First visit", "Second visit"])

    assert parsed(content, tmp_path) == parsed(content, tmp_path)


def test_reads_behind_what_a_mailer_put_before(tmp_path: Path) -> None:
    result = parsed(b"X-Mailer: old\r\n\r\n" + files.pdf(["First visit"]), tmp_path)

    assert result.text == "First visit"


def test_reads_what_only_changing_needs_a_password_for(tmp_path: Path) -> None:
    result = parsed(files.pdf(["Readable"], owner="secret"), tmp_path)

    assert result.text == "Readable"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (files.pdf(["Hidden"], to_open="secret"), Code.PASSWORD_REQUIRED),
        (files.pdf(["", ""]), Code.NO_TEXT),
        (b"%PDF-1.7\n" + bytes(range(256)) * 10, Code.DAMAGED),
        (files.pdf(["Cut off"])[:200], Code.DAMAGED),
        (b"No PDF at all.", Code.DAMAGED),
    ],
)
def test_says_why_it_cannot_be_read(tmp_path: Path, content: bytes, code: Code) -> None:
    with pytest.raises(StepFailed) as failed:
        parsed(content, tmp_path)

    assert failed.value.code == code


def test_refuses_more_pages_than_allowed(tmp_path: Path) -> None:
    with pytest.raises(StepFailed) as failed:
        parsed(files.pdf(["x"] * 4), tmp_path, Limits(pages=3))

    assert failed.value.code == Code.RESOURCE_LIMIT
