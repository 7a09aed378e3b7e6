"""The parsing service of parsing_service.py, and settings that lead to it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.documents.llama.parsing_service import KEY, Service, running


@pytest.fixture
def service(settings: Any) -> Iterator[Service]:
    with running() as one:
        settings.LLAMA_CLOUD_API_KEY = KEY
        settings.LLAMA_CLOUD_BASE_URL = one.url
        settings.PUBLIC_URL = ""
        yield one
