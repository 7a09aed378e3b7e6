"""Small files of every kind, made on the spot."""

import io
import zipfile
import zlib
from collections.abc import Sequence

import docx
from fpdf import FPDF
from fpdf.enums import AccessPermission, EncryptionMethod

DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(pages: Sequence[str], *, to_open: str = "", owner: str = "") -> bytes:
    """Make a PDF; `to_open` is a password that reading asks for, `owner` one that changing does."""
    made = FPDF()
    made.set_font("Helvetica", size=12)
    if to_open or owner:
        made.set_encryption(
            owner or to_open,
            to_open,
            permissions=AccessPermission.none(),
            encryption_method=EncryptionMethod.AES_128,
        )
    for text in pages:
        made.add_page()
        made.multi_cell(0, text=text)
    return bytes(made.output())


def pdf_of(objects: Sequence[bytes]) -> bytes:
    """Write objects, the first of which is the catalog, as they are."""
    written = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, begins = len(objects) + 1, len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
    written += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, begins)
    return bytes(written)


def inflating_pdf(mebibytes: int) -> bytes:
    """Make a PDF of one page whose content is that large when it is unpacked."""
    line = b"BT /F1 12 Tf 10 10 Td (hello world) Tj ET\n"
    packed = zlib.compress(line * (mebibytes * 1024**2 // len(line)), 9)
    return pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
            b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(packed), packed),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ]
    )


def word(*paragraphs: str) -> bytes:
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    return saved(document)


def saved(document: "docx.document.Document") -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def raw_word(body: str, *, parts: dict[str, str] | None = None) -> bytes:
    """Make a DOCX of this XML, with nothing beside it but `parts`."""
    main = f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>'
    return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": main, **(parts or {})})


def zipped(entries: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def bomb() -> bytes:
    """Make a DOCX of a megabyte that unpacks to a gigabyte."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/document.xml", "w") as part,
    ):
        for _ in range(1024):
            part.write(b" " * 1024**2)
    return file.getvalue()
