"""A running stream server, and who has the flag for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flags import rules
from flags.models import FeatureFlag
from tests.flag_sets import Flags
from tests.streams import stream_server

FLAG = "realtime_progress"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("progress") / "stream.log"


@pytest.fixture(scope="module")
def server(django_db_setup: None, log: Path) -> Iterator[str]:
    with stream_server(log) as (url, _running):
        yield url


@pytest.fixture
def with_flag(committed_db: None) -> Iterator[Flags]:
    """Everybody has the flag while the test runs."""
    before = rules.replace(None)
    flags = Flags()
    definition = FeatureFlag.objects.get(flag_name=FLAG).definition
    flags.change(FLAG, is_enabled=True)
    flags.roll_out(FLAG, 100)
    yield flags
    flags.change(FLAG, is_enabled=definition.is_enabled, variants=definition.variants)
    rules.replace(before)
