"""The words of rate limits: what a rule is, whose request it is, and what was said to it."""

import enum
from typing import Any, Final, NamedTuple

import msgspec

# A name is also a policy's name in header fields.
NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,49}$(?!\n)"
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
KNOWN_METHODS: Final = frozenset({*METHODS, "HEAD", "OPTIONS"})

# Where the refused ask why: only rules that name it look at it, none that look at all routes.
OWN_LIMITS: Final = "/api/v2/me/limits"

# The store counts in whole numbers below 2^53: capacity times milliseconds of the window.
MOST_CAPACITY: Final = 1_000_000
LONGEST_WINDOW_SECONDS: Final = 31 * 24 * 60 * 60

# In milliseconds: requests are counted by how long they took at most; the last ones took more.
BOUNDS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)


class Scope(enum.StrEnum):
    """Who shares one bucket of a rule."""

    USER = "user"
    TENANT = "tenant"
    # Of callers without a valid token or a known key: people of a clinic share an address.
    NETWORK = "network"
    ENDPOINT = "endpoint"
    API_KEY = "api_key"
    TENANT_ENDPOINT = "tenant_endpoint"
    # Counted in Postgres by accounts, `capacity` attempts in a window; they outlive the store.
    LOGIN_EMAIL = "login_email"
    LOGIN_NETWORK = "login_network"
    PASSWORD = "password"  # noqa: S105  The name of a scope.
    SIGN_UP_NETWORK = "sign_up_network"


# Exactly one rule each, which is neither added, deleted nor switched off.
IN_POSTGRES: Final = frozenset(
    {Scope.LOGIN_EMAIL, Scope.LOGIN_NETWORK, Scope.PASSWORD, Scope.SIGN_UP_NETWORK}
)
IN_STORE: Final = frozenset(Scope) - IN_POSTGRES


class Mode(enum.StrEnum):
    ENFORCED = "enforced"
    # Counts, and notes whom it would have refused, and refuses nobody.
    SHADOW = "shadow"
    OFF = "off"


class WhenAway(enum.StrEnum):
    """What becomes of requests while the store does not answer."""

    OPEN = "open"
    CLOSED = "closed"
    # Each process counts by itself, as exactly as it can.
    LOCAL = "local"


class Weight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request of some paths and methods costs instead of the rule's own cost."""

    path: str
    cost: int
    methods: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """A rule: `capacity` at once, and `refill` more in every `window_seconds`.

    A path is a route (`/api/v2/documents/{document_id}`) or, with `*` at its end, the beginning
    of some. No methods means all of them; no tenant, every tenant.
    """

    name: str
    scope: Scope
    capacity: int
    refill: int
    window_seconds: int
    paths: tuple[str, ...] = ("/api/*",)
    methods: tuple[str, ...] = ()
    cost: int = 1
    weights: tuple[Weight, ...] = ()
    tenant_id: str | None = None
    mode: Mode = Mode.ENFORCED
    when_away: WhenAway = WhenAway.LOCAL
    description: str = ""

    def cost_of(self, route: str, method: str) -> int:
        """Tell what a request costs; 0 if the rule does not look at it."""
        if not is_meant(self.methods, method):
            return 0
        if route == OWN_LIMITS and route not in self.paths:
            return 0
        if not any(is_path_meant(path, route) for path in self.paths):
            return 0
        for weight in self.weights:
            if is_meant(weight.methods, method) and is_path_meant(weight.path, route):
                return weight.cost
        return self.cost


def is_meant(methods: tuple[str, ...], method: str) -> bool:
    return not methods or ("GET" if method == "HEAD" else method) in methods


def is_path_meant(path: str, route: str) -> bool:
    return route.startswith(path[:-1]) if path.endswith("*") else route == path


class Caller(NamedTuple):
    """Whose request it is. Ids are texts of UUIDs; the network is an IPv4 address or an IPv6 /64.

    `user_id` and `api_key_id` are of verified tokens and known keys alone.
    """

    user_id: str | None
    tenant_id: str | None
    api_key_id: str | None
    network: str

    def subject(self, scope: Scope, route: str) -> str | None:
        """Name the bucket's owner; None if a rule of this scope does not look at this caller."""
        if scope is Scope.ENDPOINT:
            return route
        if scope is Scope.TENANT_ENDPOINT:
            return f"{self.tenant_id} {route}" if self.tenant_id else None
        if scope is Scope.NETWORK:
            return None if self.user_id or self.api_key_id else self.network
        return {
            Scope.USER: self.user_id,
            Scope.TENANT: self.tenant_id,
            Scope.API_KEY: self.api_key_id,
        }.get(scope)


class Source(enum.StrEnum):
    """Who decided about a request."""

    STORE = "store"
    # This process remembered that the bucket is empty, and asked nobody.
    MEMORY = "memory"
    # The store was away.
    LOCAL = "local"
    OPEN = "open"
    CLOSED = "closed"


class Verdict(NamedTuple):
    """What one rule said to one request."""

    rule: Rule
    # A keyed hash of rule and subject; it is the name of the bucket in the store.
    key: bytes
    # What is left after this request.
    remaining: int
    # Seconds (not whole) until there is more, or, refused, until there is enough. 0: it is full.
    wait: float
    # Also where the rule only watches (shadow).
    is_exceeded: bool
    source: Source
    cost: int

    @property
    def is_refusal(self) -> bool:
        return self.is_exceeded and self.rule.mode is Mode.ENFORCED


class Decision(NamedTuple):
    """What all rules that looked at a request said to it."""

    verdicts: tuple[Verdict, ...]

    @property
    def is_allowed(self) -> bool:
        return not any(verdict.is_refusal for verdict in self.verdicts)


UNLIMITED: Final = Decision(())


def rule_of(row: dict[str, Any]) -> Rule:
    """Read a rule from its row; raises msgspec.ValidationError if it is not well-formed."""
    names = Rule.__struct_fields__
    given = {name: row[name] for name in names}
    given["tenant_id"] = str(row["tenant_id"]) if row["tenant_id"] else None
    return msgspec.convert(given, Rule)
