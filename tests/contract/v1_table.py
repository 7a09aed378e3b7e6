"""The page docs/reference/v1.md: what each endpoint of version 1 answers, as it was called."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.contract.v1_cast import BOTH, LEGACY, NEW, REFACTORED, Call, Endpoint, Group

RENEW: Final = "RENEW_V1_TABLE=1 make test T=tests/contract/test_v1_table.py"
HEAD: Final = f"""\
# Version 1: what every endpoint answers

Every endpoint of the old servers was called on a running server in each of the ways below, and \
this is how it answered. The calls are in `tests/contract/v1_calls`; \
`{RENEW}` makes them and writes this page anew.

`a.b` is the key `b` of the object `a`, and `a[].b` that of the objects in the list `a`. A key \
with `?` is not in all of the answers; `…` stands for keys that are not fixed, or for those of \
another place. Keys that only a client knows come back as it sent them and are not named. \
“Passwordless” is with `LEGACY_PASSWORDLESS_LOGIN`. The last column says which of the old servers \
gave such an answer; “new” is said by Novara alone: there it was an error 500, another status, or \
success without a look.

JSON is compact. Every answer has `X-Request-ID`, and every one but that to a preflight \
`Cache-Control`; those of version 1 that have a body also have `Deprecation`, `Sunset` and `Link`.
"""
OLD_ORDER: Final = (BOTH, REFACTORED, LEGACY, NEW)
# An object of so many keys that is like an earlier one is not written again.
MANY: Final = 8
NEW_LINE: Final = "\n"


def parent(key: str) -> str:
    return key[:-2] if key.endswith("[]") else key.rpartition(".")[0]


def keys_of(value: Any, place: str = "") -> set[str]:
    """Name every key of an answer: a.b, and a[].b for what all objects of a list have."""
    if isinstance(value, dict):
        found = set()
        for key, part in value.items():
            name = f"{place}.{key}" if place else key
            found |= {name} | keys_of(part, name)
        return found
    if isinstance(value, list) and value:
        return set.intersection(*(keys_of(part, f"{place}[]") for part in value))
    return set()


@dataclass
class Row:
    """What one endpoint said with one status."""

    status: int
    old: str
    whens: list[str] = field(default_factory=list)
    # How many values stood at each place, in all the answers.
    seen: Counter[str] = field(default_factory=Counter)

    def add(self, call: Call, body: Any, maps: Sequence[str]) -> None:
        self.whens.append(call.when)
        if call.is_listed:
            self._look(body, "", maps)

    def _look(self, value: Any, place: str, maps: Sequence[str]) -> None:
        self.seen[place] += 1
        if isinstance(value, dict) and place in maps:
            self.seen[f"{place}.…"] += 1
        elif isinstance(value, dict):
            for key, part in value.items():
                self._look(part, f"{place}.{key}" if place else key, maps)
        elif isinstance(value, list):
            for part in value:
                self._look(part, f"{place}[]", maps)

    @property
    def names(self) -> list[str]:
        """Name every key that holds no further ones."""
        return [
            f"{key}?" if self._is_optional(key) else key
            for key in self.seen
            if key and not key.endswith("[]") and not self._has_parts(key)
        ]

    def _has_parts(self, key: str) -> bool:
        return any(other.startswith((f"{key}.", f"{key}[].")) for other in self.seen)

    def _is_optional(self, key: str) -> bool:
        if not key:
            return False
        is_rarer = not key.endswith("[]") and self.seen[key] < self.seen[parent(key)]
        return is_rarer or self._is_optional(parent(key))

    def __str__(self) -> str:
        whens = "; ".join(dict.fromkeys(self.whens))
        is_empty = self.status in {204, 304}
        keys = written(self.names) or ("no body" if is_empty else "as above")
        return f"| {self.status} | {whens} | {keys} | {self.old} |"


def rows_of(endpoint: Endpoint, answers: Iterable[tuple[Call, Any]]) -> list[Row]:
    """Put answers together that have one status; refusals, if they have the same keys as well."""
    rows: dict[tuple[int, str, frozenset[str]], Row] = {}
    for call, body in answers:
        old = call.old or endpoint.old
        keys = frozenset(keys_of(body) if call.status >= 400 else ())
        row = rows.setdefault((call.status, old, keys), Row(call.status, old))
        row.add(call, body, endpoint.maps)
    return sorted(rows.values(), key=lambda row: (row.status, OLD_ORDER.index(row.old)))


def written(names: Sequence[str]) -> str:
    """Write keys; an object that has the same keys as an earlier one only says which."""
    own: dict[str, list[str]] = {}
    for name in names:
        own.setdefault(parent(name), []).append(name.rpartition(".")[2])
    first: dict[tuple[str, ...], str] = {}
    texts: list[str] = []
    for name in names:
        place = parent(name)
        keys = tuple(own[place])
        same = first.setdefault(keys, place) if len(keys) >= MANY else place
        texts.append(f"`{name}`" if same == place else f"`{place}.…` as `{same}.…`")
    return ", ".join(dict.fromkeys(texts))


def section(endpoint: Endpoint, rows: Sequence[Row]) -> str:
    needs = "Needs a token." if endpoint.needs_token else "Needs no token."
    return f"""\
### {endpoint}

{endpoint.purpose}. {needs}

| status | when | keys | old servers |
| --- | --- | --- | --- |
{NEW_LINE.join(map(str, rows))}
"""


def headings(groups: Sequence[Group]) -> list[str]:
    return [
        heading
        for group in groups
        for heading in (f"## {group.title}", *(f"### {one}" for one in group.endpoints))
    ]


def page(groups: Sequence[Group], rows: Mapping[str, Sequence[Row]]) -> str:
    parts = [HEAD]
    for group in groups:
        parts.append(f"## {group.title}\n")
        parts += [section(endpoint, rows[str(endpoint)]) for endpoint in group.endpoints]
    return NEW_LINE.join(parts)
