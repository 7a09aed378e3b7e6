"""Ports that nobody uses."""

import random

from config.dev.processes import port_is_free


def free_port() -> int:
    """Below the range from which the system takes ports for outgoing connections."""
    return next(p for p in random.sample(range(20_000, 32_000), 50) if port_is_free("127.0.0.1", p))
