"""A preview as its page shows it."""

import datetime as dt
from typing import Any, Final, NamedTuple

from django.urls import reverse

from core.admin import when
from ratelimits.admin import words
from ratelimits.admin.words import Names
from ratelimits.preview import Effect, Limited, Preview
from ratelimits.types import Mode, Rule, Scope

SHORT: Final = 8
PERSON_PAGE: Final = "admin:accounts_user_change"
CLINIC_PAGE: Final = "admin:accounts_tenant_change"
KEY_PAGE: Final = "admin:accounts_apikey_change"


class Who(NamedTuple):
    """A subject: what it is called, and the page about it."""

    name: str
    page: str = ""
    route: str = ""


def shown(
    found: Preview, before: Rule | None, after: Rule, clinics: Names, *, is_deleted: bool = False
) -> dict[str, Any]:
    one, many = words.SUBJECTS[after.scope]
    return {
        "is_known": found.is_known,
        "is_too_much": found.is_too_much,
        "is_deleted": is_deleted,
        "is_unchanged": before is not None and not is_deleted and before == after,
        "changes": words.changes(before, after, clinics) if not is_deleted else [],
        "needs_reason": needs_reason(found, before, after) or is_deleted,
        "is_stricter": found.is_stricter,
        "mode": after.mode.value,
        "before": _effect(found.before, found, before, (one, many)) if before else None,
        "after": _effect(found.after, found, after, (one, many)),
        "newly": words.count(found.newly_limited, one, many),
        "is_cut": found.is_cut,
        "subjects": words.count(found.subject_count, one, many),
        "requests": words.count(found.request_count, "request", "requests"),
        "has_traffic": bool(found.request_count),
        "subject": one,
        "top": [_row(limited, route, after.scope, clinics) for limited, route in found.top],
        "begins_at": _late_beginning(found),
    }


def needs_reason(found: Preview, before: Rule | None, after: Rule) -> bool:
    """Tell whether somebody must say why: fewer pass than did, perhaps, or a guard goes away."""
    is_opened = before is not None and before.mode is Mode.ENFORCED is not after.mode
    return found.is_stricter or found.is_too_much or is_opened


def _late_beginning(found: Preview) -> str:
    """Say since when traffic is known, if that is less than a day."""
    if found.begins_at and found.begins_at - found.since > dt.timedelta(minutes=5):
        return when(found.begins_at)
    return ""


def _effect(effect: Effect, found: Preview, rule: Rule, names: tuple[str, str]) -> dict[str, Any]:
    subjects, requests = effect.subjects, effect.requests
    return {
        "subjects": f"{words.between(subjects)} {names[subjects.most != 1]}",
        "requests": words.between(requests),
        "share": words.share(requests.most, found.request_count),
        "is_none": not requests.most,
        "refuses": effect.refuses,
        "figures": words.figures(rule),
    }


def _row(limited: Limited, route: str, scope: Scope, clinics: Names) -> dict[str, Any]:
    return {
        "who": who_of(limited.subject, scope, clinics),
        "route": route,
        "requests": f"{limited.requests:,}",
        "refused": words.between(limited.refused),
    }


def who_of(subject: str, scope: Scope, clinics: Names) -> Who:
    """Name a subject without saying who it is; a page says more to those who may see it."""
    if scope is Scope.USER:
        return Who(f"person …{subject[-SHORT:]}", reverse(PERSON_PAGE, args=[subject]))
    if scope in {Scope.TENANT, Scope.TENANT_ENDPOINT}:
        tenant_id, _, route = subject.partition(" ")
        name = clinics.get(tenant_id, f"clinic …{tenant_id[-SHORT:]}")
        return Who(name, reverse(CLINIC_PAGE, args=[tenant_id]), route)
    if scope is Scope.API_KEY:
        return Who(
            f"key …{subject[-SHORT:]}", reverse("admin:accounts_apikey_change", args=[subject])
        )
    if scope is Scope.ENDPOINT:
        return Who(subject)
    return Who(f"network {subject[:SHORT]}…")
