"""Migrations are linear, named by hand, reversible, and independent of the program."""

import ast
import re
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from django_linear_migrations.apps import check_max_migration_files

from tests.house.catalog import TABLES, definitions, grants, names
from tests.house.scratch import scratch_database

ROOT = Path(settings.ROOT)
OURS = sorted(
    app.label
    for app in apps.get_app_configs()
    if Path(app.path, "migrations").parent.parent == ROOT and Path(app.path, "migrations").is_dir()
)
# What a migration may import of the program: it must mean the same for ever.
STABLE = {
    "core.sql": "what installs SQL files, which are never edited",
    "core.models": "makes keys and declares field types",
}


def own_migrations(app):
    found = MigrationLoader(None).disk_migrations
    return sorted((migration for (label, _), migration in found.items() if label == app), key=str)


def migrate(*where):
    out = StringIO()
    call_command("migrate", *where, verbosity=1, stdout=out)
    return out.getvalue()


def test_say_what_the_models_say(db):
    out = StringIO()

    try:
        call_command("makemigrations", check_changes=True, dry_run=True, stdout=out)
    except SystemExit:
        pytest.fail(f"A migration is missing:\n{out.getvalue()}")


def test_keep_the_newest_name_in_max_migration():
    assert check_max_migration_files() == []


@pytest.mark.parametrize("app", OURS)
def test_follow_one_another(app):
    migrations = own_migrations(app)

    for number, (before, migration) in enumerate(
        zip([None, *migrations], migrations, strict=False), start=1
    ):
        within = [name for label, name in migration.dependencies if label == app]
        assert migration.name.startswith(f"{number:04}_"), migration
        assert within == ([before.name] if before else []), migration


@pytest.mark.parametrize("app", OURS)
def test_are_named_by_hand(app):
    written = [migration.name for migration in own_migrations(app)]

    assert written[0] == "0001_tables"
    for name in written:
        assert re.fullmatch(r"\d{4}(_[a-z0-9]+)+", name), name
        assert not re.search(r"_auto(_|$)|_initial$|_squashed_|_and_more$", name), name


@pytest.mark.parametrize("app", OURS)
def test_import_nothing_that_will_change(app):
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"config"}

    for path in Path(apps.get_app_config(app).path, "migrations").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            found = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in found:
                assert module.split(".")[0] not in ours or module in STABLE, f"{path}: {module}"
            assert not (isinstance(node, ast.ImportFrom) and node.level), path


@pytest.mark.parametrize("app", OURS)
def test_can_all_be_taken_back(app):
    for migration in own_migrations(app):
        for operation in migration.operations:
            assert operation.reversible, f"{migration}: {operation.describe()}"


def test_leave_nothing_behind_and_can_be_done_again(
    django_db_setup, django_db_blocker, database_url
):
    with django_db_blocker.unblock(), scratch_database(is_copy=True, url=database_url):
        before = definitions(), grants(), names(TABLES)

        migrate("health", "zero")
        without_health = definitions(), grants(), names(TABLES)
        migrate("accounts", "zero")
        bare = definitions(), grants(), names(TABLES)
        migrate()
        again = definitions(), grants(), names(TABLES)

    for name in without_health[0]:
        assert "health_events" not in name
        assert "checkin" not in name
    assert not {table for table in without_health[2] if table.startswith(("health", "daily"))}
    assert bare[0] == {}
    assert not {table for table in bare[2] if not table.startswith(("django_", "auth_"))}
    assert {thing for things in bare[1].values() for thing in things} <= {"schema"}
    assert again == before
