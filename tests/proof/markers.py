"""Markers: words that nobody else would write, and whose they are; and how they are found again.

A marker is `zq` and sixteen random hexadecimal digits, so that it survives JSON, HTML, URLs, lower
case and cutting. In what is searched, ids of people's rows count as well as markers, also inside
of what is encoded as Base64 (cursors, tickets, tokens).
"""

import base64
import binascii
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

# So much of a marker is enough to know it again.
KNOWN: Final = 14
MARKER: Final = re.compile(rb"zq[0-9a-f]{12}")
UUID: Final = re.compile(
    rb"(?<![0-9a-f])[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}(?![0-9a-f])"
)
ENCODED: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}")


@dataclass(frozen=True)
class Secret:
    """What must not be seen: `kind` is marker or id, `place` is where it was written."""

    owner: str
    kind: str
    place: str


@dataclass
class Markers:
    seed: int
    known: dict[str, Secret] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311  Reproducible on purpose.

    def new(self, owner: str, place: str) -> str:
        word = f"zq{self._dice.getrandbits(64):016x}"
        self.known[word[:KNOWN]] = Secret(owner, "marker", place)
        return word

    def name_of(self, token: str) -> str:
        """Say which marker or id it was, without its text."""
        secret = self.known[token]
        return f"{secret.kind} of {secret.owner} ({secret.place})"


def tokens_in(data: bytes) -> set[str]:
    """Find everything that looks like a marker or an id, also one layer below Base64."""
    found = set(_plain(data))
    for run in ENCODED.findall(data):
        for decoded in _decoded(run):
            found.update(_plain(decoded))
    return found


def markers_in(data: bytes) -> set[str]:
    return {token for token in tokens_in(data) if token.startswith("zq")}


def _plain(data: bytes) -> Iterator[str]:
    lower = data.lower()
    for match in MARKER.findall(lower):
        yield match.decode()
    for match in UUID.findall(lower):
        yield match.decode().replace("-", "")


def _decoded(run: bytes) -> Iterable[bytes]:
    """An id in hexadecimal is a run, too, so the plain text is looked at by itself."""
    usual = run.replace(b"-", b"+").replace(b"_", b"/")
    try:
        yield base64.b64decode(usual[: len(usual) // 4 * 4])
    except binascii.Error:
        return
