"""The list of all flags: what is on for whom, who looks after it, and the switch of each."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timesince import timesince

from core.admin import ConsoleAdmin, ForSuperusers, pill, when
from flags import queries
from flags.admin import plans, words
from flags.models import FeatureFlag, FeatureFlagCount, FeatureFlagRamp

A_MINUTE: Final = dt.timedelta(minutes=1)
HAS_LISTS: Final = ~Q(enabled_user_ids=[], enabled_user_emails=[], enabled_tenant_ids=[])
IS_LIMITED: Final = ~Q(
    conditions=[],
    prerequisites=[],
    environment_restrictions=[],
    disabled_user_ids=[],
    disabled_user_emails=[],
    disabled_tenant_ids=[],
)
IS_WHOLE: Final = Q(rollout_percentage=words.WHOLE) & ~IS_LIMITED
# As words.state_of says it of a definition.
STATES: Final[Mapping[str, tuple[str, Q]]] = {
    "on": ("On", Q(is_enabled=True) & IS_WHOLE),
    "partly": (
        "Partly",
        Q(is_enabled=True) & ~IS_WHOLE & (Q(rollout_percentage__gt=0) | HAS_LISTS),
    ),
    "nobody": ("On for nobody", Q(is_enabled=True, rollout_percentage=0) & ~HAS_LISTS),
    "off": ("Off", Q(is_enabled=False)),
}


STALE: Final = "stale"


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [*((value, name) for value, (name, _) in STATES.items()), (STALE, "Stale")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[FeatureFlag]
    ) -> QuerySet[FeatureFlag]:
        chosen = self.value() or ""
        if chosen == STALE:
            return queryset.filter(flag_name__in=queries.stale_reasons(timezone.now()))
        return queryset.filter(STATES[chosen][1]) if chosen in STATES else queryset


class FlagList(ForSuperusers, ConsoleAdmin[FeatureFlag]):
    purpose = "Who has which feature: switches, shares of people, and why somebody has one."
    list_display = ("flag", "state", "rollout", "owned_by", "changed", "evaluated", "switch")
    list_display_links = None
    list_filter = (StateFilter,)
    search_fields = ("flag_name", "description", "owner")
    search_help_text = "Name, description or owner."
    ordering = ("flag_name",)
    sortable_by = ("flag", "rollout", "owned_by", "changed")
    actions = ()

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Mark the flags of this page that have served their purpose."""
        shown: Any = super().get_changelist_instance(request)
        reasons = queries.stale_reasons(timezone.now())
        for flag in shown.result_list:
            flag.stale_reason = reasons.get(flag.flag_name, "")
        return shown

    def get_queryset(self, request: HttpRequest) -> QuerySet[FeatureFlag]:
        own = FeatureFlagCount.objects.filter(flag_name=OuterRef("flag_name"))
        newest = own.order_by("-hour", "-last_evaluated_at").values("last_evaluated_at")[:1]
        ramps = FeatureFlagRamp.objects.filter(
            flag_name=OuterRef("flag_name"), state__in=FeatureFlagRamp.OPEN
        )
        rows = super().get_queryset(request)
        return rows.annotate(
            evaluated_at=Subquery(newest), ramp_state=Subquery(ramps.values("state")[:1])
        )

    @admin.display(description="flag", ordering="flag_name")
    def flag(self, flag: Any) -> str:
        page = reverse("admin:flags_featureflag_change", args=[flag.pk])
        # A long name breaks where its words end.
        name = format_html_join(
            mark_safe("_<wbr>"), "{}", ((word,) for word in flag.flag_name.split("_"))
        )
        found = format_html(
            '<a class="flag-name" href="{}">{}</a><span class="flag-about">{}</span>',
            page,
            name,
            flag.description,
        )
        if flag.stale_reason:
            stale = pill("replaced", "Stale")
            found = format_html(
                '{}<span class="flag-about">{} {}</span>', found, stale, flag.stale_reason
            )
        return found

    @admin.display(description="state")
    def state(self, flag: Any) -> str:
        found = pill(*words.state_of(flag.definition))
        if flag.ramp_state:
            kind, _ = plans.STATES[FeatureFlagRamp.State(flag.ramp_state)]
            found = format_html("{} {}", found, pill(kind, f"Ramp {flag.ramp_state}"))
        return found

    @admin.display(description="share of people", ordering="rollout_percentage")
    def rollout(self, flag: FeatureFlag) -> str:
        share = float(flag.rollout_percentage)
        return format_html(
            '<span class="rollout{}"><progress max="100" value="{}" aria-hidden="true"></progress>'
            "<span>{}</span></span>",
            "" if flag.is_enabled else " is-off",
            share,
            words.percent(share),
        )

    @admin.display(description="owner", ordering="owner", empty_value="-")
    def owned_by(self, flag: FeatureFlag) -> str | None:
        return flag.owner or None

    @admin.display(description="last change", ordering="updated_at")
    def changed(self, flag: FeatureFlag) -> str:
        return format_html(
            '{} <span class="flag-about" title="{}">by {}</span>',
            when(flag.updated_at),
            flag.updated_by,
            flag.updated_by,
        )

    @admin.display(description="last asked for")
    def evaluated(self, flag: Any) -> str:
        if flag.evaluated_at is None:
            return "never"
        now = timezone.now()
        is_now = now - flag.evaluated_at < A_MINUTE
        ago = "just now" if is_now else f"{timesince(flag.evaluated_at, now, depth=1)} ago"
        return format_html('<span title="{}">{}</span>', when(flag.evaluated_at), ago)

    @admin.display(description="switch")
    def switch(self, flag: FeatureFlag) -> str:
        page = reverse("admin:flags_featureflag_switch", args=[flag.pk])
        if flag.is_enabled:
            return format_html('<a class="button kill" href="{}">Switch off …</a>', page)
        return format_html('<a class="button" href="{}">Switch on …</a>', page)
