"""/api/v2/me/access-log: who looked at one's record or changed it, in plain words."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from audit import queries
from audit.catalogue import OBJECTS
from audit.models import AuditLog
from audit.types import ActorKind
from core import cursors
from core.api.base import read_query
from core.api.openapi import described, query_parameters, ref
from core.api.v2 import V2View
from core.errors import InvalidInput

Instant = Annotated[dt.datetime, msgspec.Meta(tz=True)]

# How a person is told who it was; members of staff are told apart by an id alone.
WHO: Final[Mapping[str, str]] = {
    ActorKind.PERSON: "You",
    ActorKind.STAFF: "Staff of your clinic",
    ActorKind.ADMINISTRATOR: "An administrator of Novara",
    ActorKind.SERVER: "A server that works for your clinic",
    ActorKind.SYSTEM: "Novara itself",
    ActorKind.ANONYMOUS: "Somebody who was not logged in",
    ActorKind.DATABASE: "Somebody with access to Novara's database",
}
PEOPLE: Final = frozenset({ActorKind.STAFF.value, ActorKind.ADMINISTRATOR.value})

# What somebody did, after who it was. {your} is "your check-ins".
DID: Final[Mapping[str, str]] = {
    "record-read": "read {your}",
    "record-viewed": "looked at {your}",
    "records-listed": "saw {your} in a list",
    "document-disclosed": "opened what is in a document of yours",
    "audit-viewed": "looked at what the audit log says of you",
    "audit-exported": "took what the audit log says of you out into a file",
    "row-inserted": "added to {your}",
    "row-updated": "changed {your}",
    "row-deleted": "deleted from {your}",
    "log-in": "logged in with your account",
    "log-out": "logged out of your account",
    "password-changed": "changed your password",
    "sessions-ended": "ended the sessions of your account",
    "refresh-token-reused": "used a token of yours a second time",
    "rights-changed": "changed the rights of your account",
    "legal-hold-placed": "ordered that entries about you are kept",
    "legal-hold-released": "ended an order that entries about you are kept",
}
REFUSED: Final[Mapping[str, str]] = {
    "log-in": "tried to log in with your account, and was refused",
    "password-changed": "tried to change your password, and was refused",
}
# What is not called "your" and the table's plural.
YOURS: Final[Mapping[str, str]] = {
    "": "your record",
    "content of documents": "what is in your documents",
    "user_profiles": "your profile",
    "users": "your account",
}


class AccessLogQuery(msgspec.Struct, forbid_unknown_fields=True, rename={"first": "from"}):
    """`from` and `to` are RFC 3339 times with an offset or Z; `to` itself is left out."""

    first: Instant | None = None
    to: Instant | None = None
    include: Literal["all"] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


class AccessorOut(msgspec.Struct):
    """Who it was. `id` is of one member of staff always the same; ask your clinic who it is."""

    kind: Literal["you", "staff", "administrator", "server", "system", "anonymous", "database"]
    name: str
    id: uuid.UUID | None


class AccessOut(msgspec.Struct):
    """`what` follows `by.name` in a sentence. `count`: of how many things, or how many times."""

    id: str
    at: dt.datetime
    by: AccessorOut
    what: str
    kind: Literal["look", "change", "security", "administration", "system"]
    object_type: str
    object_id: str | None
    count: int
    reason: str | None


class AccessLogOut(msgspec.Struct):
    entries: list[AccessOut]
    next: str | None


SHAPES: Final = (AccessLogOut,)


class AccessLog(V2View):
    shows = "access log"

    @described(
        "Who looked at your record or changed it, newest first",
        {200: ref(AccessLogOut), 304: None},
        parameters=query_parameters(AccessLogQuery),
        description=(
            "By default what others did: staff of your clinic, administrators, servers. With"
            " `include=all` also what you did, and what Novara itself did with what you gave it;"
            " that you read something stands here about a second later. `from` and `to` are times"
            " with an offset or Z; `to` itself is"
            " left out. `next` is the cursor of the following page."
        ),
    )
    def get(self, request: Request) -> Response:
        query = read_query(request._request, AccessLogQuery)
        if query.first and query.to and query.first >= query.to:
            raise InvalidInput.of_parameter("to", "to: must be later than `from`.")
        position = cursors.read(query.cursor, cursors.instant, entry_number)
        rows = queries.entries_about(
            self.person.id,
            first=query.first,
            end=query.to,
            with_all=query.include == "all",
            before=(position[0], position[1]) if position else None,
        )
        found = list(rows[: query.limit + 1])
        shown = found[: query.limit]
        following = None
        if len(found) > query.limit:
            following = cursors.write(shown[-1].recorded_at.isoformat(), shown[-1].id)
        entries = [entry_out(row, self.person.id) for row in shown]
        return Response(AccessLogOut(entries, following))


def entry_number(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**63:
        raise ValueError
    return number


def entry_out(row: AuditLog, person_id: uuid.UUID) -> AccessOut:
    # Why somebody opened a document is theirs to know; of other reasons they may be the subject.
    is_told = row.event == "document-disclosed" and isinstance(row.details, dict)
    reason = row.details.get("reason") if is_told else None
    return AccessOut(
        id=str(row.id),
        at=row.recorded_at,
        by=accessor(row, person_id),
        what=what(row),
        kind="look" if row.category == "access" else row.category,  # type: ignore[arg-type]  # One of these.
        object_type=row.object_type,
        object_id=row.object_id or None,
        count=row.object_count,
        reason=reason if isinstance(reason, str) else None,
    )


def accessor(row: AuditLog, person_id: uuid.UUID) -> AccessorOut:
    if row.actor_id == person_id:
        return AccessorOut("you", WHO[ActorKind.PERSON], None)
    kind: Any = row.actor_kind
    if kind == ActorKind.PERSON:
        # Nobody has rights to another's record; whoever it was is not told.
        kind = "anonymous"
    return AccessorOut(kind, WHO[kind], row.actor_id if kind in PEOPLE else None)


def what(row: AuditLog) -> str:
    """Say what was done, to go on after who did it."""
    several = OBJECTS.get(row.object_type, ("", row.object_type.replace("_", " ")))[1]
    yours = YOURS.get(row.object_type, f"your {several}")
    words = REFUSED if row.outcome == "failure" else DID
    known = words.get(row.event) or DID.get(row.event) or row.event.replace("-", " ")
    return known.format(your=yours)
