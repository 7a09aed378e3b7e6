"""The pages of what limits do: who is limited now, and whom they met."""

import datetime as dt
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ratelimits import queries
from ratelimits.admin import words
from ratelimits.admin.pages import RulePages
from ratelimits.admin.previews import Who, who_of
from ratelimits.admin.words import Names
from ratelimits.models import RateLimitRule
from ratelimits.types import Mode, Scope

MOST_ROWS: Final = 100
PERIODS: Final = {"24": "Last 24 hours", "168": "Last 7 days", "2160": "Last 90 days"}
RuleIds = dict[str, Any]


@admin.register(RateLimitRule)
class RateLimitRuleAdmin(RulePages):
    def get_urls(self) -> list[Any]:
        name = "ratelimits_ratelimitrule"
        return [
            path("now/", self.admin_site.admin_view(self.now_view), name=f"{name}_now"),
            path("refused/", self.admin_site.admin_view(self.refused_view), name=f"{name}_refused"),
            *super().get_urls(),
        ]

    def now_view(self, request: HttpRequest) -> HttpResponse:
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        now, clinics = timezone.now(), self.clinics()
        buckets = [_bucket(one, now, clinics) for one in queries.buckets_now(now)]
        page = {
            "title": "Limited now",
            "tab": "now",
            "limited": [one for one in buckets if one["is_limited"]],
            "busy": [one for one in buckets if not one["is_limited"]],
            "is_cut": len(buckets) == queries.MOST_BUCKETS,
            "asked_at": now,
            "seen_at": max((one["seen_at"] for one in buckets), default=None),
        }
        return self.render(request, "now", page)

    def refused_view(self, request: HttpRequest) -> HttpResponse:
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        now, clinics = timezone.now(), self.clinics()
        hours = request.GET.get("hours", "24")
        hours = hours if hours in PERIODS else "24"
        rule_ids = dict(RateLimitRule.objects.values_list("name", "id"))
        rule = request.GET.get("rule", "")
        rule = rule if rule in rule_ids else ""
        since = now - dt.timedelta(hours=int(hours))
        found = queries.met(since=since, rule_name=rule, most=MOST_ROWS + 1)
        page = {
            "title": "Refused",
            "tab": "refused",
            "rows": [_violation(one, rule_ids, clinics) for one in found[:MOST_ROWS]],
            "is_cut": len(found) > MOST_ROWS,
            "most": MOST_ROWS,
            "rule": rule,
            "rules": sorted(rule_ids),
            "hours": hours,
            "periods": PERIODS.items(),
        }
        return self.render(request, "refused", page)


def _bucket(one: queries.Bucket, now: dt.datetime, clinics: Names) -> dict[str, Any]:
    until = one.limited_until
    is_limited = until is not None and until > now - queries.LATELY
    return {
        "rule": one.rule_name,
        "page": reverse("admin:ratelimits_ratelimitrule_change", args=[one.rule_id]),
        "who": _who(one, clinics),
        "is_limited": is_limited,
        "is_shadow": one.mode == Mode.SHADOW,
        "used": round(100 * (1 - max(0, one.remaining) / one.capacity)),
        "remaining": max(0, one.remaining),
        "capacity": one.capacity,
        "since": one.limited_since,
        "ends_in": words.between_times(now, until) if until and until > now else "",
        "seen": words.between_times(one.seen_at, now),
        "seen_at": one.seen_at,
        "refusals": one.refusals or 0,
    }


def _violation(one: queries.Met, rule_ids: RuleIds, clinics: Names) -> dict[str, Any]:
    rule_id = rule_ids.get(one.rule_name)
    return {
        "rule": one.rule_name,
        "page": reverse("admin:ratelimits_ratelimitrule_change", args=[rule_id]) if rule_id else "",
        "who": _who(one, clinics),
        "is_shadow": one.mode == Mode.SHADOW,
        "count": one.violation_count,
        "first_at": one.first_at,
        "last_at": one.last_at,
        "samples": [one | {"at": parse_datetime(one["at"])} for one in reversed(one.samples or [])],
    }


def _who(one: queries.Bucket | queries.Met, clinics: Names) -> Who:
    scope = Scope(one.scope)
    subject = {
        Scope.USER: one.user_id,
        Scope.TENANT: one.tenant_id,
        Scope.TENANT_ENDPOINT: f"{one.tenant_id} {one.route}" if one.tenant_id else None,
        Scope.API_KEY: one.api_key_id,
        Scope.ENDPOINT: one.route,
    }.get(scope, one.network)
    return who_of(str(subject), scope, clinics) if subject else Who("callers not told apart")
