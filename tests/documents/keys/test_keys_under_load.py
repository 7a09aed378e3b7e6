"""Keys are rotated, retired and wrapped anew while people write: nothing is lost.

In a database of its own: the keys of the environment change, too.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from io import StringIO

import psycopg
import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from core import gate
from documents import encryption, keys
from documents.failures import Code, StepFailed
from documents.models import Document, DocumentText, EncryptionKey
from tests.documents.keys.sealed_rows import (
    open_all,
    reencrypt_all,
    rows,
    rows_of,
    versions,
    versions_in_use,
    write_document,
)
from tests.factories import make_user
from tests.health.threads import at_once, wait_until_blocked
from tests.house.scratch import scratch_database
from tests.web import installation


@pytest.fixture(scope="module")
def scratch(django_db_setup, django_db_blocker, database_url):
    with django_db_blocker.unblock(), scratch_database(is_copy=True, url=database_url):
        yield f"{database_url} dbname={connection.settings_dict['NAME']}"


@pytest.fixture
def url(scratch, django_db_blocker):
    with django_db_blocker.unblock():
        yield scratch
        connection.close()


def rotate(user_id):
    with gate.as_person(user_id) as person:
        return keys.rotate(person, now=timezone.now())


def retire(user_id):
    with gate.as_person(user_id) as person:
        return keys.retire(person, now=timezone.now())


def thread(work):
    """Start work beside the test; join() gives what it gave or raised."""

    class Beside(threading.Thread):
        outcome = None

        def run(self):
            try:
                self.outcome = work()
            except Exception as error:  # noqa: BLE001  The test looks at it.
                self.outcome = error
            finally:
                connection.close()

        def join(self, timeout=30):
            super().join(timeout)
            assert not self.is_alive()
            return self.outcome

    beside = Beside()
    beside.start()
    return beside


class Writer:
    """Writes a row and waits before its transaction ends."""

    def __init__(self, user, document):
        self._user, self._document = user, document
        self._has_ring, self._may_end = threading.Event(), threading.Event()
        self._thread = thread(self._write)
        assert self._has_ring.wait(10)

    def _write(self):
        with gate.as_person(self._user.id) as person:
            ring = keys.ring_of(person, for_writing=True)
            self._has_ring.set()
            assert self._may_end.wait(20)
            row = DocumentText.objects.get(document=self._document)
            keys.seal(ring, row, keys.unseal(ring, row))
            row.save(update_fields=["sealed", "key"])

    def end(self):
        self._may_end.set()
        return self._thread.join()


def test_make_one_first_key_for_twenty_who_write_at_once(url):
    user = make_user()

    at_once(*[partial(write_document, user.id)] * 20)

    assert versions(user) == {1: "active"}
    assert open_all(user.id) == 20 * 8


def test_rotate_once_for_ten_who_rotate_at_once(url):
    user = make_user()
    write_document(user.id)

    made = at_once(*[partial(rotate, user.id)] * 10)

    found = versions(user)
    assert list(found.values()).count("active") == 1
    assert sorted(version for version in made if version) == list(range(2, len(found) + 1))


def test_rotate_while_somebody_writes_who_may_still_use_the_old_key(url):
    user = make_user()
    document = write_document(user.id)
    writer = Writer(user, document)

    rows("SET lock_timeout = '5s'")
    assert rotate(user.id) == 2
    assert reencrypt_all(user) == 8
    assert writer.end() is None

    assert versions_in_use(user) == {1, 2}
    assert open_all(user.id) == 8
    assert retire(user.id) == ([], [1])


def test_retire_waits_for_who_still_writes_and_then_refuses(url):
    user = make_user()
    writer = Writer(user, write_document(user.id))
    rotate(user.id)
    reencrypt_all(user)

    retiring = thread(partial(retire, user.id))
    wait_until_blocked(url, 1)
    assert writer.end() is None

    assert retiring.join() == ([], [1])
    assert open_all(user.id) == 8
    assert reencrypt_all(user) == 1
    assert retire(user.id) == ([1], [])


def test_retire_before_who_wrote_without_holding_the_key_is_refused(url):
    user = make_user()
    write_document(user.id)
    old = DocumentText.objects.get(user=user)
    rotate(user.id)
    reencrypt_all(user)

    with psycopg.connect(url) as retiring:
        retiring.execute(
            "UPDATE encryption_keys SET key_status = 'retired', wrapped_key = NULL WHERE id = %s",
            [old.key_id],
        )
        writing = thread(lambda: old.save(update_fields=["sealed", "key"]))
        wait_until_blocked(url, 1)

    assert "or that key is retired" in str(writing.join())
    assert open_all(user.id) == 8


def test_retire_is_refused_to_a_transaction_that_cannot_see_the_newest_rows(url):
    user = make_user()
    write_document(user.id)
    rotate(user.id)
    reencrypt_all(user)

    with psycopg.connect(url) as retiring:
        retiring.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.Error, match="READ COMMITTED"):
            retiring.execute(
                "UPDATE encryption_keys SET key_status = 'retired', wrapped_key = NULL"
                " WHERE user_id = %s AND key_version = 1",
                [user.id],
            )


def test_leave_rows_that_others_hold_for_the_next_time(url):
    user = make_user()
    document = write_document(user.id)
    rotate(user.id)

    with psycopg.connect(url) as holder:
        holder.execute(
            "SELECT FROM document_texts WHERE document_id = %s FOR UPDATE", [document.id]
        )
        rows("SET lock_timeout = '5s'")
        assert reencrypt_all(user) == 7
        with pytest.raises(CommandError, match="1 rows are left, held by other work"):
            run("reencrypt", "--person", str(user.id))

    assert versions_in_use(user) == {1, 2}
    assert reencrypt_all(user) == 1


def test_find_a_key_that_was_made_after_the_ring(url):
    user = make_user()
    document = write_document(user.id)

    with gate.as_person(user.id) as person:
        ring = keys.ring_of(person, for_writing=False)

        def go_on():
            rotate(user.id)
            reencrypt_all(user)
            return retire(user.id)

        assert thread(go_on).join() == ([1], [])
        row = DocumentText.objects.get(document=document)
        assert row.key_id == EncryptionKey.objects.get(user=user, key_version=2).id
        assert keys.unseal(ring, row)


# The command, killed


def start(*words):
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "manage.py", "document_keys", *words],
        cwd=configured.ROOT,
        env=os.environ | installation(0),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*words):
    out = StringIO()
    call_command("document_keys", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_go_on_where_the_command_was_ended(url, number):
    people = sorted((make_user() for _ in range(5)), key=lambda user: user.id)
    for user in people:
        write_document(user.id, chunks=10)
        rotate(user.id)
    at = people[2]

    with psycopg.connect(url) as holder:
        # Nobody can seal with this one's keys, so the command waits in the middle of a portion.
        holder.execute("SELECT FROM encryption_keys WHERE user_id = %s FOR UPDATE", [at.id])
        running = start("reencrypt")
        wait_until_blocked(url, 1)
        running.send_signal(number)
        if number == signal.SIGKILL:
            running.wait(30)
        holder.rollback()
        _, said = running.communicate(timeout=30)

    assert running.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert [versions_in_use(user) for user in people[:2]] == [{2}, {2}]
    assert versions_in_use(people[3]) == {1}
    assert all(open_all(user.id) == 22 for user in people)
    if number == signal.SIGTERM:
        assert "Run `manage.py document_keys reencrypt` to go on." in said
    # Asked politely, it ended the portion first: the one text of a document.
    left = 66 if number == signal.SIGKILL else 65
    assert f"{left} rows sealed anew" in run("reencrypt")
    assert all(versions_in_use(user) == {2} for user in people)
    assert all(open_all(user.id) == 22 for user in people)
    run("retire")


# All at once

WRITERS, DOCUMENTS = 4, 30


@dataclass
class Race:
    people: list
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_over: threading.Event = field(default_factory=threading.Event)
    done: Counter = field(default_factory=Counter)
    faults: list = field(default_factory=list)

    def until_over(self, name, work):
        dice = random.Random(name)  # noqa: S311  Any order will do.
        while not self.is_over.is_set():
            self.attempt(name, work, dice.choice(self.people))

    def attempt(self, name, work, user):
        try:
            count = work(user) or 0
            with self.lock:
                self.done[name] += count
        except StepFailed as failure:
            # Between a reader's rows and its keys, two rotations and a retirement went by.
            if failure.code != Code.KEY_UNAVAILABLE or name != "read":
                self.faults.append((name, failure))
        except (DatabaseError, AssertionError, LookupError) as error:
            self.faults.append((name, error))


def write(race, number):
    dice = random.Random(number)  # noqa: S311  Any order will do.
    for _ in range(DOCUMENTS):
        user = dice.choice(race.people)
        race.attempt("written", lambda user: bool(write_document(user.id, chunks=5)), user)
        if dice.random() < 0.2:
            race.attempt("deleted", delete_one, user)


def delete_one(user):
    with gate.as_person(user.id):
        row = Document.objects.filter(user_id=user.id).order_by("?").first()
        return Document.objects.filter(id=row.id).delete()[0] if row else 0


def rewrap(_user):
    """Put a new key of the environment in front; the one before must still be there."""
    old = configured.ENCRYPTION_KEYS
    name = f"kek-{len(old)}"
    configured.ENCRYPTION_KEYS = {name: encryption.new_cipher_key(), **old}
    return keys.rewrap()


def test_lose_nothing_while_all_of_it_happens_at_once(url, settings):
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS
    race = Race([make_user() for _ in range(3)])
    beside = {
        "rotated": lambda user: bool(rotate(user.id)),
        "resealed": reencrypt_all,
        "resealed too": reencrypt_all,
        "retired": lambda user: len(retire(user.id)[0]),
        "read": lambda user: open_all(user.id),
        "rewrapped": rewrap,
    }

    others = [thread(partial(race.until_over, name, work)) for name, work in beside.items()]
    writers = [thread(partial(write, race, number)) for number in range(WRITERS)]
    outcomes = [writer.join(120) for writer in writers]
    race.is_over.set()
    outcomes += [other.join() for other in others]

    assert race.faults == []
    assert outcomes == [None] * len(outcomes)
    assert race.done["written"] == WRITERS * DOCUMENTS
    left = sum(open_all(user.id) for user in race.people)
    assert left == (race.done["written"] - race.done["deleted"]) * 12
    for name in (*beside, "deleted"):
        assert race.done[name] > 0, name
    gone = EncryptionKey.objects.filter(key_status="retired").values_list("id", flat=True)
    for user in race.people:
        assert not {row.key_id for row in rows_of(user.id)} & {None, *gone}
        reencrypt_all(user)
        retire(user.id)
        assert set(versions(user).values()) == {"active", "retired"}
        assert len(versions_in_use(user)) == 1
        open_all(user.id)
