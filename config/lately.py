"""Answers that are kept for a second: whoever may ask may ask often, and each costs queries."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Final, Generic, TypeVar

SECONDS: Final = 1.0

Answer = TypeVar("Answer")


class Lately(Generic[Answer]):
    """One asks at a time; those who wait get the same answer."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        self._ask, self._lock = ask, Lock()
        self._kept: tuple[float, Answer] | None = None

    def __call__(self) -> Answer:
        with self._lock:
            if self._kept is None or time.monotonic() >= self._kept[0] + SECONDS:
                answer = self._ask()
                self._kept = time.monotonic(), answer
            return self._kept[1]
