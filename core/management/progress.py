"""Progress of a command that goes through people, or through something else in portions."""

import time

from django.core.management.base import OutputWrapper


class ProgressLine:
    """Keeps one line of a terminal up to date; tells a log every five seconds."""

    def __init__(self, out: OutputWrapper, *, done: int = 0) -> None:
        self._out = out
        self._first = done
        self._started = self._said = time.monotonic()

    def tell(
        self,
        done: int,
        total: int,
        details: str = "",
        *,
        rows: int | None = None,
        what: str = "people",
    ) -> None:
        """Tell how many people are done, and how fast: in rows of theirs, where given."""
        now = time.monotonic()
        is_terminal = self._out.isatty()
        if now - self._said < (0.1 if is_terminal else 5) and done < total:
            return
        self._said = now
        elapsed = max(now - self._started, 0.001)
        rate = (done - self._first) / elapsed
        left = round(max(total - done, 0) / rate) if rate else 0
        speed = f"{rate:,.0f} {what}/s" if rows is None else f"{rows / elapsed:,.0f} rows/s"
        parts = (f"{done:,} of {total:,} {what}", details, speed)
        text = f"{', '.join(filter(None, parts))}, {left // 60}:{left % 60:02} left"
        if is_terminal:
            self._out.write(f"\r{text:<100}\r", ending="")
            self._out.flush()
        else:
            self._out.write(text)

    def clear(self) -> None:
        if self._out.isatty():
            self._out.write(f"\r{'':<100}\r", ending="")
            self._out.flush()
