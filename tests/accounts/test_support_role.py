"""What the database lets support read: nothing that says something of people's health."""

from collections.abc import Iterator
from typing import Final

import pytest
from django.db import Error, connection, transaction

from core import gate
from tests.factories import make_tenant, make_user
from tests.house.catalog import TABLES, grants, names, rows
from tests.house.test_catalog import CLASSES, PERSON, TENANT

# Of tables that support may read in part: what it must not.
HIDDEN: Final = {
    "documents": {
        *("original_filename", "metadata", "document_type", "file_hash", "storage_path"),
    },
    "document_actions": {"reason"},
    "users": {"password"},
    "user_profiles": {
        *("primary_need", "cycle_stage", "top_concern", "medication_status", "onboarding_path"),
        *("cycle_stage_updated", "medication_status_updated", "baseline_completed", "extra"),
        *("confidence_meds", "confidence_costs", "confidence_overall", "updated_at"),
    },
    "django_admin_log": {"object_id", "object_repr", "change_message", "user_id"},
}
# What support may read as a whole, or in part.
READABLE: Final = {
    *HIDDEN,
    *("document_attempts", "django_content_type", "refresh_families", "tenants"),
}


@pytest.fixture
def as_support(db: None) -> Iterator[None]:
    user = make_user(tenant=make_tenant())
    with gate.as_support(user.tenant_id):
        yield


def is_readable(table: str, column: str) -> bool:
    ((answer,),) = rows(
        "SELECT has_column_privilege('novara_support', %s::text, %s::text, 'SELECT')",
        [table, column],
    )
    return bool(answer)


def test_reads_these_tables_alone(as_support):
    every = names(TABLES)

    readable = {table for table in every if any(is_readable(table, c) for c in columns_of(table))}

    assert readable == READABLE


def columns_of(table: str) -> list[str]:
    found = rows(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped ORDER BY attnum",
        [table],
    )
    return [name for (name,) in found]


@pytest.mark.parametrize("table", sorted(CLASSES.keys() - READABLE))
def test_is_refused_all_other_tables(as_support, table):
    with pytest.raises(Error, match="permission denied"), transaction.atomic():
        rows(f"SELECT FROM {table}")


@pytest.mark.parametrize(
    ("table", "column"), [(table, one) for table in sorted(HIDDEN) for one in sorted(HIDDEN[table])]
)
def test_is_refused_these_columns(as_support, table, column):
    with pytest.raises(Error, match="permission denied"), transaction.atomic():
        rows(f"SELECT {column} FROM {table}")


@pytest.mark.parametrize("table", sorted(HIDDEN))
def test_reads_no_column_of_health_in_them(as_support, table):
    readable = {column for column in columns_of(table) if is_readable(table, column)}

    assert HIDDEN[table] == set(columns_of(table)) & HIDDEN[table]
    assert not readable & HIDDEN[table]
    assert readable


def test_reads_no_view_but_the_queue(db):
    views = names("SELECT viewname FROM pg_views WHERE schemaname = 'public'")
    given = {name.removeprefix("tables/") for name in grants()["novara_support"]}

    assert given & views == {"stuck_documents"}


def test_sees_its_own_clinic_alone(alice, charlie):
    somebody = [table for table in READABLE if CLASSES[table] in {PERSON, TENANT}]

    with gate.as_support(alice.tenant_id):
        seen = names("SELECT email FROM users")
        key = {"tenants": "id"}
        tenants = {
            str(tenant)
            for table in somebody
            for (tenant,) in rows(f"SELECT DISTINCT {key.get(table, 'tenant_id')} FROM {table}")
        }

    assert alice.email in seen
    assert charlie.email not in seen
    assert tenants == {str(alice.tenant_id)}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET password = 'x'",
        "UPDATE users SET email = 'x@example.com'",
        "UPDATE users SET is_support = false",
        "INSERT INTO users (id) VALUES (NULL)",
        "DELETE FROM documents",
        "UPDATE documents SET original_filename = 'x'",
        "UPDATE user_profiles SET nickname = 'x'",
        "SELECT erase_person(NULL, NULL, NULL)",
    ],
)
def test_may_not_do_more_than_its_work(as_support, statement):
    with pytest.raises(Error, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement)
