"""Settings of the embedding service: a wrong one is named when a process starts, not shown."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

RIGHT = {
    "EMBEDDINGS_URL": "https://api.openai.com/v1",
    "EMBEDDINGS_API_KEY": "sk-do-not-show",
    "EMBEDDINGS_MODEL": "text-embedding-3-small",
    "EMBEDDINGS_DIMENSIONS": "1536",
}


def start(**variables: str) -> tuple[str, str]:
    program = "from config import settings as s; print(s.EMBEDDINGS_URL, s.EMBEDDINGS_DIMENSIONS)"
    ran = subprocess.run(  # noqa: S603  The program is the test's own.
        [sys.executable, "-c", program],
        cwd=settings.ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout.strip(), ran.stderr


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "0"),
        (RIGHT, "https://api.openai.com/v1 1536"),
        (RIGHT | {"EMBEDDINGS_API_KEY": "", "EMBEDDINGS_URL": "http://localhost:8080/v1"},
         "http://localhost:8080/v1 1536"),
    ],
)  # fmt: skip
def test_takes_what_is_right(variables, expected):
    assert start(**variables) == (expected, "")


@pytest.mark.parametrize(
    "change",
    [
        {"EMBEDDINGS_URL": "http://api.openai.com/v1"},
        {"EMBEDDINGS_URL": "https://key:do-not-show@api.openai.com/v1"},
        {"EMBEDDINGS_URL": ""},
        {"EMBEDDINGS_API_KEY": "sk do-not-show"},
        {"EMBEDDINGS_API_KEY": "sk-do-not-show\u00e4"},
        {"EMBEDDINGS_MODEL": ""},
        {"EMBEDDINGS_DIMENSIONS": "0"},
        {"EMBEDDINGS_DIMENSIONS": "-1"},
        {"EMBEDDINGS_DIMENSIONS": "many"},
        {"EMBEDDINGS_DIMENSIONS": "1000000"},
        {"EMBEDDINGS_THREADS": "-1"},
    ],
)
def test_names_what_is_wrong_without_showing_it(change):
    printed, complaint = start(**(RIGHT | change))

    assert printed == ""
    assert next(iter(change)) in complaint
    assert "do-not-show" not in complaint
