"""Instants and the local days they belong to."""

import datetime as dt
import re
import zoneinfo
from functools import cache

from core.errors import InvalidInput

INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(?P<offset>[Zz]|[+-]\d\d:\d\d)"
)
EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
WEST, EAST = -12 * 60, 14 * 60

# To Postgres these names are abbreviations, which know no summer time. IANA links them.
LINKS = {
    "CET": "Europe/Brussels",
    "EET": "Europe/Athens",
    "MET": "Europe/Brussels",
    "WET": "Europe/Lisbon",
}


@cache
def known_zones() -> frozenset[str]:
    """The IANA names. Postgres knows them too, and two more that say nothing about a place."""
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


def check_zone(name: str, pointer: str) -> str:
    """Give the name under which Python and Postgres both know the zone."""
    if name not in known_zones():
        field = pointer.rpartition("/")[2]
        detail = f"{field}: is not an IANA time zone such as Europe/Berlin."
        raise InvalidInput.at(pointer, detail)
    return LINKS.get(name, name)


def read_instant(text: str, pointer: str) -> tuple[dt.datetime, int | None]:
    """Parse an RFC 3339 time. The offset is in minutes; None for Z, which names no place."""
    field = pointer.rpartition("/")[2]
    match = INSTANT.fullmatch(text)
    try:
        instant = dt.datetime.fromisoformat(text.upper()) if match else None
    except ValueError:
        instant = None
    if match is None or instant is None:
        detail = f"{field}: must be a time with its offset, such as 2026-11-21T08:30:00-08:00."
        raise InvalidInput.at(pointer, detail)
    if instant < EARLIEST:
        raise InvalidInput.at(pointer, f"{field}: lies before 1900.")
    if match["offset"] in "Zz":
        return instant, None
    offset = int((instant.utcoffset() or dt.timedelta()).total_seconds()) // 60
    if not WEST <= offset <= EAST:
        raise InvalidInput.at(pointer, f"{field}: the offset must be from -12:00 to +14:00.")
    return instant, offset


def read_parameter(text: str, name: str) -> dt.datetime:
    """Parse an RFC 3339 time of the query string."""
    try:
        return read_instant(text, f"/{name}")[0]
    except InvalidInput as error:
        raise InvalidInput.of_parameter(name, error.detail) from None


def check_not_ahead(
    instant: dt.datetime, *, now: dt.datetime, most: dt.timedelta, pointer: str
) -> None:
    if instant > now + most:
        field = pointer.rpartition("/")[2]
        raise InvalidInput.at(pointer, f"{field}: lies more than {most.days} day(s) ahead.")


def local_date(instant: dt.datetime, zone: str) -> dt.date:
    return instant.astimezone(zoneinfo.ZoneInfo(zone)).date()


def utc_offset_minutes(instant: dt.datetime, zone: str) -> int:
    offset = instant.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset() or dt.timedelta()
    return round(offset.total_seconds() / 60)


def noon(date: dt.date, zone: str) -> dt.datetime:
    return dt.datetime.combine(date, dt.time(12), zoneinfo.ZoneInfo(zone))
