"""manage.py flags: look at flags and change them, from the command line and from scripts."""

import datetime as dt
import getpass
import math
import sys
import uuid
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import User
from core.errors import DomainError
from flags import queries, rules, services
from flags.allocation import resize
from flags.health_gate import Guard
from flags.models import FeatureFlag, FeatureFlagRamp
from flags.services import ramping, transfer
from flags.services.ramping import RampStep
from flags.types import Context, Definition

REFUSED, WRONG_USAGE, CHANGED_MEANWHILE, AWAY = 1, 2, 3, 4
UNITS: Final = {"m": 1, "h": 60, "d": 24 * 60}


class Command(BaseCommand):
    help = (
        "List flags, set and ramp them, explain who gets what, export and import."
        " Exit codes: 0 done, 1 refused, 2 wrong usage, 3 the flag was changed meanwhile,"
        " 4 the database does not answer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        def add(name: str, words: str) -> ArgumentParser:
            own: ArgumentParser = commands.add_parser(name, help=words)
            return own

        _add_json(add("list", "all flags, with what is stale"))
        _add_set(add("set", "change the percentage of a variant, or switch a flag on or off"))
        _add_ramp(add("ramp", "plan a way to another percentage, and look after it"))
        explain = add("explain", "why somebody gets what they get")
        explain.add_argument("key")
        _add_json(explain)
        explain.add_argument("person", help="an id, or the e-mail address of a person of ours")
        explain.add_argument("--at", type=_moment, help="a time in the past, 2026-11-02T14:30")
        export = add("export", "write flags as JSON to the standard output")
        export.add_argument("keys", nargs="*", help="without any: all flags")
        bring = add("import", "bring flags in, all or none")
        bring.add_argument("file", help="an export; - for the standard input")
        bring.add_argument("--dry-run", action="store_true", help="only say what would be done")
        _add_reason(bring)
        _add_json(bring)

    def handle(self, *_: Any, **options: Any) -> None:
        actions: dict[str, Callable[[dict[str, Any]], tuple[Any, str]]] = {
            "list": _list,
            "set": _set,
            "ramp": _ramp,
            "explain": _explain,
            "import": _import,
        }
        try:
            if options["action"] == "export":
                self.stdout.write(
                    transfer.export_flags(options["keys"] or None).decode(), ending=""
                )
                return
            told, words = actions[options["action"]](options)
        except services.FlagChanged as error:
            raise CommandError(error.detail, returncode=CHANGED_MEANWHILE) from None
        except DomainError as error:
            raise CommandError(_all_faults(error), returncode=REFUSED) from None
        except (OperationalError, InterfaceError, psycopg.OperationalError) as error:
            detail = "The database does not answer, or is busy. See what holds when it does."
            raise CommandError(detail, returncode=AWAY) from error
        if options["json"]:
            words = msgspec.json.format(msgspec.json.encode(told), indent=2).decode()
        self.stdout.write(words)


def _all_faults(error: DomainError) -> str:
    rest = [f"  {one.pointer}: {one.detail}" for one in error.errors[1:]]
    return "\n".join([error.detail, *rest])


def _add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="answer with JSON")


def _add_reason(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", default="", help="stays in the history")
    parser.add_argument(
        "--as", dest="actor", default="", help="who the history names; else the system's user"
    )


def _add_set(parser: ArgumentParser) -> None:
    parser.add_argument("key")
    parser.add_argument("value", type=_value, help="on, off, or a percentage from 0 to 100")
    parser.add_argument("--variant", default="on", help="whose percentage it is (on)")
    parser.add_argument(
        "--if-version", type=int, help="only if this is still the version of the flag"
    )
    _add_reason(parser)
    _add_json(parser)


def _add_ramp(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="ramp_action", required=True, metavar="ACTION")
    plan = actions.add_parser("plan", help="plan a ramp")
    plan.add_argument("key")
    plan.add_argument(
        "steps", nargs="+", type=_step, help="percentage and how long it is held: 5:1h 25:1d 100"
    )
    plan.add_argument("--variant", default="on", help="whose percentage it is (on)")
    plan.add_argument("--starts-at", type=_moment, help="without it: now")
    plan.add_argument("--unguarded", action="store_true", help="whatever happens to requests")
    guard = Guard()
    plan.add_argument("--max-error-points", type=float, default=guard.max_error_points)
    plan.add_argument("--max-latency-ratio", type=float, default=guard.max_latency_ratio)
    plan.add_argument("--min-requests", type=int, default=guard.min_requests)
    _add_reason(plan)
    _add_json(plan)
    for name in ("pause", "resume", "cancel", "show"):
        other = actions.add_parser(name, help=f"{name} the ramp of a flag")
        other.add_argument("key")
        _add_json(other)
        if name != "show":
            _add_reason(other)


# Reading arguments


def _value(text: str) -> str | float:
    if text in {"on", "off"}:
        return text
    return _number(text, f"{text} is neither on, nor off, nor a percentage.")


def _number(text: str, fault: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ArgumentTypeError(fault)
    return found


def _step(text: str) -> RampStep:
    fault = f"{text} is no step; 5:1h is 5 % for an hour, and m, h and d are the units."
    percentage, _, soak = text.partition(":")
    unit = UNITS.get(soak[-1:])
    minutes = _number(soak[:-1], fault) * unit if unit else _number(soak or "0", fault)
    return RampStep(_number(percentage, fault), minutes)


def _moment(text: str) -> dt.datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError(f"{text} is no time; write 2026-11-02T14:30.")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def _actor(options: dict[str, Any]) -> services.Actor:
    return services.Actor(options["actor"] or f"{getpass.getuser()} (command line)")


# Actions: each gives its answer as data and in words.


def _list(_: dict[str, Any]) -> tuple[Any, str]:
    stale = queries.stale_reasons(timezone.now())
    told = [
        {
            "key": flag.flag_name,
            "is_enabled": flag.is_enabled,
            "variants": {one.name: one.percentage for one in flag.definition.variants},
            "version": flag.version,
            "owner": flag.owner,
            "updated_at": flag.updated_at,
            "stale": stale.get(flag.flag_name),
        }
        for flag in FeatureFlag.objects.all()
    ]
    lines = [
        f"{one['key']:<32} {_state(one):<28} v{one['version']:<4}"
        + (f" stale: {one['stale']}" if one["stale"] else "")
        for one in told
    ]
    return told, "\n".join(line.rstrip() for line in lines) or "There are no flags."


def _state(flag: dict[str, Any]) -> str:
    if not flag["is_enabled"]:
        return "off"
    parts = [f"{name} {part:g} %" for name, part in flag["variants"].items() if part]
    return ", ".join(parts) or "0 %"


def _set(options: dict[str, Any]) -> tuple[Any, str]:
    key, value = options["key"], options["value"]
    flag = FeatureFlag.objects.filter(flag_name=key).first()
    if flag is None:
        raise services.FlagNotFound(f"There is no flag {key}.")
    changed = services.change_flag(
        definition=_changed(flag.definition, options["variant"], value),
        base_version=flag.version if options["if_version"] is None else options["if_version"],
        actor=_actor(options),
        reason=options["reason"],
        now=timezone.now(),
    )
    told = {"key": key, "version": changed.version, "is_changed": changed.version != flag.version}
    if not told["is_changed"]:
        return told, f"{key} is that already; nothing was changed."
    return told, f"{key} is {_in_words(changed)} now (version {changed.version})."


def _changed(before: Definition, variant: str, value: str | float) -> Definition:
    if isinstance(value, str):
        return msgspec.structs.replace(before, is_enabled=value == "on")
    if before.variant(variant) is None:
        names = ", ".join(one.name for one in before.variants)
        raise CommandError(
            f"{before.key} has no variant {variant}; it has {names}.", returncode=WRONG_USAGE
        )
    return msgspec.structs.replace(before, variants=resize(before.variants, variant, value))


def _in_words(flag: FeatureFlag) -> str:
    parts = {one.name: one.percentage for one in flag.definition.variants}
    return _state({"is_enabled": flag.is_enabled, "variants": parts})


def _ramp(options: dict[str, Any]) -> tuple[Any, str]:
    action, key, now = options["ramp_action"], options["key"], timezone.now()
    if action == "plan":
        ramp = _plan(options, now)
    elif action == "show":
        ramp = _newest_ramp(key)
    else:
        do: Any = {
            "pause": ramping.pause_ramp,
            "resume": ramping.resume_ramp,
            "cancel": ramping.cancel_ramp,
        }[action]
        ramp = do(
            ramp_id=_newest_ramp(key).pk,
            reason=options["reason"],
            actor=_actor(options),
            now=now,
        )
    return _of_ramp(ramp), _ramp_in_words(ramp)


def _plan(options: dict[str, Any], now: dt.datetime) -> FeatureFlagRamp:
    guard = Guard(
        max_error_points=options["max_error_points"],
        max_latency_ratio=options["max_latency_ratio"],
        min_requests=options["min_requests"],
    )
    return ramping.plan_ramp(
        key=options["key"],
        variant=options["variant"],
        steps=options["steps"],
        starts_at=options["starts_at"],
        guard=None if options["unguarded"] else guard,
        reason=options["reason"],
        actor=_actor(options),
        now=now,
    )


def _newest_ramp(key: str) -> FeatureFlagRamp:
    ramp = FeatureFlagRamp.objects.filter(flag_name=key).first()
    if ramp is None:
        raise ramping.RampNotFound(f"There is no ramp of {key}.")
    return ramp


def _of_ramp(ramp: FeatureFlagRamp) -> dict[str, Any]:
    names = (
        *("id", "flag_name", "variant", "steps", "position", "state", "starts_at"),
        *("step_started_at", "is_guarded", "pause_reason", "reason", "created_by"),
        *("needs_approval", "approved_by", "log"),
    )
    return {name: getattr(ramp, name) for name in names}


def _ramp_in_words(ramp: FeatureFlagRamp) -> str:
    lines = [f"Ramp of {ramp.flag_name}, variant {ramp.variant}: {ramp.state}."]
    if ramp.pause_reason:
        lines.append(ramp.pause_reason)
    if ramp.needs_approval and not ramp.approved_by:
        lines.append("It waits for a second person to approve the plan in the console.")
    for index, step in enumerate(ramping.steps_of(ramp)):
        mark = "→" if index == ramp.position else " "
        lines.append(f"{mark} {step}")
    return "\n".join(lines)


def _explain(options: dict[str, Any]) -> tuple[Any, str]:
    key, at = options["key"], options["at"]
    context = _context(options["person"])
    rule_set = queries.rule_set_at(at) if at else rules.current()
    found = services.explain(rule_set, key, context)
    if found is None:
        raise services.FlagNotFound(f"There {'was' if at else 'is'} no flag {key}.")
    lines = [f"{key}: {found.outcome.variant} ({found.outcome.reason})"]
    if found.bucket is not None:
        lines.append(f"Place in the rollout: {found.bucket / 1000:.3f} of 100")
    lines += [
        f"{'→' if step.is_decisive else ' '} {step.check}: {step.detail}" for step in found.path
    ]
    return found, "\n".join(lines)


def _context(person: str) -> Context:
    if "@" in person:
        found = User.objects.filter(email=person.strip().lower()).values_list("id", flat=True)
        user_id = found.first()
        if user_id is None:
            raise services.FlagNotFound("There is no person with this e-mail address.")
        return queries.context_of_person(user_id)
    try:
        return queries.context_of_person(uuid.UUID(person))
    except ValueError:
        return Context(targeting_key=person)


def _import(options: dict[str, Any]) -> tuple[Any, str]:
    is_dry_run = options["dry_run"]
    found = transfer.import_flags(
        document=_read(options["file"]),
        actor=_actor(options),
        reason=options["reason"],
        now=timezone.now(),
        is_dry_run=is_dry_run,
    )
    told = [{"key": one.key, "effect": one.effect} for one in found]
    would = "would be " if is_dry_run else ""
    lines = [
        f"{one.key:<32} {would if one.effect != 'unchanged' else ''}{one.effect}" for one in found
    ]
    return told, "\n".join(lines) or "The document has no flags."


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}.", returncode=WRONG_USAGE) from None
