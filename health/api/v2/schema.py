"""How the OpenAPI document describes the shapes of health/types.py."""

import msgspec

from health import types

SHAPES = (
    types.EventIn,
    types.BatchIn,
    types.CorrectionIn,
    types.RetractionIn,
    types.EventOut,
    types.EventWithHistory,
    types.BatchOut,
    types.TimelineOut,
    types.SummaryOut,
    types.EventTypesOut,
)
_, COMPONENTS = msgspec.json.schema_components(SHAPES, ref_template="#/components/schemas/{name}")
