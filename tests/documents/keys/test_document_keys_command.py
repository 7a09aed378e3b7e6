"""manage.py document_keys: what it does, what it says, how it ends."""

import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from documents import checks, encryption
from tests.documents.keys.sealed_rows import (
    open_all,
    rows,
    versions,
    versions_in_use,
    write_document,
)


@pytest.fixture
def people(alice, bob, charlie):
    for user in (alice, bob, charlie):
        write_document(user.id)
    return alice, bob, charlie


def run(*words):
    out = StringIO()
    call_command("document_keys", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def refused(*words):
    with pytest.raises(CommandError) as refusal:
        run(*words)
    assert refusal.value.returncode == 1
    return str(refusal.value)


def test_takes_everybody_from_one_key_to_the_next(people):
    assert run("rotate", "--all") == "3 people: 3 keys made.\n"
    assert "9 keys" not in refused("retire")
    assert run("reencrypt") == "3 people: 24 rows sealed anew.\n"
    assert run("retire") == "3 people: 3 keys retired.\n"

    for user in people:
        assert versions(user) == {1: "retired", 2: "active"}
        assert open_all(user.id) == 8


def test_takes_one_person_alone(people):
    alice, bob, _ = people

    assert run("rotate", "--person", str(alice.id)) == "1 person: 1 keys made.\n"
    assert run("reencrypt", "--person", str(alice.id)) == "1 person: 8 rows sealed anew.\n"
    assert run("retire", "--person", str(alice.id)) == "1 person: 1 keys retired.\n"

    assert versions(alice) == {1: "retired", 2: "active"}
    assert versions(bob) == {1: "active"}


def test_rotates_no_key_twice_when_begun_again(people):
    alice, bob, _ = people
    began = timezone.now()
    run("rotate", "--person", str(alice.id))

    said = run("rotate", "--all", "--made-before", began.isoformat())

    assert said == "2 people: 2 keys made.\n"
    assert versions(alice) == versions(bob) == {1: "rotated", 2: "active"}


def test_refuses_to_retire_what_rows_need(people):
    run("rotate", "--all")

    said = refused("retire")

    assert said == (
        "3 keys are still needed by rows: first run `manage.py document_keys reencrypt`."
    )
    assert versions(people[0]) == {1: "rotated", 2: "active"}


def test_goes_on_with_others_when_one_is_refused(people):
    alice, bob, _ = people
    run("rotate", "--all")
    rows("UPDATE encryption_keys SET kek_id = 'lost' WHERE user_id = %s", [alice.id])

    said = refused("reencrypt")

    assert said.startswith("1 person: ENCRYPTION_KEYS has no key 'lost'")
    assert versions_in_use(alice) == {1}
    assert versions_in_use(bob) == {2}


def test_says_who_is_switched_off(people):
    alice, bob, _ = people
    run("rotate", "--all")
    rows("UPDATE users SET is_active = false WHERE id = %s", [alice.id])

    said = refused("reencrypt")

    assert said == "1 person switched off: run this again when they are back."
    assert versions_in_use(alice) == {1}
    assert versions_in_use(bob) == {2}


def test_wraps_all_keys_by_the_first_of_the_environment(people, settings):
    run("rotate", "--all")
    settings.ENCRYPTION_KEYS = {"second": encryption.new_cipher_key(), **settings.ENCRYPTION_KEYS}

    assert run("rewrap") == "6 keys of people were wrapped anew.\n"

    settings.ENCRYPTION_KEYS = {"second": settings.ENCRYPTION_KEYS["second"]}
    assert open_all(people[0].id) == 8
    assert run("rewrap") == "0 keys of people were wrapped anew.\n"


def test_says_which_key_of_the_environment_is_missing(people, settings):
    settings.ENCRYPTION_KEYS = {"second": encryption.new_cipher_key()}

    for action in ("list", "rewrap"):
        assert refused(action) == (
            "ENCRYPTION_KEYS has no key 'first', which wraps the person's key."
            " It wraps 3 keys of people."
        )


def test_lists_keys_and_rows_by_state(people, flags):
    run("rotate", "--person", str(people[0].id))
    flags.roll_out("vector_encryption", 0)
    write_document(people[1].id)

    said = run("list").splitlines()

    assert [line.split() for line in said[1:5]] == [
        ["active", "3", "16"],
        ["rotated", "1", "8"],
        ["retired", "0", "0"],
        ["plain", "0", "8"],
    ]
    assert said[5] == "4 keys are wrapped by first."


def test_lists_the_keys_of_one(people):
    alice, *_ = people
    run("rotate", "--person", str(alice.id))
    write_document(alice.id, chunks=1)

    said = [line.split() for line in run("list", "--person", str(alice.id)).splitlines()[1:]]

    assert [(*line[:2], line[-1]) for line in said] == [
        ("1", "rotated", "8"),
        ("2", "active", "4"),
        ("none", "plain", "0"),
    ]


@pytest.mark.parametrize("action", ["list", "rotate", "reencrypt", "retire"])
def test_says_when_there_is_no_such_person(db, action):
    assert refused(action, "--person", str(uuid.uuid4())) == "There is no person with this id."


@pytest.mark.parametrize(
    "words",
    [(), ("rotate",), ("rotate", "--all", "--made-before", "soon"), ("reencrypt", "--person", "7")],
)
def test_refuses_words_that_it_does_not_know(words):
    with pytest.raises(CommandError):
        run(*words)


def test_has_nothing_to_do_where_nothing_is_sealed(db):
    assert run("rotate", "--all") == "0 people: 0 keys made.\n"
    assert run("reencrypt") == "0 people: 0 rows sealed anew.\n"
    assert run("retire") == "0 people: 0 keys retired.\n"


def test_stops_what_starts_without_a_key_that_is_needed(people, settings):
    assert checks.check_encryption_keys(databases=["default"]) == []
    assert checks.check_encryption_keys(databases=None) == []

    settings.ENCRYPTION_KEYS = {"first": encryption.new_cipher_key()}

    (error,) = checks.check_encryption_keys(databases=["default"])
    assert error.id == "documents.E001"
    assert "does not open the person's key" in error.msg
    with pytest.raises(CommandError, match=r"documents\.E001"):
        call_command("check", databases=["default"], stderr=StringIO())
