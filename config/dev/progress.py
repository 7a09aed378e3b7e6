"""Short lines about what happens."""

import contextlib
import sys
import time
from collections.abc import Iterator


def say(text: str = "") -> None:
    with contextlib.suppress(OSError):  # The terminal may have gone.
        print(text, flush=True)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Name the step while it lasts (on a terminal), then tick it off with the time it took."""
    started = time.monotonic()
    on_terminal = sys.stdout.isatty()
    if on_terminal:
        print(f"  {name} …", end="", flush=True)
    try:
        yield
    except BaseException:
        say(f"\r✗ {name}   " if on_terminal else f"✗ {name}")
        raise
    took = f"{time.monotonic() - started:.1f} s"
    say(f"\r✓ {name} … {took}" if on_terminal else f"✓ {name} … {took}")
