"""The child's side of parsing: `python -m documents.parsers.child REQUEST`.

Nothing of Django is imported here. The child limits itself before a parser is loaded, writes its
answer to standard output and ends.
"""

import ctypes
import errno
import os
import resource
import signal
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

import msgspec

from documents.failures import Code, StepFailed
from documents.parsers import cleaning
from documents.parsers.wire import Answer, Request
from documents.types import Limits, Parsed

PARSERS: Final = {
    "application/pdf": "documents.parsers.pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (
        "documents.parsers.docx_file"
    ),
    "text/html": "documents.parsers.html_page",
    "text/markdown": "documents.parsers.plain_text",
    "text/plain": "documents.parsers.plain_text",
}
_PR_SET_PDEATHSIG: Final = 1
_OPEN_FILES: Final = 64
# Limits that we set ourselves.
_USED_UP: Final = (errno.ENOMEM, errno.EMFILE, errno.EFBIG)


def main() -> None:
    request = msgspec.json.decode(sys.argv[1], type=Request)
    _tie_to(request.parent)
    _limit(request.limits)
    _write(_answer(request))
    # Tearing down what libraries hold takes time and is a chance to crash.
    os._exit(0)


def _tie_to(parent: int) -> None:
    """End when the parent ends, and be the first to go when the machine is out of memory."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
    if os.getppid() != parent:
        os._exit(1)


def _limit(limits: Limits) -> None:
    for kind, soft, hard in (
        (resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 5),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES),
    ):
        resource.setrlimit(kind, (soft, hard))


def _answer(request: Request) -> bytes:
    try:
        return msgspec.msgpack.encode(Answer(_parsed(request)))
    except StepFailed as failed:
        answer = Answer(code=failed.code, detail=failed.detail)
    except ImportError as error:
        answer = Answer(code=Code.INTERNAL_ERROR, detail=f"Cannot import {error.name}.")
    except (MemoryError, RecursionError) as error:
        answer = Answer(code=Code.RESOURCE_LIMIT, detail=type(error).__name__)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "no number")
        answer = Answer(code=_code_of(error), detail=f"{type(error).__name__} ({name}).")
    # A panic of a Rust library is no Exception. Only the kind is told: messages quote.
    except BaseException as error:  # noqa: BLE001
        answer = Answer(code=Code.DAMAGED, detail=type(error).__name__)
    return msgspec.msgpack.encode(answer)


def _code_of(error: OSError) -> Code:
    """Libraries raise some without a number, about what they find in a file."""
    if error.errno is None:
        return Code.DAMAGED
    return Code.RESOURCE_LIMIT if error.errno in _USED_UP else Code.STORAGE_UNAVAILABLE


def _parsed(request: Request) -> Parsed:
    parser = PARSERS.get(request.media_type)
    if parser is None:
        raise StepFailed(Code.UNSUPPORTED, request.media_type)
    parsed: Parsed = import_module(parser).parse(Path(request.path), request.limits)
    return cleaning.cleaned(parsed, request.limits)


def _write(answer: bytes) -> None:
    rest = memoryview(answer)
    while rest:
        rest = rest[os.write(1, rest) :]


if __name__ == "__main__":
    main()
