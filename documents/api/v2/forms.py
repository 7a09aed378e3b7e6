"""Reading an upload: a form with one file, streamed to disk while its size and hash are taken.

Memory holds a chunk of it, whatever is sent. The file on disk has no name: however a request ends,
also by a killed process, nothing is left of it.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from core.api.base import drain
from core.api.v2 import UnsupportedMediaType
from core.errors import DomainError, InvalidInput
from documents import details
from documents.models import LARGEST_BYTES

FILE: Final = "file"
FIELDS: Final = ("filename", "document_type", "metadata")
# What the other parts of a form and its boundaries may take.
ROOM: Final = 1024 * 1024
FORM: Final = (
    'Send a form (multipart/form-data) with the document as a part named "file", which has a'
    " filename."
)


class FileTooLarge(InvalidInput):
    status = 413
    code = "file-too-large"


class FormMalformed(InvalidInput):
    code = "malformed-form"


class LengthRequired(DomainError):
    status = 411
    code = "length-required"


class UploadBrokenOff(DomainError):
    code = "upload-broken-off"
    retryable = True


class DiskFull(DomainError):
    status = 503
    code = "storage-unavailable"
    retryable = True


@dataclass(frozen=True, slots=True)
class Received:
    file: BinaryIO
    size: int
    sha256: str
    filename: str
    fields: dict[str, str]


@contextmanager
def let_finish(request: HttpRequest) -> Iterator[None]:
    """Let a refused caller finish who sends without waiting for leave to."""
    try:
        yield
    except DomainError:
        if "HTTP_EXPECT" not in request.META:
            with suppress(UnreadablePostError):
                drain(request)
        raise


@contextmanager
def received(request: HttpRequest) -> Iterator[Received]:
    """Read a form to its end; the file is there until the block is left."""
    with tempfile.TemporaryFile() as file:
        yield _read(request, file)


def _read(request: HttpRequest, file: BinaryIO) -> Received:
    if request.content_type != "multipart/form-data":
        raise UnsupportedMediaType(FORM)
    length = _length(request)
    if length > LARGEST_BYTES + ROOM:
        raise _too_large()
    receiver = Receiver(file)
    try:
        body: Any = Body(request, length)
        fields, files = Form(request.META, body, [receiver], "utf-8").parse()
    except MultiPartParserError as error:
        raise FormMalformed.at("", f"The form is not well-formed. {FORM}") from error
    except RequestDataTooBig as error:
        raise FileTooLarge.at("", "The parts beside the file are larger than 10 MB.") from error
    except SuspiciousOperation as error:
        raise FormMalformed.at("", "The form has too many parts.") from error
    if FILE not in files:
        raise FormMalformed.at("/file", f"file: is missing. {FORM}")
    return Received(
        file=file,
        size=receiver.size,
        sha256=receiver.sha256.hexdigest(),
        filename=receiver.name,
        fields=_only_known(fields),
    )


def _length(request: HttpRequest) -> int:
    sent = request.META.get("CONTENT_LENGTH") or ""
    if not sent.isdecimal():
        raise LengthRequired("Send the form's length in Content-Length; chunks are not taken.")
    return int(sent)


def _only_known(fields: Any) -> dict[str, str]:
    for name in fields:
        shown = name[:100]
        if name == FILE:
            raise FormMalformed.at("/file", f"file: came as text. {FORM}")
        if name not in FIELDS:
            known = ", ".join((FILE, *FIELDS))
            detail = f"{shown}: is no part of this form. It has {known}."
            raise FormMalformed.at(f"/{shown}", detail)
        if len(fields.getlist(name)) > 1:
            raise FormMalformed.at(f"/{shown}", f"{shown}: came more than once.")
        # What the library puts where bytes are no UTF-8: something of what was sent would be lost.
        if "\N{REPLACEMENT CHARACTER}" in fields[name]:
            raise FormMalformed.at(f"/{shown}", f"{shown}: is not UTF-8.")
    return {name: fields[name] for name in fields}


def _too_large() -> InvalidInput:
    detail = f"file: is larger than {LARGEST_BYTES:,} bytes (50 MiB). Split it into smaller files."
    return FileTooLarge.at("/file", detail)


class Receiver(FileUploadHandler):
    """Django's way to be handed the pieces of a form's files."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._target = file
        self.is_taken = False
        self.name = ""
        self.size = 0
        self.sha256 = hashlib.sha256()

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        shown = field_name[:100]
        if field_name != FILE:
            detail = f'{shown}: is no file of this form. Name the part of the document "file".'
            raise FormMalformed.at(f"/{shown}", detail)
        if self.is_taken:
            raise FormMalformed.at("/file", "file: came more than once. Send one at a time.")
        self.is_taken = True
        self.name = file_name

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.size += len(raw_data)
        if self.size > LARGEST_BYTES:
            raise _too_large()
        self.sha256.update(raw_data)
        with _disk():
            self._target.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[bytes]:
        with _disk():
            self._target.flush()
        return UploadedFile(self._target, self.name)


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        detail = "The file can't be taken at the moment. Send it again in a minute."
        raise DiskFull(detail, extra={"retry_after": 60}) from error


class Form(MultiPartParser):
    def sanitize_file_name(self, file_name: str) -> str | None:
        """Keep names as they are: the stock method takes `&amp;` in them for HTML."""
        return details.clean_filename(file_name) or None


class Body:
    """A request's body, which notices when less comes than was announced."""

    def __init__(self, request: HttpRequest, length: int) -> None:
        self._request, self._left = request, length

    def read(self, size: int) -> bytes:
        try:
            piece = self._request.read(size)
        except UnreadablePostError as error:
            raise _broken_off() from error
        self._left -= len(piece)
        if not piece and self._left > 0:
            raise _broken_off()
        return piece


def _broken_off() -> UploadBrokenOff:
    return UploadBrokenOff("The upload broke off before its end. Send the file again.")
