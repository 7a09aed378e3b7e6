"""The console's pages about insights: what they say, what people said of them, and the queue of
safety alerts, where staff acknowledge what they have seen to."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join

from accounts.models import User
from core.admin import CheapPaginator, actor, facts, label, pill, when
from core.errors import DomainError
from health.admin import PERIODS, DayFilter, PersonFilter, RecordAdmin, as_uuid
from health.models import HealthEvent
from health.types import MOOD_SCORES
from insights import queries, services
from insights.generators.findings import KINDS
from insights.generators.reading import HIGH, LOW
from insights.models import Insight, InsightAcknowledgement, InsightInteraction, SafetyAlert

TRIGGERS: Final[Mapping[str, str]] = {
    Insight.Trigger.EVENT_BASED: "a new report",
    Insight.Trigger.SCHEDULED: "a new day",
    Insight.Trigger.MANUAL: "the app asked",
    Insight.Trigger.MIGRATION: "brought over",
}
RANKS: Final = {"urgent": (8, 10), "middle": (5, 7), "low": (1, 4)}
FEEDBACK: Final = "feedback"
ACTIONS: Final = {
    FEEDBACK: "said whether it helped",
    "viewed": "viewed",
    "dismissed": "dismissed",
    "acted_on": "acted on",
    "shared": "shared",
}
MOODS: Final = {
    "hard": [mood for mood, score in MOOD_SCORES.items() if score <= LOW],
    "in between": [mood for mood, score in MOOD_SCORES.items() if LOW < score < HIGH],
    "good": [mood for mood, score in MOOD_SCORES.items() if score >= HIGH],
}
CONFIDENCE: Final = {"low": (1, LOW), "middle": (LOW + 1, HIGH - 1), "high": (HIGH, 10)}


class ChoiceFilter(admin.SimpleListFilter):
    """A filter of a few choices, each with its words."""

    words: Mapping[str, str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(value, label(words)) for value, words in self.words.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        return queryset.filter(self.condition(value)) if value in self.words else queryset

    def condition(self, value: str) -> Q:
        raise NotImplementedError


class KindFilter(ChoiceFilter):
    title = "kind of insight"
    parameter_name = "kind"
    template = "admin/insights/long_filter.html"
    words: Mapping[str, str] = {kind: kind for kind in sorted(KINDS)}

    def condition(self, value: str) -> Q:
        return Q(insight_type=value)


class CategoryFilter(ChoiceFilter):
    title = "category"
    parameter_name = "category"
    words: Mapping[str, str] = dict(Insight.Category.choices)

    def condition(self, value: str) -> Q:
        return Q(category=value)


class PriorityFilter(ChoiceFilter):
    title = "priority"
    parameter_name = "priority"
    words: Mapping[str, str] = {
        name: f"{name} ({low} to {high})" for name, (low, high) in RANKS.items()
    }

    def condition(self, value: str) -> Q:
        return Q(priority__range=RANKS[value])


class TriggerFilter(ChoiceFilter):
    title = "trigger"
    parameter_name = "trigger"
    words = TRIGGERS

    def condition(self, value: str) -> Q:
        return Q(trigger_type=value)


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    words: Mapping[str, str] = {"current": "current", "ended": "ended"}

    def condition(self, value: str) -> Q:
        still_counts = Q(expires_at__gt=timezone.now())
        return still_counts if value == "current" else ~still_counts


class WrittenFilter(DayFilter):
    title = "written"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in PERIODS:
            return queryset
        return queryset.filter(created_at__gte=first_moment(self.value()))


class SaidFilter(DayFilter):
    """Their keys begin with the time, and lists walk along the keys."""

    title = "day"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in PERIODS:
            return queryset
        milliseconds = int(first_moment(self.value()).timestamp() * 1000)
        return queryset.filter(id__gte=uuid.UUID(int=milliseconds << 80))


class InsightFilter(admin.SimpleListFilter):
    """Shown only when an insight has linked to what was said of it; needs the person beside it."""

    title = "insight"
    parameter_name = "insight"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(self.value() or "", "about one insight")] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        insight_id = as_uuid(self.value())
        # Together with the person there is an index for it.
        if insight_id is None or "person" not in request.GET:
            return queryset.none()
        return queryset.filter(insight_id=insight_id)


class ActionFilter(ChoiceFilter):
    title = "what they did"
    parameter_name = "action"
    words = ACTIONS

    def condition(self, value: str) -> Q:
        return Q(action=value)


class HelpfulFilter(ChoiceFilter):
    title = "whether it helped"
    parameter_name = "helpful"
    words: Mapping[str, str] = {"yes": "helpful", "no": "not helpful", "comment": "with a comment"}

    def condition(self, value: str) -> Q:
        return Q(comment__gt="") if value == "comment" else Q(is_helpful=value == "yes")


class MoodFilter(ChoiceFilter):
    title = "mood at the time"
    parameter_name = "mood"
    words: Mapping[str, str] = {mood: mood for mood in MOODS}

    def condition(self, value: str) -> Q:
        return Q(mood__iregex=rf"\m({'|'.join(MOODS[value])})\M")


class ConfidenceFilter(ChoiceFilter):
    title = "confidence at the time"
    parameter_name = "confidence"
    words: Mapping[str, str] = {
        name: f"{name} ({low} to {high})" for name, (low, high) in CONFIDENCE.items()
    }

    def condition(self, value: str) -> Q:
        return Q(confidence__range=CONFIDENCE[value])


class QueueFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    words: Mapping[str, str] = {"open": "open", "acknowledged": "acknowledged"}

    def condition(self, value: str) -> Q:
        return Q(is_acknowledged=value == "acknowledged")


@dataclass(frozen=True)
class Ground:
    """Something that an insight rests on, and the page that shows it."""

    words: str
    address: str | None


@admin.register(Insight)
class InsightAdmin(RecordAdmin):
    purpose = "What people's own data says to them: alerts, trends, achievements, a word a day."
    list_display = ("says", "person", "kind", "rank", "became", "state", "written")
    list_filter = (
        PersonFilter,
        KindFilter,
        CategoryFilter,
        PriorityFilter,
        TriggerFilter,
        StateFilter,
        WrittenFilter,
    )
    search_help_text = "The person's whole e-mail address, or the id of an insight."
    person_ordering = ("-created_at", "-id")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return self.person_ordering

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        said = InsightInteraction.objects.filter(
            user_id=OuterRef("user_id"), insight_id=OuterRef("id"), action=FEEDBACK
        )
        helped = Subquery(said.order_by("-created_at", "-id").values("is_helpful")[:1])
        rows: QuerySet[Any] = super().get_queryset(request)
        return queries.with_marks(rows).annotate(was_helpful=helped)

    def heading(self, row: Insight) -> str:
        return row.title

    @admin.display(description="what it says")
    def says(self, insight: Insight) -> str:
        return f"{insight.icon} {insight.title}".strip()

    @admin.display(description="kind")
    def kind(self, insight: Insight) -> str:
        return label(insight.insight_type)

    @admin.display(description="priority")
    def rank(self, insight: Insight) -> str:
        return f"{insight.priority} of 10"

    @admin.display(description="what became of it", empty_value="-")
    def became(self, insight: Any) -> str | None:
        helpful = {True: ("final", "helpful"), False: ("waiting", "not helpful")}
        marks = [
            ("final", "viewed") if insight.is_viewed else None,
            ("replaced", "dismissed") if insight.is_dismissed else None,
            helpful.get(insight.was_helpful),
        ]
        return format_html_join(" ", "{}", ((pill(*mark),) for mark in marks if mark)) or None

    @admin.display(description="state")
    def state(self, insight: Insight) -> str:
        if insight.expires_at and insight.expires_at > timezone.now():
            return f"until {date_format(insight.expires_at, 'N j')}"
        return pill("replaced", "Ended")

    @admin.display(description="written because")
    def trigger(self, insight: Insight) -> str:
        return TRIGGERS[insight.trigger_type]

    @admin.display(description="written")
    def written(self, insight: Insight) -> str:
        return when(insight.created_at)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Replace the form by what the person sees, why, and what they made of it."""
        insight: Any = kwargs["obj"]
        said = queries.interactions(insight.user_id, insight.pk)
        every = reverse("admin:insights_insightinteraction_changelist")
        context |= {
            "insight": insight,
            "person_link": self.person_link(insight),
            "kind": self.kind(insight),
            "trigger": self.trigger(insight),
            "state": self.state(insight),
            "figures": facts({name: plain(value) for name, value in insight.data.items()}),
            "grounds": grounds_of(insight),
            "interactions": [(one, deed(one)) for one in said],
            "every_address": f"{every}?person={insight.user_id}&insight={insight.pk}",
        }
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(InsightInteraction)
class InsightInteractionAdmin(RecordAdmin):
    purpose = "What people did with insights, and whether these helped them, by kind and mood."
    list_display = ("what", "person", "kind", "comment_in_short", "mood_then", "sure", "happened")
    list_filter = (
        PersonFilter,
        InsightFilter,
        KindFilter,
        HelpfulFilter,
        ActionFilter,
        MoodFilter,
        ConfidenceFilter,
        SaidFilter,
    )
    search_help_text = "The person's whole e-mail address, or the id of an entry."
    person_ordering = ("-created_at", "-id")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Sum up what the chosen rows say, above them."""
        title = {"title": "What people said about insights"}
        response: Any = super().changelist_view(request, title | (extra_context or {}))
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            shown["summary"] = summary_of(shown["cl"].queryset)
        return response

    def heading(self, row: InsightInteraction) -> str:
        return f"{label(deed(row))}, {date_format(row.created_at)}"

    @admin.display(description="what they said or did")
    def what(self, row: InsightInteraction) -> str:
        if row.is_helpful is None:
            return label(deed(row))
        return pill("final" if row.is_helpful else "waiting", label(deed(row)))

    @admin.display(description="kind of insight", empty_value="-")
    def kind(self, row: InsightInteraction) -> str | None:
        return label(row.insight_type) if row.insight_type else None

    @admin.display(description="comment", empty_value="-")
    def comment_in_short(self, row: InsightInteraction) -> str | None:
        return shortened(row.comment or "") or None

    @admin.display(description="mood then", empty_value="-")
    def mood_then(self, row: InsightInteraction) -> str | None:
        return shortened((row.mood or "").replace(",", ", ")) or None

    @admin.display(description="confidence then", empty_value="-")
    def sure(self, row: InsightInteraction) -> str | None:
        return f"{row.confidence} of 10" if row.confidence else None

    @admin.display(description="when")
    def happened(self, row: InsightInteraction) -> str:
        return when(row.created_at)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        row: InsightInteraction = kwargs["obj"]
        context |= {
            "row": row,
            "person_link": self.person_link(row),
            "what": self.what(row),
            "kind": self.kind(row),
            "mood": self.mood_then(row),
            "sure": self.sure(row),
            "sent": facts(row.context),
        }
        return super().render_change_form(request, context, *args, **kwargs)


class AcknowledgeForm(forms.Form):
    note = forms.CharField(
        label="What did you do?",
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
        max_length=services.LONGEST_NOTE,
        help_text=(
            "For example: called at 10:30, is safe, appointment tomorrow at 9. Your clinic's staff"
            " see it, with your name and the time. It cannot be changed later."
        ),
    )


@admin.register(SafetyAlert)
class SafetyAlertAdmin(RecordAdmin):
    purpose = "People whose answers say that they may not be safe. Open until acknowledged."
    list_display = ("raised", "person_link", "state", "in_their_app", "to_do")
    list_filter = (PersonFilter, QueueFilter, WrittenFilter)
    search_help_text = "The person's whole e-mail address, or the id of an alert."

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.acknowledge)
        name = "insights_safetyalert_acknowledge"
        return [path("<alert_id>/acknowledge/", page, name=name), *super().get_urls()]

    def get_ordering(self, request: HttpRequest) -> Any:
        return (is_acknowledged().asc(), "-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        seen_to = InsightAcknowledgement.objects.filter(insight_id=OuterRef("id"))
        # Of another clinic's people, such as the house's own, staff see nothing.
        by = User.objects.filter(id=OuterRef("acknowledged_by")).values("email")
        alerts = super().get_queryset(request).filter(insight_type="safety_alert")
        rows: QuerySet[Any] = alerts.annotate(
            is_acknowledged=is_acknowledged(),
            seen_at=Subquery(seen_to.values("created_at")),
            seen_by=Subquery(seen_to.annotate(email=Subquery(by)).values("email")),
            seen_note=Subquery(seen_to.values("note")),
        )
        return rows

    def heading(self, row: SafetyAlert) -> str:
        return str(row)

    @admin.display(description="raised")
    def raised(self, alert: SafetyAlert) -> str:
        return when(alert.created_at)

    @admin.display(description="state")
    def state(self, alert: Any) -> str:
        if alert.is_acknowledged:
            return pill("final", "Acknowledged")
        return pill("entered-in-error", "Open")

    @admin.display(description="in their app")
    def in_their_app(self, alert: SafetyAlert) -> str:
        """Say what became of the alert itself; it stays in the queue all the same."""
        days = dt.timedelta(days=KINDS["safety_alert"].days)
        if alert.expires_at and alert.expires_at > timezone.now():
            return f"shown until {date_format(alert.expires_at, 'N j')}"
        if alert.expires_at and alert.expires_at - alert.created_at < days:
            return f"ended {date_format(alert.expires_at, 'N j')}: the answer was taken back"
        return "was shown for two weeks"

    @admin.display(description="seen to")
    def to_do(self, alert: Any) -> str:
        if alert.is_acknowledged:
            return f"{seen_by(alert)}, {when(alert.seen_at)}"
        page = reverse("admin:insights_safetyalert_acknowledge", args=[alert.pk])
        return format_html('<a class="button" href="{}">Acknowledge</a>', page)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        alert: Any = kwargs["obj"]
        context |= self._about(alert) | {"seen_by": seen_by(alert)}
        return super().render_change_form(request, context, *args, **kwargs)

    def acknowledge(self, request: HttpRequest, alert_id: str) -> HttpResponse:
        """Ask what was done, and take the alert out of the queue's open ones."""
        alert = self.get_object(request, unquote(alert_id))
        if alert is None:
            return self.change_view(request, alert_id)
        shown = HttpResponseRedirect(reverse("admin:insights_safetyalert_change", args=[alert.pk]))
        if alert.is_acknowledged:
            self.message_user(request, "This alert is acknowledged already.", messages.WARNING)
            return shown
        form = AcknowledgeForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and self._acknowledge(request, alert, form):
            self.message_user(request, "The alert is acknowledged.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:insights_safetyalert_changelist"))
        context = {
            **self.admin_site.each_context(request),
            **self._about(alert),
            "title": f"Acknowledge the {str(alert)[:1].lower()}{str(alert)[1:]}",
            "form": form,
            "opts": self.opts,
        }
        page = "admin/insights/safetyalert/acknowledge.html"
        return TemplateResponse(request, page, context)

    def _about(self, alert: Any) -> dict[str, Any]:
        return {
            "alert": alert,
            "person_link": self.person_link(alert),
            "state": self.state(alert),
            "in_their_app": self.in_their_app(alert),
            "grounds": grounds_of(alert),
        }

    def _acknowledge(self, request: HttpRequest, alert: Any, form: forms.Form) -> bool:
        try:
            with transaction.atomic():
                services.acknowledge(
                    alert=alert,
                    by=actor(request).pk,
                    note=form.cleaned_data["note"],
                    now=timezone.now(),
                )
                self.log_change(request, alert, "Acknowledged.")
        except DomainError as error:
            form.add_error(None, error.detail)
            return False
        return True


def is_acknowledged() -> Exists:
    return Exists(InsightAcknowledgement.objects.filter(insight_id=OuterRef("id")))


def seen_by(alert: Any) -> str:
    return alert.seen_by or "somebody outside of this clinic"


def first_moment(days: str | None) -> dt.datetime:
    """The start of the first of so many days up to today, in UTC."""
    today = timezone.now().astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - dt.timedelta(days=int(days or "1") - 1)


def deed(row: InsightInteraction) -> str:
    """Say in words what somebody did; old clients have words of their own for it."""
    if row.is_helpful is not None:
        return "helpful" if row.is_helpful else "not helpful"
    return ACTIONS.get(row.action, shortened(row.action))


def plain(value: object) -> object:
    """Take the ".0" off a whole number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def shortened(text: str, longest: int = 120) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def summary_of(rows: QuerySet[Any]) -> str:
    """Say how many of the chosen answers call an insight helpful; the newest ones, of very many."""
    most = CheapPaginator.exact_up_to
    newest = rows.filter(is_helpful__isnull=False).values("is_helpful")[:most]
    counted = newest.aggregate(
        answers=Count("is_helpful"), helpful=Count("is_helpful", filter=Q(is_helpful=True))
    )
    answers, helpful = counted["answers"], counted["helpful"]
    if not answers:
        return "Nobody in this selection said yet whether an insight helped."
    whose = f"the newest {most:,}" if answers == most else f"{answers:,}"
    noun = "answer" if answers == 1 else "answers"
    return f"Helpful: {helpful:,} of {whose} {noun} in this selection ({helpful / answers:.0%})."


def grounds_of(insight: Insight) -> list[Ground]:
    """Name what an insight rests on. Of events, the pages know all versions."""
    ids = [each["id"] for each in insight.evidence if each["kind"] == "health-event"]
    events = HealthEvent.objects.filter(user_id=insight.user_id, id__in=ids)
    found = {str(event.pk): event for event in events}
    return [_ground(each, found) for each in insight.evidence]


def _ground(evidence: dict[str, Any], events: dict[str, HealthEvent]) -> Ground:
    if evidence["kind"] == "check-in":
        address = reverse("admin:health_dailycheckin_change", args=[evidence["id"]])
        return Ground("Daily check-in", address)
    if evidence["kind"] == "daily-summary":
        return Ground(f"Everything of {evidence['date']}", None)
    event = events.get(evidence["id"])
    if event is None:
        return Ground("An event that is not there any more", None)
    words = f"{label(event.event_type)}, {date_format(event.local_date)}"
    return Ground(words, reverse("admin:health_healthevent_change", args=[event.pk]))
