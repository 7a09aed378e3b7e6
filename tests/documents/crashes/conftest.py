"""One installation for all tests of crashes that a process runs, as it takes seconds to make."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.crashes.installation import Installation, Person
from tests.documents.crashes.story import Calm, calm_run


@pytest.fixture(scope="session")
def whole() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="novara-crash-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # So that, started by root, PostgreSQL's user can pass through.
        found = Installation(folder)
        try:
            found.start()
            found.start_others()
            found.start_worker(processes=8)
            found.start_web()
            yield found
        finally:
            found.discard()


@pytest.fixture(scope="session")
def calm(whole: Installation) -> Calm:
    """Somebody who has documents that nothing disturbed, to compare others with."""
    return calm_run(whole)


@pytest.fixture
def installation(whole: Installation, calm: Calm) -> Installation:
    """With servers, web and a worker running."""
    whole.tidy()
    return whole


@pytest.fixture
def olga(calm: Calm) -> Person:
    return calm.person
