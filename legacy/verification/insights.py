"""Compares insights, and what people did with them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from legacy.mapping.values import our_id
from legacy.types import Row
from legacy.verification import equality
from legacy.verification.comparison import ABSENT, Comparison

PLACES: Final[Mapping[str, tuple[str, equality.Rule]]] = {
    "insight_type": ("insight_type", equality.text),
    "title": ("title", equality.text),
    "insight_title": ("title", equality.text),
    "message": ("message", equality.text),
    "insight_message": ("message", equality.text),
    "action_label": ("action_label", equality.text),
    "action_type": ("action_type", equality.text),
    "insight_category": ("category", equality.text),
    "priority": ("priority", equality.number),
    "date": ("local_date", equality.day),
    "created_at": ("created_at", equality.moment),
    "expires_at": ("expires_at", equality.moment),
}
INTERACTION: Final[Mapping[str, tuple[str, equality.Rule]]] = {
    "action": ("action", equality.text),
    "insight_id": ("client_insight_id", lambda source, here: str(source) == here),
    "created_at": ("created_at", equality.moment),
}


class InsightComparison:
    def __init__(self, comparison: Comparison) -> None:
        self._told, self._here = comparison, comparison.here

    def compare(self, rows: Sequence[Row]) -> None:
        known = self._compare(rows, self._here.insights, PLACES, "data")
        for insight_id, insight in self._here.insights.items():
            if insight["trigger_type"] == "migration" and insight_id not in known:
                self._told.too_much("insights", insight_id)

    def compare_interactions(self, rows: Sequence[Row]) -> None:
        known = self._compare(rows, self._here.interactions, INTERACTION, "context")
        for interaction_id, interaction in self._here.interactions.items():
            is_old = interaction["created_at"] <= self._here.since
            if is_old and interaction_id not in known:
                self._told.too_much("insight_interactions", interaction_id)

    def _compare(
        self,
        rows: Sequence[Row],
        here: Mapping[Any, Mapping[str, Any]],
        places: Mapping[str, tuple[str, equality.Rule]],
        rest: str,
    ) -> set[Any]:
        known = set()
        for row in rows:
            found_id = our_id(row.table, row.key)
            known.add(found_id)
            if self._told.has_record(row):
                self._told.record(row)
            elif found_id not in here:
                self._told.missing(row)
            else:
                self._row(row, here[found_id], places, rest)
        return known

    def _row(
        self,
        row: Row,
        found: Mapping[str, Any],
        places: Mapping[str, tuple[str, equality.Rule]],
        rest: str,
    ) -> None:
        explained = {"legacy_id"}
        for name, value in row.values.items():
            explained.add(name)
            kept = found[rest].get(name, ABSENT)
            place, rule = places.get(name, ("", equality.anything))
            if name in {"id", "user_id"}:
                is_kept = str(value).lower() == str(found[name])
                is_told = equality.verbatim(value, found[rest].get("legacy_id", kept))
                self._told.same(row, name, is_same=is_kept or is_told or name == "user_id")
            elif value is None:
                self._told.same(row, name, is_same=kept is ABSENT)
            elif kept is not ABSENT:
                self._told.field(row, name, [kept], equality.content)
            else:
                self._told.field(row, name, [found[place] if place else ABSENT], rule)
        for name in found[rest].keys() - explained:
            self._told.too_much(row.table, row.key, name)
