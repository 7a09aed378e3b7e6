"""Entries and alerts in sentences, with the names of those whom the reader may know."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from audit import catalogue, queries
from audit.models import AuditAlert, AuditLog
from audit.types import ActorKind, GroupBy, Outcome
from core.admin import capital, in_words, label

UNKNOWN_PERSON: Final = "somebody whom you cannot see, or who was erased"
MOST_COLUMNS: Final = 4


class Names:
    """Names of those who are in some rows, asked for once."""

    def __init__(self, entries: Iterable[AuditLog] = (), further: Iterable[str] = ()) -> None:
        ids: set[uuid.UUID | None] = {queries.as_uuid(text) for text in further}
        for entry in entries:
            ids |= {entry.actor_id, entry.subject_id}
        self._emails = queries.people(ids)

    def person(self, user_id: uuid.UUID | None) -> str:
        return self._emails.get(user_id, UNKNOWN_PERSON) if user_id else "nobody in particular"

    def known(self, user_id: uuid.UUID | None) -> str | None:
        return self._emails.get(user_id) if user_id else None

    def who(self, entry: AuditLog) -> str:
        email = self.known(entry.actor_id)
        if email:
            return f"{catalogue.TITLES.get(entry.actor_kind, '')}{email}"
        return catalogue.NAMELESS[entry.actor_kind]


def sentence(entry: AuditLog, names: Names) -> str:
    """Tell an entry as people would: "Staff member a@b.c looked at the record of d@e.f."."""
    form = catalogue.SENTENCES.get(entry.event, catalogue.OTHERWISE)
    if entry.subject_id:
        form = catalogue.OF_PERSON.get(entry.event, form)
    if entry.outcome == Outcome.FAILURE:
        form = catalogue.FAILURES.get(entry.event, f"{form} (refused)")
    is_own = entry.actor_kind == ActorKind.PERSON and entry.actor_id == entry.subject_id
    name_it = catalogue.read if entry.event == "record-read" else catalogue.what
    told = form.format(
        who=names.who(entry),
        whose="their own" if is_own else "the",
        person=names.person(entry.subject_id),
        what=name_it(entry.object_type, entry.object_count),
        all=catalogue.named(entry.object_type)[1],
        object=entry.object_id,
        event=label(entry.event.replace("-", " ")),
        account=names.known(entry.subject_id) or "an account that is not there",
    )
    if entry.category == "change":
        told += _of(entry, names, is_own=is_own)
        told += _columns(catalogue.changed_columns(entry.details))
    # An address stays as it is written.
    return (told if "@" in told.partition(" ")[0] else capital(told)) + "."


def _of(entry: AuditLog, names: Names, *, is_own: bool) -> str:
    if entry.subject_id is None:
        return ""
    return " of their own" if is_own else f" of {names.person(entry.subject_id)}"


def _columns(changed: Mapping[str, Any]) -> str:
    """Name some of the columns, and say of what is masked that it is."""
    parts = [
        f"{name} ({'masked' if value == 'masked' else _from_to(value)})"
        for name, value in list(changed.items())[:MOST_COLUMNS]
    ]
    if len(changed) > MOST_COLUMNS:
        parts.append(f"{len(changed) - MOST_COLUMNS} more")
    return f": {', '.join(parts)}" if parts else ""


def _from_to(value: Any) -> str:
    if not isinstance(value, dict):
        return in_words(value)
    return f"{plain(value.get('from'))} → {plain(value.get('to'))}"


def plain(value: Any) -> str:
    return "nothing" if value is None else in_words(value)


@dataclass(frozen=True, slots=True)
class Difference:
    """One column of a change; None stands for what is masked."""

    column: str
    before: str | None
    after: str | None


def differences(entry: AuditLog) -> list[Difference]:
    return [
        Difference(label(name), plain(value.get("from")), plain(value.get("to")))
        if isinstance(value, dict)
        else Difference(label(name), None, None)
        for name, value in catalogue.changed_columns(entry.details).items()
    ]


def about(alert: AuditAlert, names: Names, clinics: Mapping[uuid.UUID, str]) -> str:
    """Say who or what an alert is about."""
    key = alert.group_key
    known = names.known(queries.as_uuid(key))
    if alert.group_by == GroupBy.NETWORK:
        return f"the network {key}"
    if alert.group_by == GroupBy.EVERYTHING:
        return "the whole house"
    if alert.group_by == GroupBy.TENANT:
        return clinics.get(alert.tenant_id, "a clinic")
    if alert.group_by == GroupBy.OBJECT and known is None:
        return "an account that is not there" if key.startswith("unknown:") else key
    kind, _, source = key.partition(" ")
    if alert.group_by == GroupBy.ACTOR and kind in catalogue.NAMELESS:
        return f"{catalogue.NAMELESS[kind]} ({source})"
    return known or UNKNOWN_PERSON
