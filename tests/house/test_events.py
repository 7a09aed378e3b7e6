"""Every event that something writes into the audit log has its words, and no other one has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from audit import catalogue, exporting
from audit.api.v2 import access_log
from core.sql import sql_files

ROOT: Final = Path(__file__).parents[2]
APPS: Final = (
    *("accounts", "analytics", "assessments", "audit", "config", "core", "documents", "flags"),
    *("health", "insights", "legacy", "medications", "ratelimits"),
)
EVENT: Final = r"[a-z]+(?:-[a-z]+)+"
# Functions whose first argument is an event: record_of_account, _record_hold, looks.noted.
RECORDS: Final = re.compile(r"_?record(_\w+)?|noted")
# SQL that writes entries, by itself or through a function of the log.
WRITES: Final = re.compile(r"INSERT INTO audit_logs|write_audit_entr|audit_event\(")


def in_sql() -> Iterator[str]:
    newest = {(file.app_label, file.kind, file.name): file.path for file in sql_files()}
    for path in newest.values():
        text = re.sub(r"--.*", "", path.read_text())
        if not WRITES.search(text):
            continue
        yield from re.findall(f"'({EVENT})'", text)
        # audit_changes() puts them together.
        if "'row-'" in text:
            yield from (f"row-{end}" for end in re.findall(r"(?:THEN|ELSE) '(\w+)'", text))


def in_code() -> Iterator[str]:
    for path in (path for app in APPS for path in (ROOT / app).rglob("*.py")):
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield from in_call(node)
            elif isinstance(node, ast.Constant) and WRITES.search(str(node.value)):
                yield from re.findall(f"'({EVENT})'", str(node.value))


def in_call(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if not RECORDS.fullmatch(name):
        return
    told = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "event")]
    for part in (part for each in told for part in ast.walk(each)):
        if isinstance(part, ast.Constant) and re.fullmatch(EVENT, str(part.value)):
            yield str(part.value)


def test_have_a_sentence_and_a_name():
    written = {*in_sql(), *in_code()}

    assert {"log-in", "record-read", "row-updated", "legal-hold-placed"} <= written
    assert set(catalogue.SENTENCES) == written
    assert {*catalogue.EVENTS, *catalogue.ROWS} == written
    assert set(catalogue.EVENTS) & set(catalogue.ROWS) == set()


def test_are_called_by_no_other_name():
    written = {*in_sql(), *in_code()}

    for words in (
        *(catalogue.FAILURES, catalogue.OF_PERSON),
        *(access_log.DID, access_log.REFUSED, exporting.ACTIONS),
    ):
        assert set(words) <= written
