"""What a row is known by where its table has no id."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

# What makes a row the one it is, where exports left the ids out.
NATURAL: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "users": (("email",),),
    "daily_checkins": (("user_id", "date_submitted"), ("email", "date_submitted")),
}


class Keys:
    """Names the rows of one table: by id, by primary key, else by a digest of what they say."""

    def __init__(self, table: str, columns: Sequence[str], primary: Sequence[str]) -> None:
        natural = (names for names in NATURAL.get(table, ()) if set(names) <= set(columns))
        self._primary = ("id",) if "id" in columns else tuple(primary)
        self._digested = next(natural, tuple(columns))
        self._seen: Counter[str] = Counter()

    def of(self, values: Mapping[str, Any]) -> str:
        if self._primary:
            key = ",".join(str(values.get(name)) for name in self._primary)
            if all(values.get(name) is not None for name in self._primary):
                return key
        said = [values.get(name) for name in self._digested]
        digest = hashlib.sha256(msgspec.json.encode(said, enc_hook=str)).hexdigest()
        key = f"#{digest[:16]}"
        self._seen[key] += 1
        return key if self._seen[key] == 1 else f"{key}-{self._seen[key]}"
