"""The shapes of health/types.py as components of the OpenAPI document."""

from typing import Any

from core.api.openapi import components_of, ref
from health import types
from health.event_types import EVENT_TYPES

SHAPES = (
    types.EventIn,
    types.BatchIn,
    types.CorrectionIn,
    types.RetractionIn,
    types.EventOut,
    types.EventWithHistory,
    types.BatchOut,
    types.TimelineOut,
    types.EventTypesOut,
)


def components() -> dict[str, Any]:
    """Give each event type's data its own component, and EventIn one variant per type."""
    found = components_of(SHAPES)
    found["BatchIn"]["properties"]["events"]["items"] = ref("EventIn")
    found["EventIn"]["oneOf"] = []
    for kind in EVENT_TYPES.values():
        name = f"{kind.name.capitalize()}Data"
        schema = {key: part for key, part in kind.schemas[-1].items() if key != "$schema"}
        found[name] = schema | {"description": kind.description}
        found["EventIn"]["oneOf"].append(
            {
                "title": kind.name,
                "properties": {"event_type": {"const": kind.name}, "event_data": ref(name)},
            }
        )
    found["EventIn"]["properties"]["event_type"] = {"enum": list(EVENT_TYPES)}
    return found
