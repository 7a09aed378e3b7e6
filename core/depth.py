"""How deeply JSON may be nested."""

from typing import Final

from core.errors import InvalidInput

# Far below what any encoder or decoder on the way gives up at.
DEEPEST: Final = 100


def check_depth(value: object, pointer: str) -> None:
    """Refuse what is nested so deeply that it could not be read again everywhere."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            part
            for whole in level
            if isinstance(whole, dict | list)
            for part in (whole.values() if isinstance(whole, dict) else whole)
        ]
        if not level:
            return
    name = pointer.strip("/")
    raise InvalidInput.at(pointer, f"{name}: is nested more than {DEEPEST} levels deep.")
