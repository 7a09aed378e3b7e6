"""One installation for all tests of crashes that a process runs, as it takes seconds to make."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.crashes.installation import Installation, Person


@pytest.fixture(scope="session")
def whole() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="novara-crash-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # So that, started by root, PostgreSQL's user can pass through.
        found = Installation(folder)
        try:
            found.start()
            found.start_web()
            found.start_others()
            yield found
        finally:
            found.discard()


@pytest.fixture
def installation(whole: Installation) -> Iterator[Installation]:
    """With servers and web running, and without a worker for documents, which tests start."""
    yield whole
    whole.tidy()


@pytest.fixture
def olga(installation: Installation) -> Person:
    return installation.sign_up()
