"""A running server of feature flags, and flags that it sees."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openfeature.client import OpenFeatureClient

from accounts import services as accounts
from accounts.types import ApiScope
from flags import rules
from flags.models import FeatureFlag
from tests.browser import browsing, chromium, live_console, page, web_url
from tests.flag_sets import Flags
from tests.flags.clients import (
    LiveFlags,
    NodeClient,
    node_client,
    python_client,
    web_and_stream,
)

__all__ = ["browsing", "chromium", "live_console", "page", "web_url"]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers of a module write their logs."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def flag_server(django_db_setup: None, logs: Path) -> Iterator[str]:
    with web_and_stream(logs) as url:
        yield url


@pytest.fixture
def key_headers(committed_db: None) -> dict[str, str]:
    _key, secret = accounts.create_api_key(
        name="A server of the tests",
        scopes=[ApiScope.EVALUATE_FLAGS],
        tenant_id=None,
        environment="",
        expires_at=None,
        created_by_id=None,
    )
    return {"X-API-Key": secret}


@pytest.fixture
def flags_put_back(committed_db: None) -> Iterator[None]:
    """Lets a test commit flags: they are deleted, and the rule set of this process is as before."""
    before = rules.replace(None)
    kept = set(FeatureFlag.objects.values_list("flag_name", flat=True))
    yield
    flags = Flags()
    for key in set(FeatureFlag.objects.values_list("flag_name", flat=True)) - kept:
        flags.delete(key)
    rules.replace(before)


@pytest.fixture
def live_flags(flags_put_back: None, flag_server: str, key_headers: dict[str, str]) -> LiveFlags:
    return LiveFlags(flag_server, key_headers)


@pytest.fixture
def python(flag_server: str, key_headers: dict[str, str]) -> Iterator[OpenFeatureClient]:
    with python_client(flag_server, key_headers) as client:
        yield client


@pytest.fixture
def node(flag_server: str, key_headers: dict[str, str], tmp_path: Path) -> Iterator[NodeClient]:
    with node_client("server.mjs", tmp_path) as client:
        assert client.ask("start", url=flag_server, headers=key_headers) == "READY"
        yield client


@pytest.fixture
def web_client(tmp_path: Path) -> Iterator[NodeClient]:
    """Not started yet, as tests differ in how."""
    with node_client("web.mjs", tmp_path) as client:
        yield client
