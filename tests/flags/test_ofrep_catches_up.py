"""Who was told of a change by a stream gets the flags as they are after it."""

import uuid

import pytest
from django.utils import timezone

from flags import rules, services
from flags.api import ofrep
from flags.types import Definition
from tests.conftest import client_of
from tests.factories import make_user
from tests.flag_sets import TESTER
from tests.flags.asking import ALL, EVERYBODY


@pytest.fixture
def key(committed_db):
    """A flag that others know of already, and this process does not."""
    rules.load()
    key = f"new-{uuid.uuid4().hex[:8]}"
    definition = Definition(key=key, salt=key, is_enabled=True, variants=EVERYBODY)
    services.create_flag(definition=definition, actor=TESTER, now=timezone.now())
    yield key
    services.delete_flag(key=key, actor=TESTER, reason="A test.", now=timezone.now())
    rules.load()


@pytest.fixture
def connections(monkeypatch):
    monkeypatch.setattr(ofrep, "_in_vain_until", 0.0)
    real, made = rules.connect, []

    def connect():
        made.append(1)
        return real()

    monkeypatch.setattr(rules, "connect", connect)
    return made


def keys_of(response):
    return {one["key"] for one in response.json()["flags"]}


def test_reads_the_newer_rule_set_at_once(key, connections):
    client, known = client_of(make_user()), rules.current().version
    tag = client.call("POST", ALL, {})["ETag"]

    same = client.call("POST", f"{ALL}?flagConfigEtag={known}", {}, If_None_Match=tag)
    newer = client.call("POST", f"{ALL}?flagConfigEtag={known + 1}", {}, If_None_Match=tag)

    assert same.status_code == 304
    assert newer.status_code == 200
    assert key in keys_of(newer)
    assert rules.current().version == known + 1
    assert len(connections) == 1


def test_looks_once_for_a_version_that_nobody_made(committed_db, connections):
    client, ahead = client_of(make_user()), rules.current().version + 1_000

    for _ in range(3):
        assert client.call("POST", f"{ALL}?flagConfigEtag={ahead}", {}).status_code == 200

    assert len(connections) == 1
