"""How the OpenAPI document describes the shapes of health/types.py."""

from typing import Any

import msgspec
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

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
