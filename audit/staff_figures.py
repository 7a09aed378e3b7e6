"""How far behind the chains of the log are: for those who watch over Novara."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db import connection

from audit import lines

MOST_COUNTED: Final = 100_000
STATE: Final = """
    SELECT (SELECT count(*)
              FROM (SELECT FROM audit_logs
                     WHERE (tx_id, id) >= (%(tx)s::text::xid8, %(id)s) LIMIT %(most)s) w),
           (SELECT recorded_at
              FROM audit_logs
             WHERE (tx_id, id) >= (%(tx)s::text::xid8, %(id)s)
             ORDER BY tx_id, id
             LIMIT 1),
           (SELECT signed_at FROM audit_checkpoints ORDER BY number DESC LIMIT 1),
           (SELECT count(*) FROM audit_checkpoints WHERE mirrored_at IS NULL),
           (SELECT signed_at
              FROM audit_checkpoints
             WHERE mirrored_at IS NULL
             ORDER BY number
             LIMIT 1)
"""


@dataclass(frozen=True, slots=True)
class SealerState:
    """How far behind the chains are, and their copies; `unsealed` is counted up to MOST_COUNTED."""

    unsealed: int
    lag_seconds: float
    checkpoint_age_seconds: float
    not_mirrored: int
    mirror_lag_seconds: float


def sealer_state(*, now: dt.datetime) -> SealerState:
    end = lines.end_of_chains()
    with connection.cursor() as cursor:
        cursor.execute(STATE, {"tx": str(end.tx_id), "id": end.id, "most": MOST_COUNTED})
        unsealed, oldest, signed_at, not_mirrored, first = cursor.fetchone()
    ages = (_age(oldest, now), _age(signed_at, now))
    return SealerState(unsealed, *ages, not_mirrored, _age(first, now))


def _age(instant: dt.datetime | None, now: dt.datetime) -> float:
    return max(0.0, (now - instant).total_seconds()) if instant else 0.0
