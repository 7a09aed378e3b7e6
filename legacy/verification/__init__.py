"""Compares what stands here with an old database, field by field.

It has its own table of where each old column is to be found, and does not run the mapping again.
"""

from collections.abc import Iterable, Mapping, Sequence

from legacy.models import LegacyImport
from legacy.types import Finding, Person, Report, Row
from legacy.verification.checkins import CheckinComparison
from legacy.verification.comparison import Comparison
from legacy.verification.events import EventComparison
from legacy.verification.here import Here, records_of
from legacy.verification.insights import InsightComparison
from legacy.verification.people import AccountComparison

CHECKINS = ("daily_checkins", "daily_checkins_v1")
ACCOUNTS = ("users", "users_v1", "user_profiles")
INSIGHTS = ("insights", "insights_v1")


def compare_person(
    *, person: Person, rows: Mapping[str, Sequence[Row]], known: LegacyImport, report: Report
) -> None:
    """Compare every column of every old row of a person, and look for what is too much here."""
    here = Here(known)
    told = Comparison(here, report)
    found = [row for table in ACCOUNTS for row in rows.get(table, ())]
    AccountComparison(told).compare(person, found)
    events = rows.get("health_events", ())
    checkins = CheckinComparison(told)
    checkins.compare([row for table in CHECKINS for row in rows.get(table, ())])
    EventComparison(told, checkins).compare(events)
    checkins.finish()
    insights = InsightComparison(told)
    insights.compare([row for table in INSIGHTS for row in rows.get(table, ())])
    insights.compare_interactions(rows.get("insight_interactions", ()))
    placed = {*CHECKINS, *ACCOUNTS, *INSIGHTS, "health_events", "insight_interactions"}
    for table, others in rows.items():
        if table not in placed:
            for row in others:
                told.record(row)
    told.finish_records(rows)


def compare_records(*, rows: Iterable[Row], report: Report) -> None:
    """Compare a batch of rows of nobody with the records that keep them."""
    batch = list(rows)
    tables = {row.table for row in batch}
    keys = {row.key for row in batch}
    records = records_of(
        {"source_table__in": tables, "source_key__in": keys, "user_id__isnull": True}
    )
    for row in batch:
        if (row.table, row.key) not in records:
            report.add_difference(Finding(row.table, row.key, "", "is not here"))
        else:
            compare_record(row, records[row.table, row.key], report)


def compare_record(row: Row, content: Mapping[str, object], report: Report) -> None:
    Comparison.of_record(row, content, report)
