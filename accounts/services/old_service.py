"""What is brought over from the old service."""

from typing import Any

from accounts import imports


def import_account(**account: Any) -> None:
    """Bring an account over with its id and dates; see accounts.imports.add."""
    imports.add(**account)


def change_imported_account(**account: Any) -> None:
    """Bring an account up to date with the old service; see accounts.imports.change."""
    imports.change(**account)
