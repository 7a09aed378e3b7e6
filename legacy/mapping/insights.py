"""Insights of both generations, and what people did with them."""

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from legacy.mapping import values
from legacy.types import Row

TABLES: Final = ("insights", "insights_v1")
INTERACTIONS: Final = "insight_interactions"

CATEGORIES: Final = ("trend", "achievement", "risk", "recommendation")
# What an insight is about, by words of its type.
WORDS: Final = {
    "achievement": ("achievement", "milestone", "streak", "perfect", "consistency", "celebration"),
    "risk": ("risk", "alert", "warning", "decline"),
    "recommendation": ("recommendation", "support", "suggestion", "tip", "concern"),
    "trend": ("trend", "pattern", "improvement", "growth"),
}
OWN_PLACES: Final = frozenset(
    {"id", "user_id", "insight_type", "created_at", "expires_at", "action_label", "action_type"}
)


@dataclass
class Insight:
    row: Row
    columns: dict[str, Any]


def insight(row: Row, zone: str, fallback: dt.datetime) -> Insight:
    created = values.instant(row.get("created_at")) or values.date_time(row.get("date"))
    created = created or fallback
    title = _text(row, "title", "insight_title")
    message = _text(row, "message", "insight_message")
    kind = row.get("insight_type")
    columns = {
        "id": values.our_id(row.table, row.key),
        "occasion": f"imported:{row.key}",
        "insight_type": kind if isinstance(kind, str) else "legacy",
        "category": _category(row),
        "priority": _priority(row),
        "title": title,
        "message": message,
        "action_label": _optional(row, "action_label"),
        "action_type": _optional(row, "action_type"),
        "trigger_type": "migration",
        "local_date": values.date(row.get("date")) or values.local_date(created, zone),
        "created_at": created,
        "updated_at": created,
        "expires_at": values.instant(row.get("expires_at")),
    }
    return Insight(row, columns | {"data": _rest(row, columns)})


def interaction(row: Row, known: Collection[uuid.UUID], fallback: dt.datetime) -> Insight:
    named = row.get("insight_id")
    target = values.our_id("insights", str(named)) if named is not None else None
    action = row.get("action")
    context = {
        name: values.as_json(value)
        for name, value in row.values.items()
        if value is not None and name not in {"id", "user_id", "insight_id", "action", "created_at"}
    }
    created = values.instant(row.get("created_at"))
    if row.get("created_at") is not None and created is None:
        context["created_at"] = values.as_json(row.get("created_at"))
    if "id" in row.values and not values.is_own_id(row.key):
        context["legacy_id"] = row.get("id")
    if not isinstance(action, str) and action is not None:
        context["action"] = values.as_json(action)
    columns = {
        "id": values.our_id(row.table, row.key),
        "insight_id": target if target in known else None,
        "client_insight_id": None if named is None else str(named),
        "insight_type": None,
        "action": action if isinstance(action, str) else "",
        "context": context,
        "created_at": created or fallback,
    }
    return Insight(row, columns)


def _text(row: Row, *names: str) -> str:
    found = (row.get(name) for name in names)
    return next((value for value in found if isinstance(value, str)), "")


def _optional(row: Row, name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) else None


def _category(row: Row) -> str:
    named = row.get("insight_category")
    if named in CATEGORIES:
        return str(named)
    kind = str(row.get("insight_type"))
    found = (category for category, words in WORDS.items() if any(word in kind for word in words))
    return next(found, "general")


def _priority(row: Row) -> int:
    priority = values.whole(row.get("priority"))
    return priority if type(priority) is int and 1 <= priority <= 10 else 5  # noqa: PLR2004


def _rest(row: Row, columns: dict[str, Any]) -> dict[str, Any]:
    """Keep every column that has no place, or another form there, under its own name."""
    placed = {
        "insight_type": columns["insight_type"],
        "title": columns["title"],
        "insight_title": columns["title"],
        "message": columns["message"],
        "insight_message": columns["message"],
        "action_label": columns["action_label"],
        "action_type": columns["action_type"],
        "insight_category": columns["category"],
        "priority": columns["priority"],
        "date": columns["local_date"],
    }
    rest: dict[str, Any] = {}
    for name, value in row.values.items():
        if value is None or name == "user_id":
            continue
        if name in {"created_at", "expires_at"}:
            is_placed = values.instant(value) is not None
        elif name == "id":
            is_placed = values.is_own_id(row.key)
        else:
            is_placed = name in placed and values.as_json(value) == values.as_json(placed[name])
        if not is_placed:
            rest[name] = values.content(value) if name.endswith("_data") else values.as_json(value)
    return rest
