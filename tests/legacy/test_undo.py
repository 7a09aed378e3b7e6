"""manage.py migrate_v1 --undo goes back to before, unless somebody has gone on here."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.health.forms import FULL
from tests.legacy import old_databases
from tests.legacy.conftest import brought_over
from tests.legacy.expected import client
from tests.legacy.novara import Moved, Novara
from tests.legacy.old_databases import read

PEOPLE, CHECKINS = 4, 5


@pytest.fixture(scope="module")
def brought(empty_novara: Novara) -> Iterator[Moved]:
    with brought_over(empty_novara, people=PEOPLE, checkins=CHECKINS, seed=12) as small:
        yield small


@pytest.fixture
def source(brought: Moved) -> str:
    return brought.source


@pytest.fixture
def moved(brought: Moved, committed_db: None) -> Iterator[Novara]:
    with old_databases.database(brought.novara.name) as address:
        yield Novara(address)


def api_of_first(source: str) -> tuple[ApiClient, Any]:
    first, *_ = read(source, "SELECT * FROM users WHERE status = 'active' ORDER BY id")
    return client(email=first["email"].lower()), first["id"]


def with_residents(novara: Novara) -> None:
    """People who have been here before, and were not brought over."""
    with novara.opened():
        assert client_of(make_user()).call("POST", "/api/checkins", FULL).status_code == 201


def test_leaves_what_stood_before(novara, source):
    with_residents(novara)
    before = novara.content()
    assert novara.bring(source).code == 0
    brought = novara.content()
    with novara.opened():
        api, _ = api_of_first(source)
        assert api.call("GET", "/api/checkins").status_code == 200

    done = novara.undo()

    assert done.code == 0, done.said[-2000:]
    assert novara.content() == before
    assert novara.value("SELECT count(*) FROM erasure_certificates") == PEOPLE
    reasons = novara.rows("SELECT DISTINCT reason FROM erasure_certificates")
    assert reasons == [("migration undone",)]
    assert novara.bring(source).code == 0
    assert novara.content() == brought


def test_says_first_what_would_go(moved):
    before = moved.versions()

    done = moved.undo("--dry-run")

    assert done.code == 0, done.said[-2000:]
    assert str(PEOPLE) in done.out
    assert moved.versions() == before


def write_checkin(api: ApiClient, _: Novara, __: Any) -> Any:
    return api.call("POST", "/api/checkins", FULL | {"date_submitted": "2025-07-01"})


def change_checkin(api: ApiClient, novara: Novara, person: Any) -> Any:
    key = novara.value("SELECT id FROM daily_checkins WHERE user_id = %s LIMIT 1", person)
    return api.call("PUT", f"/api/checkins/{key}", {"user_note": "Changed."})


def delete_checkin(api: ApiClient, novara: Novara, person: Any) -> Any:
    key = novara.value("SELECT id FROM daily_checkins WHERE user_id = %s LIMIT 1", person)
    return api.call("DELETE", f"/api/checkins/{key}")


def record_event(api: ApiClient, _: Novara, __: Any) -> Any:
    sent = {"event_type": "note", "event_data": {"text": "x"}}
    return api.call("POST", "/api/v2/health/events", sent)


def change_profile(api: ApiClient, _: Novara, __: Any) -> Any:
    return api.call("PUT", "/api/users/me", {"nickname": "Somebody new"})


@pytest.mark.parametrize(
    "write", [write_checkin, change_checkin, delete_checkin, record_event, change_profile]
)
def test_refuses_if_somebody_has_gone_on_here(moved, source, write):
    with moved.opened():
        api, person = api_of_first(source)
        assert write(api, moved, person).status_code in {200, 201}
    before = moved.versions()

    done = moved.undo()
    dry = moved.undo("--dry-run")

    assert (done.code, dry.code) == (1, 1)
    assert "Traceback" not in done.said
    assert "1 " in done.out + done.err
    assert moved.versions() == before


def test_has_nothing_to_do_where_nothing_was_brought(novara):
    with_residents(novara)
    before = novara.versions()

    done = novara.undo()

    assert done.code == 0, done.said[-2000:]
    assert novara.versions() == before
