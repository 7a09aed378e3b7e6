"""SqlObject installs the versions of an object, forwards and back; show_sql shows them."""

from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from core.sql import SqlObject, sql_files
from tests.house.catalog import definitions, rows

FILES = {
    "views/two_v01.sql": "CREATE VIEW two AS SELECT 1 AS one;\n",
    "views/two_v02.sql": "CREATE VIEW two AS SELECT 2 AS two;\n",
    "functions/answer_v01.sql": "CREATE OR REPLACE FUNCTION answer(a int) RETURNS int LANGUAGE sql AS 'SELECT a';\n",
    "functions/answer_v02.sql": (
        "DROP FUNCTION answer;\n"
        "CREATE FUNCTION answer(a int, b text) RETURNS text LANGUAGE sql AS 'SELECT b';\n"
    ),
    "functions/used_v01.sql": "CREATE OR REPLACE FUNCTION used() RETURNS int LANGUAGE sql AS 'SELECT 1';\n",
    "functions/used_v02.sql": "CREATE OR REPLACE FUNCTION used() RETURNS int LANGUAGE sql AS 'SELECT 2';\n",
    "triggers/users__same_v01.sql": (
        "CREATE OR REPLACE TRIGGER same BEFORE UPDATE ON users\n"
        "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();\n"
    ),
    "triggers/users__same_v02.sql": (
        "CREATE OR REPLACE TRIGGER same BEFORE UPDATE OF email ON users\n"
        "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();\n"
    ),
    "policies/users__none_v01.sql": "CREATE POLICY none ON users USING (false);\n",
    "policies/users__none_v02.sql": "CREATE POLICY none ON users USING (id IS NULL);\n",
}


@pytest.fixture
def files(db, tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "sql" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(apps.get_app_config("health"), "path", str(tmp_path))


def migrate(operation, *, forwards=True):
    with connection.schema_editor(atomic=False) as editor:
        step = operation.database_forwards if forwards else operation.database_backwards
        step("health", editor, None, None)


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("views", "two", ["SELECT 1", "SELECT 2"]),
        ("functions", "answer", ["SELECT a", "SELECT b"]),
        ("triggers", "users__same", ["UPDATE ON", "UPDATE OF email"]),
        ("policies", "users__none", ["false", "IS NULL"]),
    ],
)
def test_goes_forwards_and_back(files, kind, name, words):
    before = definitions()
    first, second = SqlObject(kind, name), SqlObject(kind, name, version=2)

    seen = []
    for operation, forwards in ((first, True), (second, True), (second, False)):
        migrate(operation, forwards=forwards)
        seen.append(definitions()[f"{kind}/{name}"])
    migrate(first, forwards=False)

    for text, word, other in zip(seen, (*words, words[0]), (*words[::-1], words[1]), strict=True):
        assert word in text
        assert other not in text
    assert definitions() == before


def test_keeps_what_depends_on_a_function(files):
    migrate(SqlObject("functions", "used"))
    rows("CREATE VIEW user_of_it AS SELECT used() AS number")

    migrate(SqlObject("functions", "used", version=2))
    after = rows("SELECT number FROM user_of_it")
    migrate(SqlObject("functions", "used", version=2), forwards=False)

    assert after == [(2,)]
    assert rows("SELECT number FROM user_of_it") == [(1,)]


def test_does_not_drop_a_function_that_is_used(files):
    migrate(SqlObject("functions", "used"))
    rows("CREATE VIEW user_of_it AS SELECT used() AS number")

    with pytest.raises(DatabaseError, match="depends on"), transaction.atomic():
        migrate(SqlObject("functions", "used"), forwards=False)

    assert rows("SELECT number FROM user_of_it") == [(1,)]


def test_reads_as_a_sentence():
    operation = SqlObject("views", "daily_checkins_legacy", version=2)

    assert operation.describe() == "Install daily_checkins_legacy v2 (views)"
    assert operation.migration_name_fragment == "daily_checkins_legacy_v2"


def test_prints_every_file_by_sqlmigrate(committed_db):
    ours = {file.app_label for file in sql_files()}
    out = StringIO()

    for app, migration in MigrationLoader(connection).disk_migrations:
        if app in ours:
            call_command("sqlmigrate", app, migration, stdout=out)

    printed = out.getvalue()
    for file in sql_files():
        assert file.path.read_text() in printed, file.path


def test_shows_the_newest_version_and_what_changed(files):
    out = StringIO()

    call_command("show_sql", "two", stdout=out, no_color=True)

    assert out.getvalue() == (
        "health/sql/views/two_v02.sql\n"
        "CREATE VIEW two AS SELECT 2 AS two;\n"
        "--- two_v01.sql\n"
        "+++ two_v02.sql\n"
        "@@ -1 +1 @@\n"
        "-CREATE VIEW two AS SELECT 1 AS one;\n"
        "+CREATE VIEW two AS SELECT 2 AS two;\n"
    )
