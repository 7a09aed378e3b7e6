"""The database has the objects that the newest SQL files describe, all of them and no others."""

import pytest

from core.sql import sql_files
from tests.house.drift import drift, installed_by_migrations, run


def test_finds_none(db):
    found = drift()

    assert found == {}, "The database and */sql/ disagree (what stands, what the files make)."


def test_has_every_file_installed_by_a_migration(db):
    files = {file.path for file in sql_files()}

    assert {file.path for file in installed_by_migrations()} == files


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (
            (
                "CREATE OR REPLACE FUNCTION json_texts(p_list jsonb) RETURNS text[]"
                " LANGUAGE sql IMMUTABLE AS 'SELECT NULL::text[]'"
            ),
            "functions/json_texts",
        ),
        (
            "CREATE FUNCTION json_texts(p_list text) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
            "functions/json_texts",
        ),
        ("ALTER FUNCTION erase_person SECURITY INVOKER", "functions/erase_person"),
        ("ALTER FUNCTION erase_person RESET search_path", "functions/erase_person"),
        ("DROP FUNCTION record_events", "functions/record_events"),
        ("GRANT EXECUTE ON FUNCTION enter_gate TO PUBLIC", "grants/public on functions/enter_gate"),
        (
            "ALTER VIEW daily_checkins_legacy RESET (security_invoker)",
            "views/daily_checkins_legacy",
        ),
        (
            (
                "DROP VIEW daily_checkins_legacy;"
                "CREATE VIEW daily_checkins_legacy WITH (security_invoker = true)"
                "    AS SELECT * FROM daily_checkins"
            ),
            "views/daily_checkins_legacy",
        ),
        (
            "ALTER VIEW daily_checkins_legacy RENAME COLUMN extra TO rest",
            "views/daily_checkins_legacy",
        ),
        ("CREATE VIEW everything AS SELECT * FROM daily_checkins_legacy", "views/everything"),
        ("ALTER TYPE event_shape ADD ATTRIBUTE extra text", "types/event_shape"),
        (
            "ALTER TABLE health_events DISABLE TRIGGER append_only",
            "triggers/health_events__append_only",
        ),
        ("DROP TRIGGER no_truncate ON health_events", "triggers/health_events__no_truncate"),
        (
            (
                "CREATE TRIGGER extra BEFORE UPDATE ON users"
                " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            ),
            "triggers/users__extra",
        ),
        ("ALTER POLICY person ON health_events USING (true)", "policies/health_events__person"),
        ("ALTER POLICY person ON users WITH CHECK (true)", "policies/users__person"),
        ("ALTER POLICY person ON users TO PUBLIC", "policies/users__person"),
        (
            "CREATE POLICY all_rows ON users FOR SELECT TO novara_api USING (true)",
            "policies/users__all_rows",
        ),
        ("ALTER TABLE users DISABLE ROW LEVEL SECURITY", "row security/users"),
        ("GRANT SELECT (password) ON users TO novara_api", "grants/novara_api on tables/users"),
        (
            "GRANT DELETE ON health_events TO novara_api",
            "grants/novara_api on tables/health_events",
        ),
        (
            "REVOKE INSERT ON health_events FROM novara_api",
            "grants/novara_api on tables/health_events",
        ),
        ("GRANT CREATE ON SCHEMA public TO novara_api", "grants/novara_api on schema"),
    ],
)
def test_sees_what_was_changed_by_hand(db, change, name):
    run(change)

    found = drift()

    assert name in found
