"""JSON text for jsonb columns that comes back with the types it went in with.

jsonb gives a float such as 1e22 back as a whole number; written out with a fraction it stays one.
"""

import re
from decimal import Decimal
from typing import Any, Final

import msgspec

# What ends a number must follow, so that a UUID is none. It begins with a letter to be fast.
EXPONENT: Final = re.compile(rb"e\d+(?:[,\]}]|$)")
TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d(?:\.\d+)?e\d+')


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> str:
    text = _ENCODER.encode(value)
    if EXPONENT.search(text):
        text = TOKEN.sub(_written_out, text)
    return text.decode()


def _written_out(token: re.Match[bytes]) -> bytes:
    if token[0].startswith(b'"'):
        return token[0]
    return b"%d.0" % int(Decimal(token[0].decode()))
