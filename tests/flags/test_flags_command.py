"""manage.py flags does what the console does, for people at a terminal and for scripts."""

import datetime as dt
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import Error, connection
from django.utils import timezone

from accounts.models import User
from flags.models import FeatureFlag, FeatureFlagRamp, FeatureFlagVersion
from flags.services import ramping
from flags.targeting import email_hash
from flags.types import Variant


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("flags", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    return error.value.returncode, str(error.value)


def definition(key: str = "search") -> Any:
    return FeatureFlag.objects.get(flag_name=key).definition


def test_lists_flags_with_their_state_and_what_is_stale(flags: Any) -> None:
    flags.make("search")
    flags.roll_out("search", 12.5)
    FeatureFlag.objects.filter(flag_name="search").update(
        updated_at=timezone.now() - dt.timedelta(days=50)
    )

    line = next(line for line in run("list").splitlines() if line.startswith("search "))
    told = {one["key"]: one for one in json.loads(run("list", "--json"))}

    assert line.split()[1:4] == ["on", "12.5", "%"]
    assert "stale: Nobody has asked for it for 50 days" in line
    assert told["search"]["variants"] == {"on": 12.5, "off": 0.0}
    assert told["search"]["stale"].startswith("Nobody has asked")


def test_sets_a_percentage_with_who_and_why(flags: Any) -> None:
    flags.make("search")

    said = run("set", "search", "25", "--reason", "Ready.", "--as", "deploy job")

    version = FeatureFlagVersion.objects.filter(flag_name="search").first()
    assert version is not None
    assert said == "search is on 25 % now (version 2).\n"
    assert (version.changed_by, version.reason, definition().percentage) == (
        "deploy job",
        "Ready.",
        25.0,
    )


def test_names_the_user_of_the_system_when_nobody_is_named(
    flags: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags.make("search")
    monkeypatch.setenv("LOGNAME", "carol")

    run("set", "search", "5")

    assert FeatureFlag.objects.get(flag_name="search").updated_by == "carol (command line)"


def test_switches_a_flag_off_and_on(flags: Any) -> None:
    flags.make("search")

    off = run("set", "search", "off")
    again = run("set", "search", "off")
    on = run("set", "search", "on")

    assert off == "search is off now (version 2).\n"
    assert again == "search is that already; nothing was changed.\n"
    assert on == "search is 0 % now (version 3).\n"
    assert definition().is_enabled


def test_sets_the_percentage_of_a_variant(flags: Any) -> None:
    flags.make("color", value_type="string", variants=[Variant("on", "r"), Variant("off", "b")])

    run("set", "color", "5", "--variant", "off")

    assert [one.percentage for one in definition("color").variants] == [0.0, 5.0]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("set", "search", "50"), 1, "reason"),
        (("set", "search", "101", "--reason", "x"), 1, "must be from 0 to 100 %"),
        (("set", "search", "-1", "--reason", "x"), 1, "must be from 0 to 100 %"),
        (("set", "no-such-flag", "5"), 1, "There is no flag no-such-flag."),
        (("set", "search", "5", "--if-version", "7"), 3, "was changed meanwhile"),
        (("set", "search", "5", "--variant", "blue"), 2, "has no variant blue"),
        (("ramp", "show", "search"), 1, "There is no ramp of search."),
        (("ramp", "plan", "search", "200", "--reason", "x"), 1, "must be from 0 to 100"),
        (("ramp", "plan", "search", "5:1h"), 1, "say why"),
        (("explain", "search", "nobody@example.com"), 1, "no person with this e-mail"),
        (("explain", "no-such-flag", "someone"), 1, "There is no flag"),
        (("explain", "search", "someone", "--at", "2001-01-01T00:00"), 1, "There was no flag"),
        (("export", "no-such-flag"), 1, "There is no flag no-such-flag."),
        (("import", "/no/such/file", "--reason", "x"), 2, "No such file"),
    ],
)
def test_refuses_with_one_sentence_and_a_code(
    flags: Any, arguments: tuple[str, ...], code: int, said: str
) -> None:
    flags.make("search")

    found, sentence = refused(*arguments)

    assert (found, "\n" in sentence) == (code, False)
    assert said in sentence


def test_says_that_the_database_does_not_answer(committed_db: None) -> None:
    with pytest.raises(Error), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    try:
        code, sentence = refused("list")
    finally:
        connection.close()

    assert code == 4
    assert sentence.startswith("The database does not answer")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "search", "many"), "neither on, nor off, nor a percentage"),
        (("set", "search", "nan"), "neither on, nor off, nor a percentage"),
        (("set", "search", "inf"), "neither on, nor off, nor a percentage"),
        (("ramp", "plan", "search", "5:soon"), "is no step"),
        (("ramp", "plan", "search", "5:h"), "is no step"),
        (("ramp", "plan", "search", "nan"), "is no step"),
        (("ramp", "plan", "search", "5", "--starts-at", "tomorrow"), "is no time"),
        (("explain", "search", "someone", "--at", "2026-13-45T00:00"), "is no time"),
        (("set", "search"), "value"),
        (("dance",), "dance"),
    ],
)
def test_refuses_wrong_usage(flags: Any, arguments: tuple[str, ...], said: str) -> None:
    flags.make("search")

    with pytest.raises(CommandError, match=said):
        run(*arguments)

    assert definition().percentage == 0


def test_plans_a_ramp_and_looks_after_it(flags: Any) -> None:
    flags.make("search")

    planned = run("ramp", "plan", "search", "5:1h", "25:1d", "100", "--reason", "Ready.")
    ramping.advance_ramps(now=timezone.now())
    paused = run("ramp", "pause", "search", "--reason", "A look.")
    resumed = run("ramp", "resume", "search", "--reason", "Well.")
    shown = json.loads(run("ramp", "show", "search", "--json"))
    cancelled = run("ramp", "cancel", "search")

    assert planned.splitlines() == [
        "Ramp of search, variant on: planned.",
        "  5 %, held for 1 hour",
        "  25 %, held for 1 day",
        "  100 %",
    ]
    assert "paused.\nA look.\n→ 5 %" in paused
    assert "running.\n→ 5 %" in resumed
    assert (shown["position"], shown["state"]) == (0, "running")
    assert shown["steps"][1] == {"percentage": 25.0, "soak_minutes": 1440.0}
    assert "cancelled." in cancelled


def test_plans_a_ramp_for_later_that_nothing_watches(flags: Any) -> None:
    flags.make("search")
    later = timezone.now().replace(microsecond=0) + dt.timedelta(days=3)

    run(
        *("ramp", "plan", "search", "50", "--starts-at", later.isoformat()),
        *("--unguarded", "--reason", "Ready."),
    )

    ramp = FeatureFlagRamp.objects.get()
    assert (ramp.starts_at, ramp.is_guarded) == (later, False)


def test_explains_who_gets_what_by_id_by_address_and_by_any_key(flags: Any, alice: User) -> None:
    flags.make("search", enabled_user_emails=[email_hash("search", alice.email)])

    by_address = json.loads(run("explain", "search", alice.email.upper(), "--json"))
    by_id = run("explain", "search", str(alice.pk))
    other = run("explain", "search", "server-7")

    assert (by_address["outcome"]["variant"], by_address["outcome"]["reason"]) == (
        "on",
        "user_enabled",
    )
    assert by_id.splitlines()[0] == "search: on (user_enabled)"
    assert other.splitlines()[0] == "search: off (nobody)"


def test_explains_what_somebody_got_at_a_time_in_the_past(flags: Any, alice: User) -> None:
    flags.make("search")
    between = timezone.now()
    flags.roll_out("search", 100)

    past = run("explain", "search", str(alice.pk), "--at", between.isoformat())
    now = run("explain", "search", str(alice.pk))

    assert past.splitlines()[0] == "search: off (nobody)"
    assert now.splitlines()[0] == "search: on (everybody)"


def test_takes_flags_out_and_in(flags: Any, tmp_path: Path) -> None:
    flags.make("search", owner="Search team")
    file = tmp_path / "flags.json"
    file.write_text(run("export", "search"))
    flags.delete("search")

    tried = run("import", str(file), "--dry-run", "--reason", "Back.")
    is_there = FeatureFlag.objects.filter(flag_name="search").exists()
    done = json.loads(run("import", str(file), "--reason", "Back.", "--json"))

    assert tried.split() == ["search", "would", "be", "created"]
    assert not is_there
    assert done == [{"key": "search", "effect": "created"}]
    assert definition().owner == "Search team"


def test_reads_from_the_standard_input(flags: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    flags.make("search")
    out = run("export", "search").encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(out)))

    assert run("import", "-", "--reason", "Back.").split() == ["search", "unchanged"]


def test_names_every_fault_of_an_import(flags: Any, tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    file.write_text(
        '{"format": "novara-flags/1", "flags": [{"key": "a"}, {"key": "B!", "salt": "b"}]}'
    )

    code, said = refused("import", str(file), "--reason", "x")

    assert code == 1
    assert "/flags/0/salt" in said
    assert "/flags/1/key" in said
