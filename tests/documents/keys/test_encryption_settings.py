"""ENCRYPTION_KEYS: made where it is missing, refused where it is wrong, never shown."""

import base64
import os
import subprocess
import sys

import pytest
from django.conf import settings

from config.dev import environment

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.urlsafe_b64encode(bytes(range(200, 232))).decode().rstrip("=")


def start(value):
    """Read the settings in a process of their own; say what it printed, and how it ended."""
    given = {} if value is None else {"ENCRYPTION_KEYS": value}
    return subprocess.run(
        [sys.executable, "-c", "from config import env; print(env.ENCRYPTION_KEYS)"],
        cwd=settings.ROOT,
        env={
            "PATH": os.environ["PATH"],
            "NOVARA_ENV_FILE": os.devnull,
            "DATABASE_URL": "postgresql://nobody@localhost/nothing",
            "REDIS_URL": "redis://localhost",
            "SECRET_KEY": "x" * 40,
            "JWT_SECRET": "x" * 40,
            "AUDIT_SIGNING_KEYS": f"first:{OTHER}",
        }
        | given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_is_read_in_order_and_in_both_alphabets():
    done = start(f"2026-11:{OTHER}, first:{KEY}")

    assert done.stdout.strip() == str(
        {"2026-11": bytes(range(200, 232)), "first": bytes(range(32))}
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "ENCRYPTION_KEYS is not set. Start with `make run`, which makes one, or see docs"),
        ("", "ENCRYPTION_KEYS is not set."),
        (KEY, "ENCRYPTION_KEYS, key 1: must be id:base64"),
        (f"first:{KEY},", "ENCRYPTION_KEYS, key 2: must be id:base64"),
        (f"first key:{KEY}", "ENCRYPTION_KEYS, key 1: must be id:base64"),
        (f"first:{KEY[:-4]}", "ENCRYPTION_KEYS: first must be 32 bytes in base64"),
        (f"first:{KEY}AAAA", "ENCRYPTION_KEYS: first must be 32 bytes in base64"),
        (f"first:{KEY[:20]}!{KEY[21:]}", "ENCRYPTION_KEYS: first must be 32 bytes in base64"),
        (f"first:{KEY[:20]}é{KEY[21:]}", "ENCRYPTION_KEYS: first must be 32 bytes in base64"),
        (f"first:{KEY},first:{OTHER}", "ENCRYPTION_KEYS: first has the id or the key of another"),
        (f"first:{KEY},second:{KEY}", "ENCRYPTION_KEYS: second has the id or the key of another"),
    ],
)
def test_stops_the_start_with_a_sentence_when_it_is_wrong(value, said):
    done = start(value)

    assert done.returncode == 1
    assert f"ImproperlyConfigured: {said}" in done.stderr
    assert done.stderr.strip().endswith(".")
    assert KEY[:16] not in done.stderr


def test_is_added_once_to_a_file_that_lacks_it(tmp_path):
    file = tmp_path / "run.env"
    file.write_text("SECRET_KEY=mine\nJWT_SECRET=mine\n")

    environment.write(file, {})
    first = file.read_text()
    environment.write(file, {})

    (line,) = (line for line in first.splitlines() if line.startswith("ENCRYPTION_KEYS="))
    assert file.read_text() == first
    assert "SECRET_KEY=mine" in first
    assert start(line.partition("=")[2]).returncode == 0


def test_is_another_one_for_each_installation():
    made = {environment.new_secrets()["ENCRYPTION_KEYS"] for _ in range(3)}

    assert len(made) == 3
