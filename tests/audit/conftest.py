"""Logs with chains of their own; what is broken in one is broken for no other test."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.audit import chains
from tests.audit.chains import History


@pytest.fixture(scope="module")
def sealed_log(
    django_db_setup: None, django_db_blocker: Any, database_url: str, tmp_path_factory: Any
) -> Iterator[History]:
    """A sealed log that all tests of a module share: they undo what they do to it."""
    folder = tmp_path_factory.mktemp("mirror")
    with django_db_blocker.unblock(), chains.own_log(database_url, folder):
        yield chains.history()


@pytest.fixture
def own_log(
    django_db_setup: None, django_db_blocker: Any, database_url: str, tmp_path: Any
) -> Iterator[Any]:
    """A log of the test's own, which it need not repair; gives the folder of the mirror."""
    with django_db_blocker.unblock(), chains.own_log(database_url, tmp_path):
        chains.seal()
        yield tmp_path


@pytest.fixture
def old_log(
    django_db_setup: None, django_db_blocker: Any, database_url: str, tmp_path: Any
) -> Iterator[Any]:
    """As own_log, of a database that was made eight years ago, with entries that are kept."""
    with django_db_blocker.unblock(), chains.own_log(database_url, tmp_path):
        chains.rows("ALTER TABLE audit_logs DISABLE TRIGGER USER")
        chains.rows("UPDATE audit_logs SET category = 'system'")
        chains.rows("ALTER TABLE audit_logs ENABLE TRIGGER USER")
        chains.seal_at(chains.LONG_AGO)
        yield tmp_path


@pytest.fixture(scope="module")
def quiet_log(
    django_db_setup: None, django_db_blocker: Any, database_url: str, tmp_path_factory: Any
) -> Iterator[None]:
    """A log in which nobody writes but the tests of a module, which leave it whole."""
    folder = tmp_path_factory.mktemp("mirror")
    with django_db_blocker.unblock(), chains.own_log(database_url, folder):
        chains.seal()
        yield
