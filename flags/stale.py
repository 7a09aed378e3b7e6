"""Which flags have served their purpose. Pure.

A flag is stale when it has stood unchanged for as long as its purpose allows, and all that time
either gave everybody the same, or was not asked for at all.
"""

import datetime as dt
from collections.abc import Collection
from typing import Final

from flags.types import Definition, Purpose

# Days; None: it may stay for good.
LIFETIMES: Final[dict[Purpose, int | None]] = {
    Purpose.RELEASE: 40,
    Purpose.EXPERIMENT: 40,
    Purpose.OPERATIONAL: 7,
    Purpose.PERMISSION: None,
}


def may_be_stale(definition: Definition, unchanged_since: dt.datetime, now: dt.datetime) -> bool:
    days = LIFETIMES[definition.purpose]
    return days is not None and now - unchanged_since >= dt.timedelta(days=days)


def stale_reason(
    definition: Definition, unchanged_since: dt.datetime, given: Collection[str], now: dt.datetime
) -> str | None:
    """Say why a flag is stale and what to do about it; None if it is not.

    `given` are the variants that it gave since it was changed last.
    """
    if not may_be_stale(definition, unchanged_since, now) or len(given) > 1:
        return None
    days = (now - unchanged_since).days
    if not given:
        return (
            f"Nobody has asked for it for {days} days: see that no code needs it, then delete it."
        )
    (name,) = given
    variant = definition.variant(name)
    if variant is not None and variant.value is True:
        return (
            f"Everybody has had it for {days} days: remove the flag from the code, then delete it."
        )
    if variant is not None and variant.value is False:
        return (
            f"Nobody has had it for {days} days: remove the flag and the code behind it, then"
            " delete it."
        )
    return (
        f"Everybody has had the variant {name} for {days} days: keep that in the code without the"
        " flag, then delete it."
    )
