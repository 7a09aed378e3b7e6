"""How deeply JSON may be nested."""

from typing import Final

from core.errors import InvalidInput

# Far below what any encoder or decoder on the way gives up at.
DEEPEST: Final = 100
# A tuple: a union would be made anew at each look.
CONTAINERS: Final = (dict, list)


def check_depth(value: object, pointer: str) -> None:
    """Refuse what is nested so deeply that it could not be read again everywhere."""
    level = [value] if isinstance(value, CONTAINERS) else []
    for _ in range(DEEPEST):
        level = [
            part
            for whole in level
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, CONTAINERS)
        ]
        if not level:
            return
    name = pointer.strip("/")
    raise InvalidInput.at(pointer, f"{name}: is nested more than {DEEPEST} levels deep.")
