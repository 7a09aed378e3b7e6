"""Who acts, through which door and from where: what the audit log tells of each change and look.

The gate puts `context()` into the setting `app.context` of each transaction, where the triggers
of the audit log find it (audit/sql/functions/audit_origin_v*.sql). SQL that comes past the gate
is told by its connection's application_name.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

NOBODY: Final = "-"
# An address with brackets, zone and port.
LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Kinds: anonymous, person, staff, administrator, server, system.

    `source` is one word: api, console, task:<name>, command:<name>. `network` is the caller's
    address without its last part.
    """

    kind: str = "system"
    actor_id: str = NOBODY
    source: str = NOBODY
    network: str = NOBODY


request_id: ContextVar[str] = ContextVar("request_id", default="")
# The id of the person whose token was verified, for those who count; it opens nothing.
caller: ContextVar[str | None] = ContextVar("caller", default=None)
current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def context() -> str:
    """Give "kind actor request network source"; "" where nothing is known but the connection."""
    origin = current.get()
    if origin is None:
        return ""
    kind, actor = origin.kind, origin.actor_id
    if kind == "anonymous" and (person := caller.get()):
        kind, actor = "person", person
    return f"{kind} {actor} {request_id.get() or NOBODY} {origin.network} {origin.source}"


@contextmanager
def acting(origin: Origin, request: str | None = None) -> Iterator[None]:
    """Do something as somebody; `request` is the id under which it is found in the logs."""
    before = current.set(origin)
    named = request_id.set(request) if request is not None else None
    try:
        yield
    finally:
        current.reset(before)
        if named is not None:
            request_id.reset(named)


def network(address: str) -> str:
    """Shorten an address so that it names no household: /24 of IPv4, /48 of IPv6."""
    # What is longer is none, and would be kept.
    return _network(address) if len(address) <= LONGEST else NOBODY


@lru_cache(4_096)
def _network(address: str) -> str:
    found = address_in(address)
    if found is None:
        return NOBODY
    length = 24 if found.version == 4 else 48  # noqa: PLR2004
    return str(ipaddress.ip_network((found, length), strict=False))


def address_in(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address as proxies write it: with a port, in brackets, with a zone, or IPv4 in IPv6.

    None: it is none, such as the empty one of a socket.
    """
    plain = text.strip()
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        found = ipaddress.ip_address(plain.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
