"""The mirror in a bucket: it takes each checkpoint once, and shows all of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from audit import storage
from tests.documents.uploads.conftest import S3

FIRST, SECOND = "2026-11-20/000000000001-aa.json", "2026-11-21/000000000002-bb.json"


@pytest.fixture
def mirror(settings: Any) -> Iterator[S3]:
    server = S3()
    options = server.options()
    server.make_bucket()
    backend = {"BACKEND": "audit.storage.bucket.Bucket", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "audit": backend}
    yield server
    server.forget()
    server.stop()


def test_keeps_objects_by_their_days(mirror: S3):
    stored = [storage.put(SECOND, b"two"), storage.put(FIRST, b"one")]

    assert stored == [True, True]
    assert storage.days() == ["2026-11-20", "2026-11-21"]
    assert [storage.names_of(day) for day in storage.days()] == [[FIRST], [SECOND]]
    assert storage.get(FIRST) == b"one"


def test_writes_over_no_object(mirror: S3):
    storage.put(FIRST, b"one")

    again, other = storage.put(FIRST, b"one"), storage.put(FIRST, b"other")

    assert (again, other) == (True, False)
    assert storage.get(FIRST) == b"one"
    assert storage.names_of("2026-11-20") == [FIRST]


def test_has_no_days_before_the_first(mirror: S3):
    assert storage.days() == []
