"""Workers that freeze, die of a document, or are gone for good."""

import os
import signal

from documents.leases import MOST_LOSSES
from tests.documents.crashes.installation import Installation, Person
from tests.documents.crashes.story import SHORT, SLOW, Calm, attempts, left_over, read

STUCK = "SELECT cause FROM stuck_documents WHERE id = %s"
# As if the clock had gone on.
LATER = """
UPDATE documents
   SET due_at = due_at - interval '10 minutes',
       progress_at = progress_at - interval '10 minutes'
 WHERE id = %s
"""


def test_refuses_what_a_frozen_worker_brings_late(
    installation: Installation, calm: Calm, olga: Person
):
    """It froze while its parser was at work, for longer than its lease."""
    document = olga.upload("slow.html", SLOW)
    parser = installation.stop_parser(document)
    installation.programs["documents"].send(signal.SIGSTOP)
    installation.start_worker(name="spare", processes=1)

    installation.until(lambda: olga.has_completed([document]))

    before, tries = read(installation, document), attempts(installation, document)
    installation.programs["documents"].send(signal.SIGCONT)
    parser.send_signal(signal.SIGCONT)
    installation.until(lambda: installation.said(document) == ["lost"])
    read(installation, document).assert_same(before)
    assert attempts(installation, document) == tries
    assert [one for one in tries if one[2] != "succeeded"] == [
        ("processing", 1, "lost", "worker_lost")
    ]
    assert left_over(installation) == []


def test_gives_up_on_a_document_that_kills_its_workers(
    installation: Installation, calm: Calm, olga: Person
):
    with installation.gates() as gates:
        gates.close("document_texts", "poison.md")
        poison = olga.upload("poison.md", SHORT)
        others = [olga.upload("food.md", SHORT) for _ in range(2)]
        for _ in range(MOST_LOSSES):
            installation.until(lambda: gates.is_reached("document_texts", "poison.md"))
            os.kill(installation.holder(poison), signal.SIGKILL)
            gates.turn_away("document_texts", "poison.md")
            installation.sql("UPDATE documents SET due_at = now() WHERE id = %s", [poison])

    installation.until(lambda: olga.read(poison)["status"] == "failed")

    told = olga.read(poison)
    assert told["error"]["code"] == "worker_lost"
    assert told["error"]["retryable"]
    assert attempts(installation, poison)[1:] == [
        ("processing", number, "lost", "worker_lost") for number in range(1, MOST_LOSSES + 1)
    ]
    installation.until(lambda: olga.has_completed(others))
    assert olga.call("POST", f"/{poison}/retry")[0] == 200
    installation.until(lambda: olga.has_completed([poison]))
    read(installation, poison).assert_same(calm.stories[SHORT])


def test_shows_who_waits_for_a_worker_that_is_gone(installation: Installation, olga: Person):
    with installation.gates() as gates:
        gates.close("document_texts", "held.md")
        held = olga.upload("held.md", SHORT)
        installation.until(lambda: gates.is_reached("document_texts", "held.md"))
        installation.kill_worker()
    waiting = olga.upload("waiting.md", SHORT)
    assert [installation.sql(STUCK, [one]) for one in (held, waiting)] == [[], []]

    for document in (held, waiting):
        installation.sql(LATER, [document])

    assert installation.sql(STUCK, [held]) == [("worker_lost",)]
    assert installation.sql(STUCK, [waiting]) == [("no_worker",)]
    # The clock alone finds them as soon as there is a worker again.
    installation.empty_queue("documents")
    installation.start_worker()
    assert installation.wait(lambda: olga.has_completed([held, waiting]))
    assert [installation.sql(STUCK, [one]) for one in (held, waiting)] == [[], []]


def test_takes_documents_while_the_broker_hangs(
    installation: Installation, calm: Calm, olga: Person
):
    installation.valkey().send_signal(signal.SIGSTOP)
    try:
        document = olga.upload("food.md", SHORT)
    finally:
        installation.valkey().send_signal(signal.SIGCONT)

    installation.until(lambda: olga.has_completed([document]))

    assert left_over(installation) == []
