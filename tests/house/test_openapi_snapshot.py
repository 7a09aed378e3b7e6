"""The OpenAPI documents in docs/reference/ are those of the program."""

import json
from pathlib import Path

import pytest
from django.conf import settings

from config.openapi import documents
from tests.house.routes import WORDS, api_routes
from tests.house.test_doors import ANNOUNCED

FOLDER = Path(settings.ROOT) / "docs" / "reference"


@pytest.mark.parametrize("name", documents())
def test_is_what_the_program_says(name):
    written = json.loads((FOLDER / f"openapi-{name}.json").read_text())

    said = json.loads(json.dumps(documents()[name]))

    assert written == said, "The API changed. If that is meant: `make openapi`, and the changelog."


def test_has_a_document_for_every_version():
    assert {path.name for path in FOLDER.glob("openapi-*.json")} == {
        f"openapi-{name}.json" for name in documents()
    }


def test_describes_every_route():
    described = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for document in documents().values()
        for path, methods in document["paths"].items()
        for method in methods
    }

    routes = {
        (route.method, route.path({name: f"<{name}>" for name in (*route.parameters, *WORDS)}))
        for route in api_routes()
        if route.template not in ANNOUNCED  # Other names of paths that are described.
        and not route.template.startswith("ofrep/")  # Described by its protocol.
    }
    assert routes == described


def test_names_security_as_openapi_does():
    """An object for each scheme: the docs page cannot show an operation that says it otherwise."""
    for document in documents().values():
        for methods in document["paths"].values():
            for operation in methods.values():
                assert all(isinstance(scheme, dict) for scheme in operation.get("security", []))
