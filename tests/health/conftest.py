"""People whose rows are committed: a statement is a transaction of its own, with its own time."""

import pytest

from tests.conftest import ApiClient, client_of
from tests.factories import make_user


@pytest.fixture
def committed_alice(committed_db: None) -> ApiClient:
    return client_of(make_user())
