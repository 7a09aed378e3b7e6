"""Small facts for the rules: people, check-ins and events around one day."""

import datetime as dt
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from insights.catalogue import text_of
from insights.types import Checkin, Event, Facts, Finding

TODAY = dt.date(2026, 11, 21)  # A Saturday.


def day(ago: int) -> dt.date:
    return TODAY - dt.timedelta(days=ago)


def noon(ago: int) -> dt.datetime:
    return dt.datetime.combine(day(ago), dt.time(12), dt.UTC)


def checkin(ago: int = 0, **form: Any) -> Checkin:
    """The check-in of so many days ago, without events of its own."""
    return Checkin(uuid.uuid4(), day(ago), noon(ago), form)


def checkins(*forms: Any) -> list[Checkin]:
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


def check_words(found: Finding) -> None:
    """A finding is sound, and what it says is whole sentences without anything raw."""
    text = text_of(found)
    said = f"{text.title} {text.message}"
    ours = said.replace(f"Hi {found.values.get('nickname')}.", "Hi you.")
    ours = re.sub("“[^”]+”", "quoted", ours)
    assert 1 <= found.priority <= 10
    assert 0 <= found.confidence <= 1
    assert not re.search(r"\w_\w|[a-z][A-Z]|[{}]|\bNone\b| {2}", ours)
    assert said.isprintable()
    assert len(text.title) <= 80
    assert len(text.message) <= 400
    assert text.message.endswith((".", "?"))
    json.dumps(found.values, allow_nan=False).encode()
    said.encode()
