"""The console's pages about ramps: plan one, watch it, pause it, go on, end it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from core.admin import ForSuperusers, ReadOnlyAdmin, Record, actor, capital, pill, when
from core.errors import DomainError, InvalidInput
from flags import health_gate
from flags.admin import words
from flags.health_gate import LATELY_MINUTES, Guard
from flags.models import FeatureFlag, FeatureFlagChangeRequest, FeatureFlagRamp
from flags.services import ramping
from flags.services.changing import Actor
from flags.services.ramping import RampStep
from flags.types import Definition

State = FeatureFlagRamp.State
STATES: Final = {
    State.PLANNED: ("corrected", "Planned"),
    State.RUNNING: ("final", "Running"),
    State.PAUSED: ("entered-in-error", "Paused"),
    State.COMPLETED: ("replaced", "Completed"),
    State.CANCELLED: ("replaced", "Cancelled"),
}
ROWS: Final = 8
# A plan may be looked at for a while before it is made.
LATE: Final = dt.timedelta(minutes=15)
# What a plan begins as; who plans changes it.
PROPOSED: Final = ((5, 1, "60"), (25, 1, "1440"), (50, 1, "1440"), (100, 1, "60"))


class SuperuserPages(ForSuperusers, ReadOnlyAdmin[Record]):
    """Flags are of all clinics at once, so staff of one clinic see nothing of them."""

    def row_of(self, request: HttpRequest, row_id: str) -> Record:
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        row = self.get_object(request, unquote(row_id))
        if row is None:
            raise Http404("There is no such page.")
        return row

    def render(self, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **page}
        return TemplateResponse(request, f"admin/flags/plans/{name}.html", context)

    @staticmethod
    def who(request: HttpRequest) -> Actor:
        return Actor(actor(request).email)


# The form of a plan


class StepForm(forms.Form):
    percentage = forms.FloatField(required=False, min_value=0, max_value=100, label="Percentage")
    amount = forms.FloatField(required=False, min_value=0, label="Held for")
    unit = forms.ChoiceField(
        choices=[("1", "minutes"), ("60", "hours"), ("1440", "days")],
        required=False,
        label="Unit",
        initial="60",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("amount") and cleaned.get("percentage") is None and not self.errors:
            self.add_error("percentage", "Which percentage?")
        return cleaned

    @property
    def step(self) -> RampStep | None:
        if self.cleaned_data.get("percentage") is None:
            return None
        minutes = (self.cleaned_data["amount"] or 0) * int(self.cleaned_data["unit"] or 1)
        return RampStep(self.cleaned_data["percentage"], minutes)


Steps = forms.formset_factory(StepForm, extra=0, min_num=ROWS, max_num=ROWS, absolute_max=ROWS)


class PlanForm(forms.Form):
    variant = forms.ChoiceField(label="Variant")
    starts_at = forms.DateTimeField(
        required=False,
        label="Begins at",
        help_text="UTC. Left empty: at once.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    is_guarded = forms.BooleanField(
        required=False, initial=True, label="Pause when it goes badly for those who have it"
    )
    max_error_points = forms.FloatField(
        initial=1,
        min_value=0,
        max_value=100,
        label="More of 100 requests fail with it",
        help_text="1: pauses when 1.2 of 100 fail with it, and 0.1 of 100 without.",
    )
    max_latency_ratio = forms.FloatField(
        initial=1.5,
        min_value=1,
        max_value=100,
        label="Requests take so many times as long",
        help_text="The slowest 5 of 100 are left out, and less than 50 ms never counts.",
    )
    min_requests = forms.IntegerField(
        initial=50,
        min_value=1,
        max_value=1_000_000,
        label="Requests needed to tell",
        help_text="With it, and as many without. Fewer say nothing.",
    )
    reason = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Reason",
        help_text="Stands in the history with every step.",
    )

    def clean_starts_at(self) -> dt.datetime | None:
        at: dt.datetime | None = self.cleaned_data["starts_at"]
        if at is not None and at < timezone.now() - LATE:
            raise forms.ValidationError("This time is over. Leave it empty to begin at once.")
        return at

    def __init__(self, told: Any, definition: Definition) -> None:
        super().__init__(told)
        names = [one.name for one in definition.variants]
        if definition.value_type == "boolean":
            names = [one.name for one in definition.variants if one.value is True] or names
        self.fields["variant"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.fields["variant"].initial = names[0]
        if len(names) == 1:
            self.fields["variant"].widget = forms.HiddenInput()
        now = {one.name: one.percentage for one in definition.variants}
        begin = now.get(names[0], 0.0)
        proposed = [
            {"percentage": share, "amount": amount, "unit": unit}
            for share, amount, unit in PROPOSED
            if share > begin
        ]
        self.steps: Any = Steps(told, initial=proposed, prefix="steps")

    def is_valid(self) -> bool:
        # Both, so that the faults of both are shown.
        return all([super().is_valid(), self.steps.is_valid()])

    def filled(self) -> list[StepForm]:
        return [one for one in self.steps if one.step is not None]

    def told(self) -> dict[str, Any]:
        """Give the plan as the service takes it."""
        cleaned = self.cleaned_data
        names = ("max_error_points", "max_latency_ratio", "min_requests")
        guard = Guard(**{name: cleaned[name] for name in names})
        return {
            "variant": cleaned["variant"],
            "steps": [one.step for one in self.filled()],
            "starts_at": cleaned["starts_at"],
            "guard": guard if cleaned["is_guarded"] else None,
            "reason": cleaned["reason"],
        }

    def add_faults(self, error: DomainError) -> None:
        """Put the faults of the service beside what they are about."""
        for one in error.errors:
            parts = (one.pointer or "").strip("/").split("/")
            detail = words.say_fault(one)
            if parts[0] == "steps" and len(parts) > 1:
                field = "percentage" if parts[-1] == "percentage" else "amount"
                self.filled()[int(parts[1])].add_error(field, detail)
            else:
                self.add_error(parts[0] if parts[0] in self.fields else None, detail)
        if not error.errors:
            self.add_error(None, error.detail)


# The pages


@admin.register(FeatureFlagRamp)
class RampAdmin(SuperuserPages[FeatureFlagRamp]):
    purpose = "Plans that bring a feature to more people step by step, and pause when it fails."
    list_display = ("flag", "way", "stands", "progress", "planned")
    list_display_links = ("flag",)
    list_filter = ("state",)
    search_fields = ("flag_name", "reason", "created_by")
    search_help_text = "Flag, reason, or who planned it."
    ordering = ("-created_at",)
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_within_reach(request, None)

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.act)
        return [
            path("<ramp_id>/act/", page, name="flags_featureflagramp_act"),
            *super().get_urls(),
        ]

    @admin.display(description="flag")
    def flag(self, ramp: FeatureFlagRamp) -> str:
        return ramp.flag_name

    @admin.display(description="way")
    def way(self, ramp: FeatureFlagRamp) -> str:
        steps = ramping.steps_of(ramp)
        # Without a blank that may break: a percentage stays whole.
        return " → ".join(f"{step.percentage:g}\N{NO-BREAK SPACE}%" for step in steps)

    @admin.display(description="state")
    def stands(self, ramp: FeatureFlagRamp) -> str:
        return state_pill(ramp)

    @admin.display(description="where it is")
    def progress(self, ramp: FeatureFlagRamp) -> str:
        return progress(ramp)

    @admin.display(description="planned")
    def planned(self, ramp: FeatureFlagRamp) -> str:
        return format_html(
            '{}<span class="flag-about">{}</span>', when(ramp.created_at), ramp.created_by
        )

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Take a plan, show it in words, and make a ramp of it."""
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        key = request.GET.get("flag", "")
        flag = FeatureFlag.objects.filter(flag_name=key).first()
        if flag is None:
            choice = {"title": "Plan a ramp", "keys": _may_be_ramped(), "unknown": key}
            return self.render(request, "choose", choice)
        form = PlanForm(request.POST if request.method == "POST" else None, flag.definition)
        page: dict[str, Any] = {"title": f"Plan a ramp of {flag}", "flag": flag, "form": form}
        if request.method == "POST" and form.is_valid():
            ramp = self._plan(request, flag, form, is_tried="_look" in request.POST)
            if ramp is not None and "_look" not in request.POST:
                return HttpResponseRedirect(page_of(ramp))
            page["plan"] = shown(ramp) if ramp else None
        return self.render(request, "plan", page)

    def _plan(
        self, request: HttpRequest, flag: FeatureFlag, form: PlanForm, *, is_tried: bool
    ) -> FeatureFlagRamp | None:
        """Make the ramp; one that is only tried is taken back, and leaves what it would be."""
        try:
            with transaction.atomic():
                ramp = ramping.plan_ramp(
                    key=flag.flag_name, actor=self.who(request), now=timezone.now(), **form.told()
                )
                transaction.set_rollback(is_tried)
        except DomainError as error:
            form.add_faults(error)
            return None
        if not is_tried:
            self.log_addition(request, ramp, [{"added": {}}])
            waits = ramp.needs_approval
            said = "waits for a second person" if waits else "is planned"
            self.message_user(request, f"The ramp of {flag} {said}.", messages.SUCCESS)
        return ramp

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        ramp = self.row_of(request, object_id)
        flag = FeatureFlag.objects.filter(flag_name=ramp.flag_name).first()
        page = {
            "title": f"Ramp of {ramp.flag_name}",
            "ramp": ramp,
            "plan": shown(ramp),
            "flag": flag,
            "before_it_goes_on": before_it_goes_on(ramp, flag),
            "may_approve": ramp.created_by.lower() != self.who(request).label.lower(),
        }
        return self.render(request, "ramp", page)

    def act(self, request: HttpRequest, ramp_id: str) -> HttpResponse:
        """Do what one of the buttons says."""
        ramp = self.row_of(request, ramp_id)
        if request.method != "POST":
            return HttpResponseRedirect(page_of(ramp))
        told: dict[str, Any] = {
            "ramp_id": ramp.pk,
            "actor": self.who(request),
            "now": timezone.now(),
        }
        reason = request.POST.get("reason", "")[:1000]
        try:
            said = self._act(request.POST.get("do", ""), told, reason)
        except DomainError as error:
            said = capital(error.detail.removeprefix("reason: "))
            self.message_user(request, said, messages.ERROR)
        else:
            self.log_change(request, ramp, said)
            self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(page_of(ramp))

    @staticmethod
    def _act(do: str, told: dict[str, Any], reason: str) -> str:
        if do == "approve":
            ramping.approve_ramp(reason=reason, **told)
            return "The plan is approved."
        if do == "pause":
            ramping.pause_ramp(reason=reason, **told)
            return "The ramp is paused. The flag stays as it is."
        if do == "resume":
            ramping.resume_ramp(reason=reason, **told)
            return "The ramp goes on."
        if do == "cancel":
            ramping.cancel_ramp(reason=reason, **told)
            return "The ramp is cancelled. The flag stays as it is."
        raise InvalidInput("Use one of the buttons.")


def _may_be_ramped() -> QuerySet[FeatureFlag, str]:
    ramped = FeatureFlagRamp.objects.filter(state__in=FeatureFlagRamp.OPEN).values("flag_name")
    free = FeatureFlag.objects.filter(is_enabled=True).exclude(flag_name__in=ramped)
    return free.order_by("flag_name").values_list("flag_name", flat=True)


def page_of(ramp: FeatureFlagRamp) -> str:
    return reverse("admin:flags_featureflagramp_change", args=[ramp.pk])


# A ramp in words and pictures


def state_pill(ramp: FeatureFlagRamp) -> str:
    if waits(ramp):
        return pill("waiting", "Waits for approval")
    return pill(*STATES[State(ramp.state)])


def waits(ramp: FeatureFlagRamp) -> bool:
    return ramp.state == State.PLANNED and ramp.needs_approval and not ramp.approved_by


def progress(ramp: FeatureFlagRamp) -> str:
    """Say where a ramp is and what comes next."""
    steps = ramping.steps_of(ramp)
    if waits(ramp):
        return "A second person must agree to the plan."
    if ramp.state == State.PLANNED:
        return f"Begins on {when(ramp.starts_at)} UTC with {steps[0].percentage:g} %."
    if ramp.position < 0:
        return "It has not begun."
    at = f"Step {ramp.position + 1} of {len(steps)}, {steps[ramp.position].percentage:g} %"
    ends_at = ramping.step_ends_at(ramp)
    if ramp.state != State.RUNNING or ends_at is None:
        return f"{at}."
    if ramp.position + 1 == len(steps):
        return f"{at}, watched until {when(ends_at)} UTC."
    return f"{at}. {steps[ramp.position + 1].percentage:g} % on {when(ends_at)} UTC."


def before_it_goes_on(ramp: FeatureFlagRamp, flag: FeatureFlag | None) -> str:
    """Say of a paused ramp what to know before it goes on; nothing if that moves nobody."""
    if ramp.state != State.PAUSED:
        return ""
    if flag is None:
        return "The flag is gone, so the ramp can only be cancelled."
    if not flag.is_enabled:
        return "The flag is switched off. Switch it on before the ramp goes on."
    found = flag.definition.variant(ramp.variant)
    now = found.percentage if found else 0.0
    step = ramping.steps_of(ramp)[max(ramp.position, 0)].percentage
    if ramp.position < 0 or round(now, 3) == round(step, 3):
        return ""
    return (
        f"The flag stands at {words.percent(now)} now. To go on with this step sets it to"
        f" {words.percent(step)} again, and {words.percent(abs(now - step))} of the people"
        f" {'lose' if now > step else 'gain'} it."
    )


def shown(ramp: FeatureFlagRamp) -> dict[str, Any]:
    steps = ramping.steps_of(ramp)
    return {
        "state": state_pill(ramp),
        "progress": progress(ramp),
        "words": in_words(steps),
        "bars": bars(ramp, steps),
        "guard": guard_in_words(ramp),
        "health": health_in_words(ramp),
        "waits": waits(ramp),
        "is_open": ramp.state in FeatureFlagRamp.OPEN,
        "log": [
            {"at": dt.datetime.fromisoformat(one["at"]), "by": one["by"], "text": one["text"]}
            for one in reversed(ramp.log)
        ],
    }


def in_words(steps: Sequence[RampStep]) -> str:
    first, *rest = steps
    said = [f"{first}", *(f"then {step}" for step in rest)]
    return f"{'; '.join(said)}."


def bars(ramp: FeatureFlagRamp, steps: Sequence[RampStep]) -> list[dict[str, Any]]:
    """Give a bar for each step, at least as high as can be seen."""
    return [
        {
            "share": f"{step.percentage:g} %",
            "held": ramping.duration(step.soak_minutes) if step.soak_minutes else "",
            "is_last": at + 1 == len(steps),
            "height": max(step.percentage, 1),
            "top": 100 - max(step.percentage, 1),
            "mark": "now" if at == ramp.position else "done" if at < ramp.position else "next",
        }
        for at, step in enumerate(steps)
    ]


def guard_in_words(ramp: FeatureFlagRamp) -> str:
    if not ramp.is_guarded:
        return "Nothing watches this ramp."
    return (
        f"It pauses when more requests fail with the feature than without it, by over"
        f" {ramp.max_error_points:g} of 100, or when they take over {ramp.max_latency_ratio:g}"
        f" times as long, since the step began or in the last {LATELY_MINUTES} minutes."
        f" {ramp.min_requests:,} requests are needed to tell, with it and without."
    )


def health_in_words(ramp: FeatureFlagRamp) -> str:
    """Say what came of requests since the step in force began."""
    found = ramping.compared(ramp) if ramp.is_guarded else None
    if found is None:
        return ""
    own, others = found.own, found.others
    said = (
        f"Since this step began: {own.requests:,} requests with the feature,"
        f" {own.error_points:.1f} % failed; {others.requests:,} without,"
        f" {others.error_points:.1f} % failed."
    )
    if health_gate.is_too_little(ramping.guard_of(ramp), found):
        return f"{said} These are too few to tell."
    return said


def about(flag: FeatureFlag) -> dict[str, Any]:
    """Give what a flag's own page shows of plans for it."""
    ramp = FeatureFlagRamp.objects.filter(
        flag_name=flag.flag_name, state__in=FeatureFlagRamp.OPEN
    ).first()
    # One that was asked for before the flag was changed can only be rejected.
    request = FeatureFlagChangeRequest.objects.filter(
        flag_name=flag.flag_name, state="open", base_version=flag.version
    ).first()
    return {
        "ramp": ramp,
        "ramp_plan": shown(ramp) if ramp else None,
        "change_request": request,
    }
