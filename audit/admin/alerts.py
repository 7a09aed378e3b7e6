"""The queue of alerts: what waits for somebody first, and what was done about each."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode

from audit import mailing, queries, services
from audit.admin.pages import ChoiceFilter, show, span
from audit.admin.words import Names, about
from audit.models import AuditAlert
from audit.services.alerts import LONGEST_NOTE
from audit.types import HOUSE, AlertStatus, Counts, GroupBy, Severity
from core.admin import ReadOnlyAdmin, actor, pill, when
from core.errors import DomainError

STATES: Final[Mapping[str, tuple[str, str]]] = {
    AlertStatus.OPEN: ("entered-in-error", "Open"),
    AlertStatus.ACKNOWLEDGED: ("waiting", "Acknowledged"),
    AlertStatus.RESOLVED: ("final", "Resolved"),
}
SEVERITIES: Final[Mapping[str, str]] = {
    Severity.CRITICAL: "entered-in-error",
    Severity.WARNING: "waiting",
    Severity.INFO: "replaced",
}
LISTED: Final = "admin:audit_auditalert_changelist"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something to do about alerts."""

    button: str
    promise: str
    help: str
    done: str
    service: Callable[..., list[AuditAlert]]


DEEDS: Final[Mapping[str, Deed]] = {
    "acknowledge": Deed(
        "Acknowledge",
        "Colleagues see that you look into it. It stays in the list, and grows while it goes on.",
        "For example: I ask her what it was for. Your colleagues see it, with your name.",
        "acknowledged",
        services.acknowledge,
    ),
    "resolve": Deed(
        "Resolve",
        "It leaves the open ones for good. For the time that its rule calls cool-down, the same"
        " makes no new alert; after that it does.",
        "What it was, and what was done. Your colleagues see it, with your name. It cannot be"
        " changed later.",
        "resolved",
        services.resolve,
    ),
}


class NoteForm(forms.Form):
    note = forms.CharField(
        label="Note",
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
    )

    def __init__(self, deed: Deed, data: Any = None) -> None:
        super().__init__(data)
        self.fields["note"].help_text = deed.help


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    words: Mapping[str, str] = {state: words for state, (_, words) in STATES.items()}

    def condition(self, value: str) -> Q:
        return Q(status=value)


class SeverityFilter(ChoiceFilter):
    title = "how grave"
    parameter_name = "severity"
    words: Mapping[str, str] = dict(Severity.choices)

    def condition(self, value: str) -> Q:
        return Q(severity=value)


@admin.register(AuditAlert)
class AlertAdmin(ReadOnlyAdmin[AuditAlert]):
    purpose = "What looks wrong in the audit log. Open until somebody says what it was."
    list_display = ("rule", "state", "gravity", "clinic", "counted", "age")
    list_display_links = None
    list_filter = (StateFilter, SeverityFilter)
    sortable_by = ()
    actions = ("acknowledge", "resolve")

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.decide)
        return [
            path("decide/<str:name>/", page, name="audit_auditalert_decide"),
            *super().get_urls(),
        ]

    def get_ordering(self, request: HttpRequest) -> Any:
        place = [When(status=state, then=Value(number)) for number, state in enumerate(STATES)]
        return (Case(*place, output_field=IntegerField()), "-last_at", "-id")

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return shown if actor(request).is_superuser else [n for n in shown if n != "clinic"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        response: Any = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            rows = list(shown["cl"].result_list)
            self._name(rows)
            shown["cl"].result_list = rows
        return response

    @staticmethod
    def _name(rows: list[Any]) -> None:
        names = Names(further=[row.group_key for row in rows])
        clinics = queries.clinics()
        for row in rows:
            row.names, row.clinics = names, clinics

    def heading(self, row: AuditAlert) -> str:
        return row.rule_name

    @admin.display(description="alert")
    def rule(self, alert: Any) -> str:
        page = reverse("admin:audit_auditalert_change", args=[alert.pk])
        return format_html(
            '<a href="{}">{}</a><span class="about-it">{}</span>',
            *(page, alert.rule_name, self.whom(alert)),
        )

    @admin.display(description="state")
    def state(self, alert: AuditAlert) -> str:
        return pill(*STATES[alert.status])

    @admin.display(description="how grave")
    def gravity(self, alert: AuditAlert) -> str:
        return pill(SEVERITIES[alert.severity], Severity(alert.severity).label)

    @staticmethod
    def whom(alert: Any) -> str:
        return about(alert, alert.names, alert.clinics)

    @admin.display(description="clinic")
    def clinic(self, alert: Any) -> str:
        return str(alert.clinics.get(alert.tenant_id, "a clinic that is gone"))

    @admin.display(description="entries")
    def counted(self, alert: AuditAlert) -> str:
        return format_html('<a href="{}">{}</a>', entries_address(alert), f"{alert.entry_count:,}")

    @admin.display(description="since")
    def age(self, alert: AuditAlert) -> str:
        return f"{span(timezone.now() - alert.first_at)} ago"

    # What is done about them

    @admin.action(description="Acknowledge")
    def acknowledge(self, request: HttpRequest, alerts: QuerySet[AuditAlert]) -> HttpResponse:
        return self._ask("acknowledge", alerts)

    @admin.action(description="Resolve")
    def resolve(self, request: HttpRequest, alerts: QuerySet[AuditAlert]) -> HttpResponse:
        return self._ask("resolve", alerts)

    @staticmethod
    def _ask(name: str, alerts: QuerySet[AuditAlert]) -> HttpResponse:
        """A note belongs to it, so that a page asks for it first."""
        ids = [("alert", str(each)) for each in alerts.values_list("id", flat=True)]
        page = reverse("admin:audit_auditalert_decide", args=[name])
        return HttpResponseRedirect(f"{page}?{urlencode(ids)}")

    def decide(self, request: HttpRequest, name: str) -> HttpResponse:
        """Ask for a note about one or many alerts, and then do it."""
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        if name not in DEEDS:
            raise Http404("There is no such button.")
        sent = request.POST if request.method == "POST" else request.GET
        ids = [found for text in sent.getlist("alert") if (found := queries.as_uuid(text))]
        chosen = list(self.get_queryset(request).filter(id__in=ids).order_by("-last_at"))
        if not chosen:
            self.message_user(request, "Choose alerts first.", messages.WARNING)
            return HttpResponseRedirect(reverse(LISTED))
        deed = DEEDS[name]
        form = NoteForm(deed, request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                self._do(request, deed, [alert.pk for alert in chosen], form.cleaned_data["note"])
            except DomainError as error:
                form.add_error(None, error.detail)
            else:
                return HttpResponseRedirect(reverse(LISTED))
        self._name(chosen)
        count = "an alert" if len(chosen) == 1 else f"{len(chosen)} alerts"
        rows = [(alert, self.whom(alert), self.state(alert)) for alert in chosen]
        title = f"{deed.button} {count}"
        return show(self, request, "decide", title=title, form=form, deed=deed, rows=rows)

    def _do(self, request: HttpRequest, deed: Deed, ids: list[uuid.UUID], note: str) -> None:
        taken = deed.service(alerts=ids, by=actor(request).pk, note=note, now=timezone.now())
        for alert in taken:
            self.log_change(request, alert, f"{deed.done.capitalize()}.")
        if taken:
            count = "The alert is" if len(taken) == 1 else f"{len(taken)} alerts are"
            self.message_user(request, f"{count} {deed.done}.", messages.SUCCESS)
        if missed := len(ids) - len(taken):
            what = "One alert" if missed == 1 else f"{missed} alerts"
            said = f"{what} had gone further already: a colleague was faster."
            self.message_user(request, said, messages.WARNING)

    # The page of one

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        alert: Any = kwargs["obj"]
        self._name([alert])
        by = Names(further=[str(alert.acknowledged_by), str(alert.resolved_by)])
        rule = queries.find_rule(alert.rule_id)
        deeds = deeds_for(alert, actor(request).pk)
        context |= {
            "alert": alert,
            "state": self.state(alert),
            "gravity": self.gravity(alert),
            "whom": self.whom(alert),
            "clinic": self.clinic(alert),
            "since": self.age(alert),
            "rule": rule,
            "rule_in_words": rule_in_words(rule) if rule else "",
            "entries_address": entries_address(alert),
            "story": story(alert, by, mail_state(alert, timezone.now())),
            "decide": {name: decide_address(name, alert) for name in deeds},
            "is_own": not deeds and alert.status != AlertStatus.RESOLVED,
            "is_house": alert.tenant_id == HOUSE,
        }
        return super().render_change_form(request, context, *args, **kwargs)


def deeds_for(alert: AuditAlert, reader: uuid.UUID) -> list[str]:
    if alert.status == AlertStatus.RESOLVED or not services.may_decide(alert, reader):
        return []
    return ["acknowledge", "resolve"] if alert.status == AlertStatus.OPEN else ["resolve"]


def decide_address(name: str, alert: AuditAlert) -> str:
    return f"{reverse('admin:audit_auditalert_decide', args=[name])}?alert={alert.pk}"


def entries_address(alert: AuditAlert) -> str:
    return f"{reverse('admin:audit_auditlog_changelist')}?alert={alert.pk}"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that became of an alert."""

    title: str
    at: Any
    by: str = ""
    note: str = ""


def story(alert: AuditAlert, by: Names, mail: str) -> list[Step]:
    """Tell what became of an alert, the newest first."""
    steps = [Step("Opened", alert.created_at, note=mail)]
    if alert.acknowledged_at:
        who = by.person(alert.acknowledged_by)
        steps.append(Step("Acknowledged", alert.acknowledged_at, who, alert.acknowledged_note))
    if alert.resolved_at:
        who = by.person(alert.resolved_by)
        steps.append(Step("Resolved", alert.resolved_at, who, alert.resolved_note))
    return sorted(steps, key=lambda step: step.at, reverse=True)


def mail_state(alert: AuditAlert, now: Any) -> str:
    """Say what is known about the mail of an alert."""
    if alert.notified_at:
        return f"Mail was sent at {when(alert.notified_at)}."
    if alert.mail_due_at:
        again = f" {alert.mail_error} It is tried again." if alert.mail_error else ""
        return f"Mail waits to be sent.{again}"
    if alert.mail_error:
        return f"Mail was not sent, and is not tried again. {alert.mail_error}"
    if alert.mail_claimed_at:
        lost = now - alert.mail_claimed_at > mailing.WAITS[0]
        return mailing.UNCLEAR if lost else "Mail is being sent."
    if not settings.SENDS_MAIL:
        return "No mail: this installation sends none (EMAIL_URL is not set)."
    return "No mail: its rule names nobody."


def rule_in_words(rule: Any) -> str:
    """Say when a rule makes an alert, in one sentence."""
    limit = f"{rule.threshold:,} or more {rule.get_counts_display()}"
    if rule.counts == Counts.ENTRIES and rule.threshold == 1:
        limit = "Each entry; more of them"
    together = rule.get_group_by_display()
    how = together if rule.group_by == GroupBy.EVERYTHING else f"with {together}"
    return f"{limit} within {rule.window_minutes:,} minutes {how} are one alert."
