"""The mirror: copies of checkpoints outside the database, in a folder or a bucket (STORAGES)."""

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages


def mirror() -> Storage:
    return storages["audit"]


def put(name: str, content: bytes) -> bool:
    """Store an object; give whether it is there as it should be. What is there stays.

    Raises what the storage raises when it is away.
    """
    storage = mirror()
    if not storage.exists(name):
        # The name comes back changed if somebody else was faster.
        storage.save(name, ContentFile(content))
    return get(name) == content


def get(name: str) -> bytes:
    with mirror().open(name, "rb") as file:
        content: bytes = file.read()
    return content


def days() -> list[str]:
    """Name the folders, one for each day; none where there is no mirror yet."""
    try:
        folders, _ = mirror().listdir("")
    except FileNotFoundError:
        return []
    return sorted(folders)


def names_of(day: str) -> list[str]:
    _, names = mirror().listdir(day)
    return [f"{day}/{name}" for name in sorted(names) if name.endswith(".json")]
