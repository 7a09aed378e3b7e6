"""What wrong settings of keys and mirror say before anything starts."""

import base64

import pytest

from tests.documents.uploads.test_storage_settings import complaint

KEY = base64.b64encode(b"k" * 32).decode()


@pytest.mark.parametrize(
    "variables",
    [
        {"AUDIT_SIGNING_KEYS": f"new:{KEY}"},
        {"AUDIT_MIRROR": "s3://checkpoints", "AUDIT_MIRROR_ENDPOINT": "https://objects.example"},
        {"AUDIT_MIRROR": "/tmp", "AUDIT_CHECKPOINT_SECONDS": "10"},  # noqa: S108
    ],
)
def test_takes_keys_and_mirrors(variables: dict[str, str]):
    assert complaint(**variables) == ""


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"AUDIT_SIGNING_KEYS": ""}, "AUDIT_SIGNING_KEYS is not set."),
        ({"AUDIT_SIGNING_KEYS": "new:short"}, "new must be 32 bytes in base64"),
        ({"AUDIT_MIRROR": "here"}, "AUDIT_MIRROR must be the whole path of a folder"),
        ({"AUDIT_MIRROR": "/nowhere/at/all"}, "AUDIT_MIRROR names a folder that is not there"),
        ({"AUDIT_MIRROR_KEY_ID": "a", "AUDIT_MIRROR_SECRET": "b"}, "set AUDIT_MIRROR=s3://name"),
        ({"AUDIT_CHECKPOINT_SECONDS": "0"}, "AUDIT_CHECKPOINT_SECONDS must be 1 or more"),
    ],
)
def test_says_what_is_wrong(variables: dict[str, str], says: str):
    assert says in complaint(**variables)
