"""What limits tell clients in header fields: draft-ietf-httpapi-ratelimit-headers, and the old way.

Fields are structured (RFC 9651): lists of names of rules, with parameters. A policy is `q` requests
in `w` seconds: what a full bucket has, and the time in which an empty one becomes full. `pk` names
the bucket by a keyed hash.
"""

import base64
import math
from functools import lru_cache
from typing import Final

from ratelimits.types import Decision, Mode, Rule, Source, Verdict

# Who was let pass, or stopped, because the store was away was not counted.
COUNTED: Final = frozenset({Source.STORE, Source.MEMORY, Source.LOCAL})
PARTITION_BYTES: Final = 6


def fields(decision: Decision) -> dict[str, str]:
    """Give RateLimit-Policy and RateLimit of a request; a refusal tells of what refused it."""
    counted = _counted(decision)
    if not counted:
        return {}
    shown = counted
    if not decision.is_allowed:
        # Another rule may have to be waited for longer than Retry-After says.
        shown = [verdict for verdict in counted if verdict.is_exceeded]
    fields = {"RateLimit-Policy": ", ".join(_policy(one.rule, one.key) for one in counted)}
    if shown:
        fields["RateLimit"] = ", ".join(_limit(verdict) for verdict in shown)
    return fields


def legacy_fields(decision: Decision, now: float) -> dict[str, str]:
    """Give the three fields that old clients know, of the rule that has the least left."""
    counted = _counted(decision)
    if not counted:
        return {}
    # A refusal's own figures, not those of a bucket that happens to be smaller.
    tightest = min(counted, key=lambda one: (not one.is_exceeded, one.remaining))
    left = 0 if tightest.is_exceeded else tightest.remaining
    return {
        "X-RateLimit-Limit": str(tightest.rule.capacity),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(math.ceil(now + tightest.wait)),
    }


def retry_after(decision: Decision) -> int:
    """Give whole seconds after which nothing that refused the request would refuse it again."""
    waits = [verdict.wait for verdict in decision.verdicts if verdict.is_refusal]
    return max(1, math.ceil(max(waits, default=0)))


def _counted(decision: Decision) -> list[Verdict]:
    return [
        verdict
        for verdict in decision.verdicts
        if verdict.source in COUNTED and verdict.rule.mode is Mode.ENFORCED
    ]


def _policy(rule: Rule, key: bytes) -> str:
    return f'"{rule.name}";q={rule.capacity};w={window(rule)};pk=:{_partition(key)}:'


def _limit(verdict: Verdict) -> str:
    # What is left is not enough for a request that was refused, so there is none for it.
    left = 0 if verdict.is_exceeded else verdict.remaining
    told = f'"{verdict.rule.name}";r={left}'
    if verdict.wait > 0:
        told += f";t={math.ceil(verdict.wait)}"
    return f"{told};pk=:{_partition(verdict.key)}:"


def window(rule: Rule) -> int:
    return max(1, math.ceil(rule.capacity * rule.window_seconds / rule.refill))


@lru_cache(maxsize=10_000)
def _partition(key: bytes) -> str:
    return base64.b64encode(key[:PARTITION_BYTES]).decode()
