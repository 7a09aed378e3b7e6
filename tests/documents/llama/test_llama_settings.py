"""Settings of the parsing service: a wrong one is named when a process starts, and not shown."""

import os
import subprocess
import sys

import pytest
from django.conf import settings


def start(**variables):
    """Start a process with these variables; give what it prints and what it complains about."""
    names = ("LLAMA_CLOUD_API_KEY", "LLAMA_CLOUD_BASE_URL", "PUBLIC_URL")
    program = f"from config import settings as s; print(*(repr(getattr(s, n)) for n in {names}))"
    ran = subprocess.run(  # noqa: S603  The program is the test's own.
        [sys.executable, "-c", program],
        cwd=settings.ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout.strip(), ran.stderr


def test_is_off_by_default():
    assert start() == ("'' 'https://api.cloud.llamaindex.ai' ''", "")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"LLAMA_CLOUD_API_KEY": "llx-1", "PUBLIC_URL": "https://api.example.org/novara/"},
            "'llx-1' 'https://api.cloud.llamaindex.ai' 'https://api.example.org/novara'",
        ),
        (
            {"LLAMA_CLOUD_BASE_URL": "https://api.cloud.eu.llamaindex.ai/"},
            "'' 'https://api.cloud.eu.llamaindex.ai' ''",
        ),
        (
            {"LLAMA_CLOUD_BASE_URL": "http://127.0.0.1:8123", "PUBLIC_URL": "http://[::1]:8000"},
            "'' 'http://127.0.0.1:8123' 'http://[::1]:8000'",
        ),
        ({"LLAMA_CLOUD_BASE_URL": ""}, "'' 'https://api.cloud.llamaindex.ai' ''"),
    ],
)
def test_takes_what_is_right(variables, expected):
    assert start(**variables) == (expected, "")


@pytest.mark.parametrize("name", ["LLAMA_CLOUD_BASE_URL", "PUBLIC_URL"])
@pytest.mark.parametrize(
    "value",
    [
        "http://api.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost@example.org",
        "https://key:do-not-show@api.example.org",
        "https://api.example.org/?key=do-not-show",
        "api.example.org",
        "https://",
        "ftp://api.example.org",
    ],
)
def test_sends_nothing_where_others_could_read_it(name, value):
    printed, complaint = start(**{name: value})

    assert printed == ""
    assert f"{name} must be an address such as https://api.example.org." in complaint
    assert "do-not-show" not in complaint


@pytest.mark.parametrize("value", ["llx do-not-show", "llx-do-not-show\n", "llx-ü-do-not-show"])
def test_wants_a_key_that_is_one_word(value):
    printed, complaint = start(LLAMA_CLOUD_API_KEY=value)

    assert printed == ""
    assert "LLAMA_CLOUD_API_KEY must be one word, as LlamaCloud shows it." in complaint
    assert "do-not-show" not in complaint
