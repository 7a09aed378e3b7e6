"""Small facts for the rules: people, check-ins and events around one day."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from insights.types import Checkin, Event, Facts, Finding

TODAY = dt.date(2026, 11, 21)  # A Saturday.


def day(ago: int) -> dt.date:
    return TODAY - dt.timedelta(days=ago)


def noon(ago: int) -> dt.datetime:
    return dt.datetime.combine(day(ago), dt.time(12), dt.UTC)


def checkin(ago: int = 0, **form: Any) -> Checkin:
    """The check-in of so many days ago, without events of its own."""
    return Checkin(uuid.uuid4(), day(ago), noon(ago), form)


def checkins(*forms: Mapping[str, Any]) -> list[Checkin]:
    """One a day, the first of them today."""
    return [checkin(ago, **form) for ago, form in enumerate(forms)]


def event(event_type: str, ago: int = 0, subtype: str | None = None, **data: Any) -> Event:
    return Event(uuid.uuid4(), event_type, subtype, data, noon(ago), day(ago))


def facts(
    *days: Checkin, events: Sequence[Event] = (), profile: Mapping[str, Any] | None = None
) -> Facts:
    return Facts(profile=profile or {}, today=TODAY, checkins=days, events=events)


def types(findings: Sequence[Finding]) -> list[str]:
    return [finding.type for finding in findings]


def only(findings: Sequence[Finding], kind: str) -> Finding:
    (found,) = [finding for finding in findings if finding.type == kind]
    return found
