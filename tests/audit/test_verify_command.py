"""`manage.py audit`: what it prints and how it ends."""

import json

import pytest
from django.core.management import CommandError, call_command

from audit import chain
from tests.audit import chains
from tests.audit.chains import History, tampered


def run(*words: str, capsys) -> tuple[str, object]:
    """Give what it prints, and its exit code."""
    code: object = 0
    try:
        call_command("audit", *words)
    except SystemExit as end:
        code = end.code
    return capsys.readouterr().out, code


def test_says_that_all_is_well(sealed_log: History, capsys):
    said, code = run("verify", capsys=capsys)

    assert code == 0
    assert said.endswith("All is as it was sealed.\n")
    assert "2 signed checkpoints, 2 in the mirror, 0 not copied yet." in said


def test_says_each_fault_in_a_sentence(sealed_log: History, capsys):
    entry = sealed_log.entries[0]
    with tampered(f"UPDATE audit_logs SET event = 'x' WHERE id = {entry}"):
        said, code = run("verify", capsys=capsys)

    assert code == 1
    assert said.startswith(f"Entry {entry} of clinic {sealed_log.clinic}, recorded ")
    assert said.endswith("1 fault.\n")


def test_prints_json_for_machines(sealed_log: History, capsys):
    entry = sealed_log.entries[0]
    with tampered(f"DELETE FROM audit_logs WHERE id = {entry}"):
        said, code = run("verify", "--json", "--tenant", str(sealed_log.clinic), capsys=capsys)

    fault, summary = map(json.loads, said.splitlines())
    assert (fault["kind"], fault["entry_id"], fault["link"], code) == ("entry-missing", entry, 1, 1)
    assert (summary["faults"], summary["links"]) == (1, 3)


def test_proves_an_entry_to_others(sealed_log: History, capsys):
    entry = sealed_log.entries[4]

    said, code = run("verify", "--entry", str(entry), "--json", capsys=capsys)

    proof = json.loads(said)["document"]
    path = [bytes.fromhex(node) for node in proof["path"]]
    leaf = bytes.fromhex(proof["leaf"])
    root = chain.root_of_path(leaf, proof["index"], proof["size"], path)
    assert (code, root.hex() if root else None) == (0, proof["link"]["root"])


def test_takes_times_and_refuses_others(sealed_log: History, capsys):
    assert run("verify", "--from", "2020-01-01", "--to", "2020-01-02T00:00Z", capsys=capsys)[1] == 0
    with pytest.raises(CommandError, match="must be a day or a time"):
        call_command("audit", "verify", "--from", "yesterday")


def test_ends_with_one_where_an_entry_is_unknown(sealed_log: History, capsys):
    said, code = run("verify", "--entry", "999999999", capsys=capsys)

    assert code == 1
    assert said.startswith("Neither the log nor a link knows entry 999999999")


def test_shows_how_long_entries_are_kept(sealed_log: History, capsys):
    said, code = run("retention", capsys=capsys)

    assert code == 0
    assert "access          2,191 days" in said
    assert "system          for ever" in said


def test_seals_now(quiet_log: None, capsys):
    chains.history()

    said, code = run("seal", capsys=capsys)

    assert (code, said.endswith("checkpoints copied.\n")) == (0, True)
