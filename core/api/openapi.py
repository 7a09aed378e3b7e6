"""How views say what they take and give, for the OpenAPI documents (config/openapi.py)."""

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from core.api.v2 import PROBLEM, V2View

Schema = dict[str, Any]

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="Makes a repeated call harmless."
)
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag of the version you read."
)
View = TypeVar("View", bound=Callable[..., Any])


def ref(shape: type[msgspec.Struct] | str) -> Schema:
    name = shape if isinstance(shape, str) else shape.__name__
    return {"$ref": f"#/components/schemas/{name}"}


def components_of(shapes: Sequence[type[msgspec.Struct]]) -> dict[str, Any]:
    """Describe structs as components of a document."""
    _, found = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    for shape in found.values():
        # Python 3.13 takes the indentation out of docstrings, earlier ones leave it.
        if "description" in shape:
            shape["description"] = inspect.cleandoc(shape["description"])
    return found


def object_of(required: Schema, **optional: Any) -> Schema:
    """Describe an object that has these keys and may have more."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
    }


def described(
    summary: str,
    answers: dict[int, Schema | None],
    *,
    body: Schema | None = None,
    body_type: str = "application/json",
    parameters: Sequence[OpenApiParameter] = (),
    description: str = "",
) -> Callable[[View], View]:
    """Describe a method: its answers by status, its body, its parameters."""
    responses = {
        status: OpenApiResponse(response=schema, description=summary)
        for status, schema in answers.items()
    }
    decorate: Callable[[View], View] = extend_schema(
        summary=summary,
        description=description or None,
        request={body_type: body} if body else None,
        responses=responses,
        parameters=list(parameters),
    )
    return decorate


def query_parameters(shape: type[msgspec.Struct]) -> list[OpenApiParameter]:
    """Describe the fields of a query's struct."""
    _, components = msgspec.json.schema_components([shape], ref_template="{name}")
    properties = components[shape.__name__]["properties"]
    return [
        OpenApiParameter(name, _without_null(schema), OpenApiParameter.QUERY)
        for name, schema in properties.items()
    ]


def _without_null(schema: Schema) -> Schema:
    """A query string has no null: the parameter is left out."""
    plain = {key: value for key, value in schema.items() if key != "default"}
    if "anyOf" in plain:
        (plain,) = [part for part in plain["anyOf"] if part != {"type": "null"}]
    if "enum" in plain:
        plain["enum"] = [value for value in plain["enum"] if value is not None]
    return plain


class Operations(AutoSchema):
    """Adds to every operation the shape that its version gives a failure."""

    def get_operation_id(self) -> str:
        words = re.findall(r"[a-z0-9_]+", self.path)
        return "_".join([self.method.lower(), *words[1:]])

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            is_v2 = isinstance(self.view, V2View)
            content = {PROBLEM if is_v2 else "application/json": {"schema": ref("Failure")}}
            operation["responses"]["4XX"] = {"description": "Refused.", "content": content}
            if is_v2:
                operation["responses"]["503"] = {
                    "description": "Health events are switched off.",
                    "content": content,
                }
        return operation


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # Library.
    target_class = "accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, _auto_schema: Any) -> Schema:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


TEXT: Schema = {"type": "string"}
UUID: Schema = {"type": "string", "format": "uuid"}
DATE: Schema = {"type": "string", "format": "date"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
WHOLE: Schema = {"type": "integer"}
YES_NO: Schema = {"type": "boolean"}


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


V1_FAILURE = object_of({"success": {"const": False}, "error": TEXT})
V2_FAILURE = object_of(
    {
        "type": {"type": "string", "format": "uri"},
        "title": TEXT,
        "status": WHOLE,
        "detail": TEXT,
        "code": TEXT,
        "retryable": YES_NO,
        "request_id": TEXT,
    },
    errors={
        "type": "array",
        "items": object_of({"detail": TEXT}, pointer=TEXT, parameter=TEXT),
    },
)
