"""Whatever is sent, both versions answer what their OpenAPI documents say, and never a 5xx."""

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, assume, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.openapi import documents
from tests.conftest import token_of
from tests.factories import make_user

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

some = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def api(version):
    schema = schemathesis.openapi.from_dict(documents()[version])
    schema.app = get_wsgi_application()
    return schema


def is_of_another_path(case):
    """Tell whether the made-up id is a word with a path of its own, such as …/assessments/due."""
    parent, _, last = case.path.rpartition("/")
    word = (case.path_parameters or {}).get(last.strip("{}"))
    return f"{parent}/{word}" in case.operation.schema.raw_schema["paths"]


@pytest.fixture
def headers(committed_db):
    return {"Authorization": f"Bearer {token_of(make_user())}"}


@api("v1").parametrize()
@some
def test_v1_keeps_its_word(case, headers):
    assume(not is_of_another_path(case))
    case.call_and_validate(headers=headers, checks=CHECKS)


@api("v2").parametrize()
@some
def test_v2_keeps_its_word(case, headers):
    assume(not is_of_another_path(case))
    case.call_and_validate(headers=headers, checks=CHECKS)


def test_knows_words_that_are_no_ids():
    operation = api("v2")["/api/v2/assessments/{assessment}"]["GET"]

    due, phq4 = (operation.Case(path_parameters={"assessment": one}) for one in ("due", "phq4"))

    assert is_of_another_path(due)
    assert not is_of_another_path(phq4)
