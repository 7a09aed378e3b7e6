"""On every route: Bob (same tenant) and Charlie (another) can't tell Alice's ids from no ids."""

import json
import uuid

import pytest

from flags.api.ofrep import OfrepView
from tests.factories import make_tenant, make_user
from tests.house.catalog import rows
from tests.house.routes import api_routes, body_of, call, live

CLOSED = [
    route
    for route in api_routes()
    # These look at tokens themselves.
    if not route.view.is_open or issubclass(route.view, OfrepView)
]
WITH_IDS = [route for route in CLOSED if route.parameters]
WITHOUT_IDS = [route for route in CLOSED if not route.parameters]
TABLES = (
    *("documents", "document_attempts", "document_texts", "document_terms", "document_chunks"),
    *("user_document_vectors", "encryption_keys", "document_actions", "llama_parse_jobs"),
    *("health_events", "daily_checkins", "user_profiles", "refresh_families", "refresh_tokens"),
    *("metric_marks", "user_daily_metrics"),
    *("user_medications", "medication_regimens", "time_zone_changes"),
    *("insights", "insight_acknowledgements", "insight_interactions", "analytics_events"),
)


@pytest.fixture
def alice_life(alice):
    life = live(alice)
    assert life.session["refresh_token"]
    return life


@pytest.fixture
def strangers(alice_life, bob, charlie):
    return [live(bob), live(charlie)]


def rows_of(user):
    found = {
        table: rows(f"SELECT t::text FROM {table} t WHERE user_id = %s ORDER BY 1", [user.id])
        for table in TABLES
    }
    return found | {"users": rows("SELECT u::text FROM users u WHERE id = %s", [user.id])}


def answer_of(response, *ids):
    """Everything a caller sees, without what differs by itself: ids that they sent, request id."""
    text = response.content.decode()
    for sent in ids:
        text = text.replace(str(sent), "…")
    if text.startswith("{"):
        text = json.loads(text) | {"request_id": "…"}
    headers = dict(response.headers)
    headers.pop("X-Request-ID")
    return response.status_code, headers, text


def assert_holds_nothing_of(life, response):
    seen = response.content.decode() + str(dict(response.headers))
    for secret in (life.marker, life.marker[:40], life.user.email, *map(str, life.ids.values())):
        assert secret not in seen


@pytest.mark.parametrize("route", WITH_IDS, ids=str)
def test_get_the_answer_of_an_unknown_id(route, alice_life, strangers):
    before = rows_of(alice_life.user)
    unknown = {name: uuid.uuid4() for name in alice_life.ids}

    for stranger in strangers:
        body = body_of(route, stranger)
        theirs = stranger.client.call(route.method, route.path(alice_life.ids), body)
        nothing = stranger.client.call(route.method, route.path(unknown), body)

        assert theirs.status_code == 404
        assert answer_of(theirs, *alice_life.ids.values()) == answer_of(nothing, *unknown.values())
    assert rows_of(alice_life.user) == before
    assert call(route, alice_life).status_code < 300


@pytest.mark.parametrize("route", WITHOUT_IDS, ids=str)
def test_neither_see_nor_touch_her_rows(route, alice_life, strangers):
    before = rows_of(alice_life.user)

    for stranger in strangers:
        response = call(route, stranger)
        assert response.status_code < 300
        assert_holds_nothing_of(alice_life, response)
    assert rows_of(alice_life.user) == before


@pytest.mark.parametrize("route", [r for r in WITHOUT_IDS if r.method == "GET"], ids=str)
def test_cannot_ask_for_her_by_a_parameter(route, alice_life, strangers):
    her = alice_life.user
    asked = [
        f"user_id={her.id}",
        f"tenant_id={her.tenant_id}",
        f"id={her.id}",
        f"email={her.email}",
    ]

    for stranger in strangers:
        for parameter in asked:
            response = stranger.client.call("GET", f"{route.path({})}?{parameter}")
            assert response.status_code < 500
            assert alice_life.marker not in response.content.decode()


@pytest.mark.parametrize(
    "route", [r for r in WITHOUT_IDS if r.method in {"POST", "PUT", "PATCH"}], ids=str
)
def test_cannot_write_as_her_by_a_key_of_the_body(route, alice_life, strangers):
    before = rows_of(alice_life.user)
    person = {"user_id": alice_life.user.id, "tenant_id": alice_life.user.tenant_id}
    keys = {**person, "id": alice_life.ids["checkin_id"], "email": alice_life.user.email}

    for stranger in strangers:
        body = (body_of(route, stranger) or {}) | {name: str(value) for name, value in keys.items()}
        response = stranger.client.call(route.method, route.path({}), body)
        assert response.status_code < 500
        assert alice_life.marker not in response.content.decode()
    assert rows_of(alice_life.user) == before


@pytest.mark.parametrize("route", CLOSED, ids=str)
def test_are_asked_for_a_token(route, alice_life, nobody):
    response = nobody.call(route.method, route.path(alice_life.ids), body_of(route, alice_life))

    assert response.status_code == 401
    assert_holds_nothing_of(alice_life, response)


@pytest.mark.parametrize("route", CLOSED, ids=str)
@pytest.mark.parametrize("what", ["account", "tenant"])
def test_are_refused_once_switched_off(route, what, db):
    user = make_user(tenant=make_tenant())
    life = live(user)
    off = user if what == "account" else user.tenant
    off.is_active = False
    off.save()

    response = call(route, life)

    assert response.status_code in {401, 403}
    assert_holds_nothing_of(life, response)


def test_cannot_use_her_keys_of_repeated_calls(as_alice, as_bob, as_charlie):
    path, key = "/api/v2/health/events", "the-same-key"
    event = {"event_type": "note", "event_data": {"text": "mine"}}
    first = as_alice.call("POST", path, event, Idempotency_Key=key)

    for other in (as_bob, as_charlie):
        same = other.call(
            "POST", path, event | {"event_data": {"text": "other"}}, Idempotency_Key=key
        )
        assert same.status_code == 201
        assert same.json()["id"] != first.json()["id"]


def test_cannot_read_on_with_her_cursor(alice_life, strangers):
    for _ in range(3):
        alice_life.client.call("POST", "/api/v2/health/events", alice_life.event())
    page = alice_life.client.call("GET", "/api/v2/health/timeline?limit=1").json()

    for stranger in strangers:
        response = stranger.client.call(
            "GET", f"/api/v2/health/timeline?limit=50&cursor={page['next']}"
        )
        assert response.status_code == 200
        assert_holds_nothing_of(alice_life, response)


def test_cannot_say_that_an_event_of_theirs_corrects_hers(alice_life, strangers):
    before = rows_of(alice_life.user)

    for stranger in strangers:
        event = stranger.event() | {"correlation_id": alice_life.ids["checkin_id"]}
        stranger.client.call("POST", "/api/v2/health/events", event)
    shown = alice_life.client.call("GET", f"/api/checkins/{alice_life.ids['checkin_id']}").json()

    assert rows_of(alice_life.user) == before
    assert shown["checkin"]["user_note"] == alice_life.marker
