"""What may be known of a ZIP file before anything in it is unpacked."""

import struct
from typing import BinaryIO, Final
from zipfile import BadZipFile, ZipFile

from documents.failures import Code, StepFailed

_MOST_ENTRIES: Final = 10_000
_MOST_DIRECTORY_BYTES: Final = 4 * 1024**2
_MOST_BYTES: Final = 512 * 1024**2
# Text with its markup is packed to a twentieth, seldom to less than a hundredth.
_MOST_RATIO: Final = 200
_RATIO_COUNTS_FROM: Final = 16 * 1024**2
_IS_ENCRYPTED: Final = 0x1

_END: Final = struct.Struct("<4s4H2LH")
_END_MARK: Final = b"PK\x05\x06"
_LONGEST_COMMENT: Final = 0xFFFF
_ZIP64_MARK: Final = b"PK\x06\x07"
_ZIP64_BYTES: Final = 20


def names(file: BinaryIO) -> frozenset[str]:
    """Give the names of the entries, or refuse what would unpack to too much.

    A lie about sizes does no harm: unpacking stops at the size that the directory states.
    """
    _refuse_long_directory(file)
    try:
        with ZipFile(file) as archive:
            entries = archive.infolist()
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        raise StepFailed(Code.DAMAGED, "The ZIP directory cannot be read.") from None
    size = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if len(entries) > _MOST_ENTRIES or size > _MOST_BYTES:
        raise StepFailed(Code.RESOURCE_LIMIT, f"{len(entries)} entries of {size} bytes.")
    if size > max(_RATIO_COUNTS_FROM, packed * _MOST_RATIO):
        raise StepFailed(Code.RESOURCE_LIMIT, f"{packed} bytes unpack to {size}.")
    if any(entry.flag_bits & _IS_ENCRYPTED for entry in entries):
        raise StepFailed(Code.PASSWORD_REQUIRED, "Encrypted ZIP entries.")
    return frozenset(entry.filename for entry in entries)


def _refuse_long_directory(file: BinaryIO) -> None:
    """Look before ZipFile does, as it reads the whole directory into memory."""
    length = file.seek(0, 2)
    file.seek(max(0, length - _LONGEST_COMMENT - _END.size - _ZIP64_BYTES))
    tail = file.read()
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) < at + _END.size:
        raise StepFailed(Code.DAMAGED, "The ZIP file has no end.")
    _, _, _, _, entries, directory_bytes, _, _ = _END.unpack_from(tail, at)
    is_zip64 = tail[max(0, at - _ZIP64_BYTES) :].startswith(_ZIP64_MARK)
    if is_zip64 or entries > _MOST_ENTRIES or directory_bytes > _MOST_DIRECTORY_BYTES:
        raise StepFailed(Code.RESOURCE_LIMIT, f"A ZIP directory of {directory_bytes} bytes.")
