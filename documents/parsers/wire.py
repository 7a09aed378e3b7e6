"""What a child tells its parent, in msgpack."""

import msgspec

from documents.types import Limits, Parsed


class Answer(msgspec.Struct, frozen=True):
    """What was parsed, or the words of a StepFailed."""

    parsed: Parsed | None = None
    code: str = ""
    detail: str = ""


class Request(msgspec.Struct, frozen=True):
    path: str
    media_type: str
    parent: int
    limits: Limits
