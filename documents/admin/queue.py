"""The queue of documents that failed or are stuck, grouped by cause, and what is done with many."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone

from core.admin import CheapPaginator, actor, capital
from documents import staff_figures
from documents.admin import words
from documents.admin.listing import PERIODS, as_uuid, clinics, narrowed
from documents.admin.overview import OverviewPages
from documents.admin.words import Retry
from documents.failures import Code
from documents.models import Document
from documents.services import staff
from documents.services.staff import Outcome
from documents.staff_figures import Group, Kind
from documents.statuses import ON_THE_WAY, STAGES, STUCK_CAUSES, Status

PER_PAGE: Final = 50
LONGEST_REASON: Final = 1000
PACES: Final = (5, 20, 50)
# Whether somebody has acknowledged it.
VIEWS: Final[Mapping[str, tuple[str, bool | None]]] = {
    "": ("Open", False),
    "acknowledged": ("Acknowledged", True),
    "all": ("Both", None),
}


@dataclass(frozen=True, slots=True)
class Deed:
    """Something to do with many. `promise` tells beforehand what will happen."""

    button: str
    promise: str
    done: str


DEEDS: Final[Mapping[str, Deed]] = {
    "retry": Deed(
        "Retry",
        "They begin again with the stage in which they stopped, whatever the verdict was; what was"
        " done before that stage is kept. So that new uploads need not wait behind them, only some"
        " begin at once, as many again a minute later, and so on.",
        "started again",
    ),
    "cancel": Deed(
        "Cancel",
        "They are stopped. Nothing is deleted; the person, or you, can start them again.",
        "stopped",
    ),
    "acknowledge": Deed(
        "Acknowledge",
        "They leave the open queue, for all of your clinic, until they fail again. Nothing else"
        " changes: the person sees what they saw before.",
        "acknowledged",
    ),
}


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Stands in the story, with your name and the time. Do not write what is in a"
        " document.",
    )


class PaceForm(ReasonForm):
    at_a_time = forms.TypedChoiceField(
        label="How many at a time",
        choices=[(str(pace), f"{pace} a minute") for pace in PACES],
        coerce=int,
        initial="20",
        help_text="Fewer, if what failed is slow or has just come back. Those that were retried"
        " before and still wait for their turn go first.",
    )


class FilterForm(forms.Form):
    """What narrows the list of a group. All of it is optional, and wrong values are ignored."""

    state = forms.ChoiceField(required=False, label="Acknowledged")
    stage = forms.ChoiceField(required=False, label="Stage")
    kind = forms.ChoiceField(required=False, label="Kind of file")
    days = forms.ChoiceField(required=False, label="Since")
    clinic = forms.ChoiceField(required=False, label="Clinic")

    def __init__(self, request: HttpRequest, kind: Kind) -> None:
        super().__init__(request.GET)
        stages = [*ON_THE_WAY] if kind is Kind.STUCK else [Status.UPLOADING, *STAGES]
        choices = {
            "state": [(value, name) for value, (name, _) in VIEWS.items()],
            "stage": [("", "Any"), *((one.value, words.stage_name(one)) for one in stages)],
            "kind": [("", "Any"), *words.KINDS.items()],
            "days": [
                ("", "Ever"),
                *((days, capital(name)) for days, name in PERIODS.items()),
            ],
            "clinic": [("", "All"), *clinics(request)],
        }
        for name, values in choices.items():
            self.fields[name].choices = values  # type: ignore[attr-defined]  # Choices all.
        if len(choices["clinic"]) == 1:
            del self.fields["clinic"]

    def chosen(self) -> dict[str, str]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class QueuePages(OverviewPages):
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("queue/", view(self.queue), name="documents_document_queue"),
            path(
                "queue/<str:kind>/<str:cause>/",
                view(self.group),
                name="documents_document_group",
            ),
            *super().get_urls(),
        ]

    # The groups

    def queue(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        chosen = request.GET.get("state", "")
        _, acknowledged = VIEWS.get(chosen, VIEWS[""])
        found = staff_figures.groups(acknowledged=acknowledged)
        page = {
            "title": "Failed and stuck documents",
            "tab": "queue",
            "views": [(value, name) for value, (name, _) in VIEWS.items()],
            "chosen": chosen,
            "stuck": [shown(one, now) for one in found if one.kind is Kind.STUCK],
            "failed": [shown(one, now) for one in found if one.kind is Kind.FAILED],
        }
        return self.render(request, "queue", page)

    # The list of a group

    def group(self, request: HttpRequest, kind: str, cause: str) -> HttpResponse:
        if not is_known(kind, cause):
            raise Http404("There is no such cause.")
        listed = Listed(request, Kind(kind), cause)
        if request.method == "POST":
            return self._act_on_many(request, listed)
        return self.render(request, "group", listed.page(request, timezone.now()))

    def _act_on_many(self, request: HttpRequest, listed: "Listed") -> HttpResponse:
        """Ask once more, with the number of documents, and then do it."""
        is_whole, name = "all" in request.POST, request.POST.get("all", request.POST.get("do", ""))
        if name not in DEEDS:
            raise Http404("There is no such button.")
        shown_at = seen_at(request)
        ids = listed.ids_until(shown_at) if is_whole else chosen_ids(request)
        if not ids:
            self.message_user(request, "Choose documents first.", messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
        told = request.POST if "confirmed" in request.POST else None
        form = PaceForm(told) if name == "retry" else ReasonForm(told)
        if form.is_valid():
            outcome = do(name, ids, actor(request).pk, form.cleaned_data)
            level = messages.SUCCESS if outcome.taken else messages.WARNING
            self.message_user(request, " ".join(said(name, outcome, form.cleaned_data)), level)
            return HttpResponseRedirect(request.get_full_path())
        page = {
            "title": f"{DEEDS[name].button} {words.documents(len(ids))}",
            "tab": "queue",
            "listed": listed,
            "name": name,
            "deed": DEEDS[name],
            "form": form,
            "count": len(ids),
            "most": staff.MOST_AT_ONCE if len(ids) > staff.MOST_AT_ONCE else None,
            "ids": [] if is_whole else ids,
            "is_whole": is_whole,
            "seen_at": shown_at.isoformat(),
            "back": request.get_full_path(),
        }
        return self.render(request, "confirm", page)


@dataclass(frozen=True, slots=True)
class Entry:
    """A document in the list of a group."""

    document: Any
    short_id: str
    address: str
    file: str
    stage: str
    since: str
    uploaded: str
    error: str
    verdict: str
    may_help: bool


class Listed:
    """A group as somebody narrowed it."""

    def __init__(self, request: HttpRequest, kind: Kind, cause: str) -> None:
        self.kind, self.code = kind, cause
        self.cause = words.cause_of(kind, cause)
        self.form = FilterForm(request, kind)
        self.filters = self.form.chosen()

    def rows(self) -> QuerySet[Document]:
        _, acknowledged = VIEWS[self.filters.get("state", "")]
        rows: QuerySet[Document] = staff_figures.queue(
            self.kind, cause=self.code, acknowledged=acknowledged
        )
        column = "failed_stage" if self.kind is Kind.FAILED else "status"
        if stage := self.filters.get("stage"):
            rows = rows.filter(**{column: stage})
        if kind := self.filters.get("kind"):
            rows = rows.filter(content_type=kind)
        if days := self.filters.get("days"):
            since = timezone.now() - dt.timedelta(days=int(days))
            rows = rows.filter(**{f"{self.moment}__gte": since})
        return narrowed(rows, "tenant_id", self.filters.get("clinic"))

    @property
    def moment(self) -> str:
        return "failed_at" if self.kind is Kind.FAILED else "progress_at"

    def ids_until(self, seen_at: dt.datetime) -> list[uuid.UUID]:
        """Give all that were in the list when somebody looked at it, the oldest first."""
        rows = self.rows().filter(**{f"{self.moment}__lte": seen_at})
        return list(rows.order_by(self.moment, "id").values_list("id", flat=True))

    def page(self, request: HttpRequest, now: dt.datetime) -> dict[str, Any]:
        paginator = CheapPaginator(self.rows(), PER_PAGE)
        shown_page = paginator.get_page(request.GET.get("p"))
        rows = staff_figures.with_marks(shown_page.object_list, self.kind)  # type: ignore[arg-type]
        others = request.GET.copy()
        others.pop("p", None)
        return {
            "title": self.cause.title,
            "tab": "queue",
            "listed": self,
            "entries": [self.entry(row, now) for row in rows],
            "count": paginator.count,
            "counted": paginator.count_in_words,
            "page": shown_page,
            "others": others.urlencode(),
            "seen_at": now.isoformat(),
            "may_cancel": self.kind is Kind.STUCK,
            "may_help": self.kind is Kind.STUCK or words.retry_of(self.code) is Retry.MAY_HELP,
        }

    def entry(self, row: Any, now: dt.datetime) -> Entry:
        code = row.error_code
        return Entry(
            document=row,
            short_id=words.short_id(row.id),
            address=reverse("admin:documents_document_change", args=[row.id]),
            file=f"{words.file_kind(row.content_type)}, {words.size(row.file_size)}",
            stage=words.stage_name(row.failed_stage or row.status),
            since=words.age(getattr(row, self.moment), now),
            uploaded=words.ago(row.created_at, now),
            error=words.failure_title(code) if code else "",
            verdict=words.retry_of(code),
            may_help=words.retry_of(code) is Retry.MAY_HELP,
        )


def shown(one: Group, now: dt.datetime) -> dict[str, Any]:
    return {
        "group": one,
        "cause": words.cause_of(one.kind, one.cause),
        "address": reverse("admin:documents_document_group", args=[one.kind.value, one.cause]),
        "oldest": words.ago(one.oldest_at, now),
        "newest": words.ago(one.newest_at, now),
    }


def is_known(kind: str, cause: str) -> bool:
    return (kind == Kind.FAILED and cause in set(Code)) or (
        kind == Kind.STUCK and cause in STUCK_CAUSES
    )


def chosen_ids(request: HttpRequest) -> list[uuid.UUID]:
    found = dict.fromkeys(as_uuid(text) for text in request.POST.getlist("document"))
    return [one for one in found if one]


def seen_at(request: HttpRequest) -> dt.datetime:
    """Tell when the list was shown whose button was pressed."""
    try:
        found = dt.datetime.fromisoformat(request.POST.get("seen_at", ""))
        # The database knows no instant outside of the years 1 to 9999 of this time zone.
        return found.astimezone(dt.UTC) if found.tzinfo else timezone.now()
    except (ValueError, OverflowError):
        return timezone.now()


def do(
    name: str, documents: Sequence[uuid.UUID], actor_id: uuid.UUID, told: Mapping[str, Any]
) -> Outcome:
    if name == "retry":
        return staff.retry(
            documents=documents,
            actor_id=actor_id,
            reason=told["reason"],
            at_a_time=told.get("at_a_time"),
        )
    if name == "cancel":
        return staff.cancel(documents=documents, actor_id=actor_id, reason=told["reason"])
    return staff.acknowledge(documents=documents, actor_id=actor_id, note=told["reason"])


def said(name: str, outcome: Outcome, told: Mapping[str, Any]) -> list[str]:
    """Tell how many were taken, when the last one begins, and why others were not taken."""
    verb = "is" if outcome.taken == 1 else "are"
    sentences = [f"{capital(words.documents(outcome.taken))} {verb} {DEEDS[name].done}."]
    if outcome.longest_wait:
        pace, wait = told["at_a_time"], words.span(outcome.longest_wait)
        sentences.append(f"{pace} begin each minute; the last one in {wait}.")
    sentences += [f"Not taken: {count:,} ({why})." for why, count in outcome.refused.items()]
    return sentences
