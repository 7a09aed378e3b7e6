"""A look at the broker by whoever only wants to tell how it is: one try, and little patience."""

from typing import Final

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

SECONDS: Final = 0.5


def broker_client() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=SECONDS,
        socket_connect_timeout=SECONDS,
        # By default it would try ten times more.
        retry=Retry(NoBackoff(), 0),
    )
