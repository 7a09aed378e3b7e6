"""Whatever is sent, both versions answer what their OpenAPI documents say, and never a 5xx."""

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings
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


@pytest.fixture
def headers(committed_db):
    return {"Authorization": f"Bearer {token_of(make_user())}"}


@api("v1").parametrize()
@some
def test_v1_keeps_its_word(case, headers):
    case.call_and_validate(headers=headers, checks=CHECKS)


@api("v2").parametrize()
@some
def test_v2_keeps_its_word(case, headers):
    case.call_and_validate(headers=headers, checks=CHECKS)
