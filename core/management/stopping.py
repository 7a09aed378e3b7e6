"""A clean end of commands that work in portions."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Stop:
    """Remembers the signal that asked for the end."""

    signal: int | None = None


@contextmanager
def ending_at_a_signal() -> Iterator[Stop]:
    """Note Ctrl-C and SIGTERM, so that a portion is ended first; the second one ends it at once."""
    stop = Stop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _frame: Any) -> None:
        stop.signal = number
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
