"""Who asks for flags: a person with a token, or a server with a key.

Both are asked of the database. While that is away, whoever was known in the last minutes goes on
as they were; the moment it answers, what it says holds again.
"""

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest

from accounts import queries, services
from accounts.authentication import TokenInvalid, api_key_of
from accounts.types import ApiScope, KeyHolder
from core import gate
from core.api.base import GatedView
from core.errors import DomainError
from core.gate import Claims
from flags import queries as flag_queries
from flags import rules
from flags.evaluation import RuleSet
from flags.types import Context

FIND: Final = (
    "SELECT g.user_id::text, g.tenant_id::text,"
    " (SELECT u.email FROM users u WHERE u.id = g.user_id)"
    " FROM enter_gate(%s::uuid, %s, %s::uuid, to_timestamp(%s)) g"
)
MOST_KNOWN: Final = 10_000
# Characters of what names somebody.
LONGEST_NAME: Final = 1_000
UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """The person of a token, with what flags may ask of them."""

    id: str
    tenant_id: str
    email: str
    claims: Claims
    confirmed_at: dt.datetime


class KeyInvalid(DomainError):
    status = 401
    code = "api-key-invalid"


class ScopeMissing(DomainError):
    status = 403
    code = "scope-missing"


class FlagsUnavailable(DomainError):
    status = 503
    code = "flags-unavailable"
    retryable = True


# By the claims of a token that was verified, in this process.
_known: Final[dict[Claims, KnownPerson]] = {}
# Whom servers of clinics named, and whether they are of another clinic.
_strangers: Final[dict[tuple[uuid.UUID, str | None, str | None], bool]] = {}


def caller_of(request: HttpRequest, scope: ApiScope, now: dt.datetime) -> KnownPerson | KeyHolder:
    """Tell who asks. A server's key must have the scope; one round trip at most."""
    secret = api_key_of(request)
    if secret is not None:
        return find_server(secret, scope, now)
    return find_person(GatedView.claims(request), now)


def find_person(claims: Claims, now: dt.datetime) -> KnownPerson:
    known = _known.get(claims)
    is_trusted = known is not None and is_lately(known.confirmed_at, now)
    # A server that is out of reach answers slowly, and the agent asks it each second anyway.
    if known is not None and is_trusted and rules.is_stale():
        return known
    try:
        row = gate.one_statement(FIND, claims.as_parameters())
    except (OperationalError, InterfaceError) as error:
        if known is None or not is_trusted:
            raise unavailable() from error
        return known
    if row is None:
        _known.pop(claims, None)
        raise TokenInvalid("Invalid or expired token")
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    user_id, tenant_id, email = row
    person = _known[claims] = KnownPerson(user_id, tenant_id, email, claims, confirmed_at=now)
    return person


def is_lately(confirmed_at: dt.datetime, now: dt.datetime) -> bool:
    return dt.timedelta(0) <= now - confirmed_at < queries.TRUSTED_WITHOUT_DATABASE


def find_server(secret: str, scope: ApiScope, now: dt.datetime) -> KeyHolder:
    try:
        holder = queries.find_api_key(secret, now, is_database_away=rules.is_stale())
    except (OperationalError, InterfaceError) as error:
        raise unavailable() from error
    if holder is None:
        raise KeyInvalid("The API key is not valid: it is unknown, revoked or has expired.")
    if scope not in holder.scopes:
        raise ScopeMissing(f"The API key lacks the scope {scope}: make one that has it.")
    services.note_key_use(key_id=holder.id, now=now)
    return holder


def context_of(
    caller: KnownPerson | KeyHolder,
    key: str | None,
    email: str | None = None,
    tenant: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> Context | None:
    """Make the context of what a caller sent; None if a person names somebody else.

    Who a person is, and of which clinic a clinic's server is, is not for them to say. What lists
    of people say of those of other clinics a clinic's server does not get to know.
    """
    told = dict(attributes or {})
    if isinstance(caller, KnownPerson):
        if key and key.lower() != caller.id:
            return None
        return Context(caller.id, caller.email, caller.tenant_id, told)
    key = plain_id(key)
    if caller.tenant_id is None:
        return Context(key, email, plain_id(tenant), told)
    has_lists = rule_set_for(caller).names_people
    is_other = has_lists and is_stranger(caller.tenant_id, key, email)
    return Context(key, email, str(caller.tenant_id), told, is_stranger=is_other)


def is_stranger(tenant_id: uuid.UUID, key: str | None, email: str | None) -> bool:
    """Tell whether a clinic's server names somebody of another clinic.

    Without the database it is as it was found before; whoever was not asked for counts as one.
    """
    user_id = key if key and UUID.fullmatch(key) else None
    asked = (tenant_id, user_id, email)
    if not (user_id or email):
        return False
    if not rules.is_stale():
        with suppress(OperationalError, InterfaceError):
            found = flag_queries.is_of_another_clinic(*asked)
            if len(_strangers) >= MOST_KNOWN:
                _strangers.clear()
            _strangers[asked] = found
    return _strangers.get(asked, True)


def plain_id(sent: str | None) -> str | None:
    """Write an id as we do; what is none stays as it is, capitals and all."""
    return sent.lower() if sent and UUID.fullmatch(sent) else sent


def environment_of(caller: KnownPerson | KeyHolder) -> str:
    return "" if isinstance(caller, KnownPerson) else caller.environment


def rule_set_for(caller: KnownPerson | KeyHolder) -> RuleSet:
    try:
        return rules.current(environment_of(caller))
    except psycopg.Error as error:
        raise unavailable() from error


def unavailable() -> FlagsUnavailable:
    detail = "The database does not answer at the moment. Ask again in 5 seconds."
    return FlagsUnavailable(detail, extra={"retry_after": 5})
