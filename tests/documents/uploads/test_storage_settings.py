"""What a wrong setting of the storage says before anything starts."""

import base64
import os
import subprocess
import sys

import pytest
from django.conf import settings

GOOD = {
    "DATABASE_URL": "postgresql://nobody@localhost/nothing",
    "REDIS_URL": "redis://localhost",
    "SECRET_KEY": "x" * 40,
    "JWT_SECRET": "x" * 40,
    "ENCRYPTION_KEYS": f"a:{base64.b64encode(b'x' * 32).decode()}",
    "AUDIT_SIGNING_KEYS": f"a:{base64.b64encode(b'x' * 32).decode()}",
    "NOVARA_ENV_FILE": os.devnull,
}


def complaint(**variables):
    """Read the environment as each process does at its start; give the last line of what it says."""
    answer = subprocess.run(
        [sys.executable, "-c", "import config.env"],
        cwd=settings.ROOT,
        env={"PATH": os.environ["PATH"]} | GOOD | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"DOCUMENT_STORAGE": "/tmp"},  # noqa: S108
        {"DOCUMENT_STORAGE": "s3://papers"},
        {"DOCUMENT_STORAGE": "s3://papers", "DOCUMENT_STORAGE_ENDPOINT": "http://127.0.0.1:9000"},
        {
            "DOCUMENT_STORAGE": "s3://papers",
            "DOCUMENT_STORAGE_ENDPOINT": "https://objects.example.org",
            "DOCUMENT_STORAGE_KEY_ID": "a",
            "DOCUMENT_STORAGE_SECRET": "b",
        },
    ],
)
def test_takes_folders_and_buckets(variables):
    assert complaint(**variables) == ""


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"DOCUMENT_STORAGE": "papers"}, "the whole path of a folder, or a bucket as s3://name"),
        ({"DOCUMENT_STORAGE": "s3://A_b"}, "the whole path of a folder, or a bucket as s3://name"),
        ({"DOCUMENT_STORAGE": "/nowhere/papers"}, "a folder that is not there"),
        ({"DOCUMENT_STORAGE_ENDPOINT": "https://a.example"}, "set DOCUMENT_STORAGE=s3://name"),
        (
            {"DOCUMENT_STORAGE": "s3://papers", "DOCUMENT_STORAGE_KEY_ID": "a"},
            "belong together: set both or none",
        ),
        (
            {"DOCUMENT_STORAGE": "s3://papers", "DOCUMENT_STORAGE_ENDPOINT": "objects:9000"},
            "DOCUMENT_STORAGE_ENDPOINT must be an address such as https://",
        ),
        (
            {"DOCUMENT_STORAGE": "s3://papers", "DOCUMENT_STORAGE_ENDPOINT": "http://a.example"},
            "DOCUMENT_STORAGE_ENDPOINT must be an address such as https://",
        ),
        ({"DOCUMENTS_PER_PERSON": "0"}, "must be 1 or more"),
    ],
)
def test_says_what_is_wrong(variables, says):
    assert says in complaint(**variables)
