"""Hourly counts: each entry once, and the same when they are counted again."""

import uuid

import pytest
from django.core.management import call_command
from django.db import transaction

from audit import sealing
from audit.models import AuditAggregate
from audit.types import Outcome
from audit.verification import compare_aggregates
from tests.audit import chains


def test_counts_each_entry_once(quiet_log: None):
    clinic = uuid.uuid4()
    chains.write(clinic, 3, object_count=4)
    chains.write(clinic, 1, outcome=Outcome.FAILURE)
    while not sealing.seal_batch(size=2):
        pass
    chains.seal()
    chains.write(clinic, 2)
    chains.seal()

    found = AuditAggregate.objects.filter(tenant_id=clinic).order_by("outcome")

    # The hour may change amid a test.
    done = [row for row in found if row.outcome == "success"]
    assert sum(row.entries for row in done) == 5
    assert sum(row.objects_touched for row in done) == 14
    assert [row.entries for row in found if row.outcome == "failure"] == [1]
    assert all((row.hour.minute, row.hour.second) == (0, 0) for row in found)


def test_gives_the_same_when_counted_again(quiet_log: None):
    chains.history()
    chains.write(uuid.uuid4())

    hours, figures, differences = compare_aggregates()

    assert hours >= 1
    assert figures >= 3
    assert differences == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_aggregates SET entries = entries + 1 WHERE tenant_id = '{}'",
        "UPDATE audit_aggregates SET objects_touched = 0 WHERE tenant_id = '{}'",
        "DELETE FROM audit_aggregates WHERE tenant_id = '{}'",
        "UPDATE audit_aggregates SET hour = hour + interval '1 hour' WHERE tenant_id = '{}'",
    ],
)
def test_finds_a_figure_that_was_changed(quiet_log: None, change: str, capsys):
    clinic = chains.history().clinic

    with transaction.atomic():
        chains.rows(change.format(clinic))
        differences = compare_aggregates()[2]
        with pytest.raises(SystemExit):
            call_command("audit", "aggregates", "--verify")
        transaction.set_rollback(True)

    assert {row.tenant_id for row in differences} == {clinic}
    assert "differ from the log." in capsys.readouterr().out
