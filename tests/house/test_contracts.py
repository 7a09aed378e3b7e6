"""The parts of the house meet only where they may; what no import shows is looked at here."""

import ast
from itertools import pairwise
from pathlib import Path

import importlinter.cli  # It also configures the library.
import pytest
from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string
from importlinter.application import use_cases

from config.celery import app as celery
from core.sql import sql_files

ROOT = Path(settings.ROOT)
# From the ground up. What is not ours (Django's own apps) lies below.
FLOORS = (
    *("core", "audit", "ratelimits", "accounts", "flags", "documents", "health", "assessments"),
    *("medications", "insights", "analytics", "legacy", "config"),
)
OURS = [app for app in apps.get_app_configs() if app.name.split(".")[0] in FLOORS]


def product_files():
    return [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


def syntax_of(path):
    return ast.parse(path.read_text(), str(path))


def test_imports_keep_the_contracts(monkeypatch, capsys):
    assert importlinter.cli
    monkeypatch.chdir(ROOT)

    is_kept = use_cases.lint_imports(no_logo=True)

    assert is_kept, capsys.readouterr().out


def test_floors_are_those_of_the_import_contract():
    contracts = use_cases.read_user_options(config_filename=str(ROOT / "pyproject.toml"))

    floors = next(
        contract["layers"]
        for contract in contracts.contracts_options
        if contract["name"] == "The house is built in floors"
    )

    named = " | ".join(floors).split(" | ")
    assert tuple(reversed(named)) == FLOORS


def test_foreign_keys_point_down():
    for app in OURS:
        for model in app.get_models():
            for field in (*model._meta.fields, *model._meta.many_to_many):
                if field.related_model and field.model._meta.app_label in FLOORS:
                    target = field.related_model._meta.app_label
                    height = FLOORS.index(target) if target in FLOORS else -1
                    assert height <= FLOORS.index(app.label), f"{field} points up to {target}."


def test_foreign_keys_to_other_apps_leave_no_name_there():
    for app in OURS:
        for model in app.get_models():
            for field in model._meta.fields:
                target, back = field.related_model, field.remote_field
                if target and back and target._meta.app_label != app.label:
                    assert back.related_name == "+", f"{field}: related_name is '+'."


def test_models_are_found_by_import():
    for path in product_files():
        if "migrations" not in path.parts:
            for node in ast.walk(syntax_of(path)):
                name = getattr(node, "attr", None) or getattr(node, "id", None)
                assert name != "get_model", f"{path}: import the model, or move the code."


def test_nothing_listens_to_model_signals():
    for path in product_files():
        for node in ast.walk(syntax_of(path)):
            if isinstance(node, ast.ImportFrom):
                named = [node.module or "", *(f"{node.module}.{x.name}" for x in node.names)]
            elif isinstance(node, ast.Import):
                named = [x.name for x in node.names]
            else:
                continue
            assert not any(name.startswith("django.db.models.signals") for name in named), path


def test_timetable_names_tasks_that_exist():
    celery.loader.import_default_modules()

    for entry in celery.conf.beat_schedule.values():
        assert entry["task"] in celery.tasks


def test_tasks_have_the_names_of_their_places():
    celery.loader.import_default_modules()
    ours = {name for name in celery.tasks if name.split(".")[0] in FLOORS}

    assert ours
    for name in ours:
        app, room, _ = name.split(".")
        assert app in FLOORS
        assert room == "tasks"
        assert import_string(name).name == name


def test_strings_name_tasks_that_exist():
    celery.loader.import_default_modules()

    for path in product_files():
        for node in ast.walk(syntax_of(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {
                "send_task",
                "signature",
            }:
                assert isinstance(node.args[0], ast.Constant), f"{path}: name the task."
                assert node.args[0].value in celery.tasks, path


@pytest.mark.parametrize("kind", ["types", "views", "functions", "triggers", "policies", "roles"])
def test_versions_of_sql_files_have_no_gap(kind):
    files = [file for file in sql_files() if file.kind == kind]

    assert files
    assert next(file.version for file in files) == 1
    for before, file in pairwise(files):
        expected = before.version + 1 if before[:3] == file[:3] else 1
        assert file.version == expected, file.path


def test_sql_files_have_known_kinds_and_names():
    known = {file.path for file in sql_files()}

    for floor in FLOORS:
        for path in (ROOT / floor).glob("sql/**/*"):
            assert path.is_dir() or path.parent.name == "queries" or path in known, path


def test_sql_files_say_who_reads_them():
    for file in sql_files():
        assert file.path.read_text().startswith("-- "), f"{file.path}: begin with a comment."
