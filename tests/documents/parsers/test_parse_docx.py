from pathlib import Path

import docx
import pytest
from docx.oxml import OxmlElement

from documents.failures import Code, StepFailed
from documents.parsers import parse_in_child
from documents.types import Limits
from tests.documents.parsers import files


def text_of(content: bytes, folder: Path) -> str:
    path = folder / "stored"
    path.write_bytes(content)
    limits = Limits()
    return parse_in_child(path, files.DOCX_TYPE, limits=limits, check=lambda: None).text


def test_keeps_headings_lists_and_tables_in_order(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Plan", level=0)
    document.add_heading("Medication", level=2)
    document.add_paragraph("Take with food.")
    document.add_paragraph("Morning", style="List Bullet")
    document.add_paragraph("Evening", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Drug", "Dose", "A|B", "5 mg"), strict=True):
        cell.text = text
    document.add_paragraph("The end.")

    text = text_of(files.saved(document), tmp_path)

    assert text == (
        "# Plan\n\n## Medication\n\nTake with food.\n\n- Morning\n- Evening\n\n"
        "| Drug | Dose |\n|---|---|\n| A\\|B | 5 mg |\n\nThe end."
    )


def test_keeps_headers_footers_and_what_is_in_controls_and_changes(tmp_path: Path) -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Clinic"
    document.sections[0].footer.paragraphs[0].text = "Confidential"
    control, content, added, removed = map(OxmlElement, ("w:sdt", "w:sdtContent", "w:ins", "w:del"))
    content.append(document.add_paragraph("Chosen")._p)
    control.append(content)
    document.element.body.insert(0, control)
    paragraph = document.add_paragraph("Dose:")
    added.append(paragraph.add_run(" 5 mg")._r)
    removed.append(paragraph.add_run(" 9 mg")._r)
    paragraph._p.extend([added, removed])

    text = text_of(files.saved(document), tmp_path)

    assert text == "Clinic\n\nChosen\n\nDose: 5 mg\n\nConfidential"


def test_reads_a_table_whose_rows_do_not_fit_its_columns(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=2, cols=3)
    for number, cell in enumerate(table._cells):
        cell.text = str(number)
    cells = table.rows[1]._tr.tc_lst
    table.rows[1]._tr.remove(cells[0])

    text = text_of(files.saved(document), tmp_path)

    assert text == "| 0 | 1 | 2 |\n|---|---|---|\n| 4 | 5 |"


def test_needs_nothing_beside_the_body(tmp_path: Path) -> None:
    body = "<w:p><w:r><w:t>One</w:t><w:br/><w:t>two</w:t><w:tab/><w:t>three</w:t></w:r></w:p>"
    relations = {"word/_rels/document.xml.rels": '<R><Relationship Target="NULL"/></R>'}

    text = text_of(files.raw_word(body, parts=relations), tmp_path)

    assert text == "One\ntwo three"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (files.word(), Code.NO_TEXT),
        (files.word("Hello" * 5000)[:9000], Code.DAMAGED),
        (b"Not a ZIP file at all.", Code.DAMAGED),
        (files.raw_word("<w:p>"), Code.DAMAGED),
        (files.zipped({"word/other.xml": "<x/>"}), Code.DAMAGED),
        (files.raw_word("<w:sdt>" * 3000 + "</w:sdt>" * 3000), Code.RESOURCE_LIMIT),
        (files.bomb(), Code.RESOURCE_LIMIT),
    ],
)
def test_says_why_it_cannot_be_read(tmp_path: Path, content: bytes, code: Code) -> None:
    with pytest.raises(StepFailed) as failed:
        text_of(content, tmp_path)

    assert failed.value.code == code
