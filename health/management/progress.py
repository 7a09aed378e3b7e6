"""What the commands about metrics have in common: progress on screen, and a clean end."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import OutputWrapper


class ProgressLine:
    """Keeps one line of a terminal up to date; tells a log every five seconds."""

    def __init__(self, out: OutputWrapper, *, done: int = 0) -> None:
        self._out = out
        self._first = done
        self._started = self._said = time.monotonic()

    def tell(self, done: int, total: int, details: str) -> None:
        now = time.monotonic()
        is_terminal = self._out.isatty()
        if now - self._said < (0.1 if is_terminal else 5) and done < total:
            return
        self._said = now
        rate = (done - self._first) / max(now - self._started, 0.001)
        left = round(max(total - done, 0) / rate) if rate else 0
        text = (
            f"{done:,} of {total:,} people, {details}, {rate:,.0f} people/s,"
            f" {left // 60}:{left % 60:02} left"
        )
        if is_terminal:
            self._out.write(f"\r{text:<100}\r", ending="")
            self._out.flush()
        else:
            self._out.write(text)

    def clear(self) -> None:
        if self._out.isatty():
            self._out.write(f"\r{'':<100}\r", ending="")
            self._out.flush()


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
