"""Every test has a database of ours for itself, so that it may undo, ruin and compare all of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.legacy import old_databases
from tests.legacy.novara import Moved, Novara


@pytest.fixture(scope="session")
def empty_novara() -> Iterator[Novara]:
    """A database of ours as the first start leaves it, to be copied."""
    with old_databases.database() as address:
        empty = Novara(address)
        process = empty.start("migrate", "--verbosity", "0")
        assert process.wait() == 0, process.communicate()
        yield empty


@pytest.fixture
def novara(empty_novara: Novara, committed_db: None) -> Iterator[Novara]:
    with old_databases.database(empty_novara.name) as address:
        yield Novara(address)


@contextmanager
def brought_over(empty: Novara, *, people: int, checkins: int, seed: int) -> Iterator[Moved]:
    """A small V1 database, brought over once for the tests of a module, to be copied."""
    with (
        old_databases.v1(people=people, checkins=checkins, seed=seed) as source,
        old_databases.database(empty.name) as address,
    ):
        done = Novara(address).bring(source)
        assert done.code == 0, done.said[-2000:]
        yield Moved(source, Novara(address))
