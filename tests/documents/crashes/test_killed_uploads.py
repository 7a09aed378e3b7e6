"""SIGKILL of the web process while it stores a file: the same file sent again completes it."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException

import pytest

from tests.documents.crashes.installation import Installation, Person
from tests.documents.crashes.story import SHORT, Calm, attempts, left_over, read

CONTENT = SHORT + b"\n" * 1_000_000
OF_NAME = "SELECT id::text FROM documents WHERE original_filename = 'letter.md'"
# As if nobody had been heard of for a minute.
LATER = """
UPDATE documents SET due_at = due_at - interval '63 seconds'
 WHERE id = %s AND status = 'uploading'
"""


def test_completes_an_upload_that_broke_off_twice(
    installation: Installation, calm: Calm, olga: Person
):
    with ThreadPoolExecutor() as pool:
        # All is stored, and only the row does not say so yet.
        with installation.gates() as gates:
            gates.close("documents processing", "letter.md")
            sent = pool.submit(olga.send, "letter.md", CONTENT)
            installation.until(lambda: gates.is_reached("documents processing", "letter.md"))
            check_broken_off(installation, sent)
        [(document,)] = installation.sql(OF_NAME)
        check_interrupted(installation, olga, document)

        # The file is now a pipe, so that somebody has read half of it for certain.
        blob = installation.storage / "documents" / document
        blob.unlink()
        os.mkfifo(blob)
        sent = pool.submit(olga.send, "letter.md", CONTENT)
        with blob.open("rb", buffering=0) as pipe:
            assert pipe.read(1) == CONTENT[:1]
            check_broken_off(installation, sent)
        check_interrupted(installation, olga, document)
        blob.unlink()

    status, answer = olga.send("letter.md", CONTENT)

    assert (status, answer["id"], answer["duplicate"]) == (200, document, True)
    installation.until(lambda: olga.has_completed([document]))
    assert blob.read_bytes() == CONTENT
    assert installation.sql(OF_NAME) == [(document,)]
    read(installation, document).assert_same(calm.stories[SHORT])
    assert [one for one in attempts(installation, document) if one[2] != "succeeded"] == [
        ("uploading", 1, "lost", "upload_interrupted")
    ] * 2
    assert left_over(installation) == []


def check_broken_off(installation: Installation, sent: Future) -> None:
    """Kill the web process that a request is at, and start it again."""
    installation.kill_web()
    with pytest.raises((OSError, HTTPException)):
        sent.result()
    installation.start_web()


def check_interrupted(installation: Installation, person: Person, document: str) -> None:
    """The watchdog finds the upload that nobody goes on with, after a minute."""
    installation.sql(LATER, [document])
    installation.until(lambda: person.read(document)["status"] == "failed")
    error = person.read(document)["error"]
    assert (error["code"], error["retryable"]) == ("upload_interrupted", False)
