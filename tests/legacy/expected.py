"""What must stand here for a row of an old database: said again, without the product."""

import datetime as dt
import json
import math
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

import jwt
from django.conf import settings

from health.checkins import ALWAYS_SHOWN
from tests.conftest import ApiClient
from tests.legacy.novara import Novara
from tests.legacy.old_databases import Row

JSON = {"sentiment_scores", "device", "referral", "context_data"}
NO_ANSWERS = {"id", "user_id", "date_submitted", "created_at", "updated_at"}
SHOWN_BESIDE = {"id", "user_id", "date_submitted", "created_at", "fields"}


def form_of(row: Row) -> dict[str, Any]:
    """Give the answers of an old row: what is NULL was not answered."""
    return {
        name: json.loads(value) if name in JSON else _number(value)
        for name, value in row.items()
        if value is not None and name not in NO_ANSWERS
    }


def _number(value: Any) -> Any:
    """To Postgres a whole double precision is a number without a fraction, in JSON too."""
    is_number = isinstance(value, float) and not math.isnan(value)
    return Decimal(value) if is_number else value


def differences(old: Any, shown: Any, at: str = "") -> list[str]:
    """Compare an old value with one that came back as JSON, type and all."""
    if isinstance(old, dict) and isinstance(shown, dict):
        if old.keys() != shown.keys():
            return [f"{at}: {sorted(old.keys() ^ shown.keys())}"]
        return [line for key in old for line in differences(old[key], shown[key], f"{at}/{key}")]
    if isinstance(old, list) and isinstance(shown, list):
        if len(old) != len(shown):
            return [f"{at}: length"]
        pairs = enumerate(zip(old, shown, strict=True))
        return [line for n, (a, b) in pairs for line in differences(a, b, f"{at}/{n}")]
    return [] if _is_same(old, shown) else [f"{at}: {old!r} became {shown!r}"]


def assert_same(old: Any, shown: Any, at: str = "") -> None:
    found = differences(old, shown, at)
    assert not found, found


def _is_same(old: Any, shown: Any) -> bool:
    if isinstance(old, Decimal):
        return type(shown) in {int, float} and float(old) == shown
    if isinstance(old, float) and math.isnan(old):
        return str(shown).lower() == "nan"
    if isinstance(old, dt.datetime):
        return isinstance(shown, str) and instant(shown) == old
    if isinstance(old, dt.date | uuid.UUID):
        return bool(shown == str(old))
    return type(old) is type(shown) and bool(old == shown)


def instant(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def client(**claims: Any) -> ApiClient:
    """A client with a token as the old service signed it."""
    told = {"exp": 4_000_000_000, **claims}
    token = jwt.encode(told, settings.JWT_SECRET, "HS256")
    return ApiClient(headers={"authorization": f"Bearer {token}"})


def assert_checkins_equal(user_id: Any, api: ApiClient, rows: list[Row]) -> None:
    """Compare all check-ins of a person of V1 with the V1 list."""
    answer = api.call("GET", "/api/checkins?limit=1000")
    assert answer.status_code == 200, answer.content
    shown = answer.json()["checkins"]
    assert [item["date_submitted"] for item in shown] == sorted(
        (str(row["date_submitted"]) for row in rows), reverse=True
    )
    by_id = {item["id"]: item for item in shown}
    for row in rows:
        item = by_id[str(row["id"])]
        assert_same(form_of(row), answers_in(item), str(row["id"]))
        assert item["user_id"] == str(user_id)
        assert item["date_submitted"] == str(row["date_submitted"])
        if row["created_at"]:
            assert instant(item["created_at"]) == _aware(row["created_at"])


def answers_in(item: dict[str, Any]) -> dict[str, Any]:
    """Take the answers out of a shown check-in; null is shown for what was not answered."""
    return {
        name: value
        for name, value in item.items()
        if name not in SHOWN_BESIDE and (value is not None or name not in ALWAYS_SHOWN)
    }


def _aware(moment: dt.datetime) -> dt.datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def profile_of(user: Row) -> dict[str, Any]:
    """Say what /api/users/me must show of an active person of V1."""
    zone = user["timezone"]
    said: dict[str, Any] = {
        "id": str(user["id"]),
        "email": user["email"].strip().lower(),
        "nickname": user["nickname"],
        "status": "active",
        "timezone": zone if zone in available_timezones() else "America/Los_Angeles",
        "email_opt_in": True if user["email_opt_in"] is None else user["email_opt_in"],
        "baseline_completed": bool(user["baseline_completed"]),
        "medication_status_updated": user["medication_status_updated"],
        "created_at": user["created_at"],
    }
    for name in ("confidence_meds", "confidence_costs", "confidence_overall"):
        said[name] = 5 if user[name] is None else user[name]
    for name in (
        *("primary_need", "cycle_stage", "top_concern", "medication_status", "onboarding_path"),
    ):
        said[name] = user[name]
    for name in ("referral", "loyalty_points"):
        if user.get(name) is not None:
            said[name] = json.loads(user[name]) if name in JSON else user[name]
    return said


def assert_profile_equal(user: Row, api: ApiClient) -> None:
    shown = api.call("GET", "/api/users/me").json()["user"]
    expected = profile_of(user)
    assert_same(expected, {name: shown.get(name) for name in expected})


def assert_account_equal(user: Row, novara: Novara) -> None:
    """Compare what only the database tells of an account."""
    (row,) = novara.dicts(
        "SELECT u.*, t.slug, p.extra, p.updated_at FROM users u JOIN tenants t ON t.id = u.tenant_id"
        " JOIN user_profiles p ON p.user_id = u.id WHERE u.id = %s",
        user["id"],
    )
    assert row["slug"] == "novara"
    assert row["password"].startswith("!")
    assert row["is_active"] is (user["status"] == "active")
    assert row["tokens_valid_from"] == row["created_at"] == _aware(user["created_at"])
    assert row["updated_at"] == _aware(user["updated_at"])
    assert not row["is_staff"]
    assert not row["is_superuser"]
    kept = row["extra"].values()
    zone = user["timezone"]
    if zone and zone not in available_timezones():
        assert zone in kept
    if user["email"] != row["email"]:
        assert row["extra"]["legacy_email"] == user["email"]
    if user["status"] == "suspended":
        assert row["extra"]["legacy_status"] == "suspended"
    if user.get("password"):
        assert row["extra"]["legacy_password"] == user["password"]
