"""The story of one document: where it is, what was tried, who did what, and what can be done."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import path, reverse
from django.utils import timezone

from accounts.models import User
from core.admin import actor, capital
from core.errors import DomainError, NotFound
from documents import queries, staff_figures
from documents.admin import words
from documents.admin.queue import DEEDS, LONGEST_REASON, QueuePages, ReasonForm, do, said
from documents.admin.words import Retry
from documents.models import Document, DocumentAction, DocumentAttempt
from documents.services import staff
from documents.staff_figures import Kind
from documents.statuses import ENDED, STAGES, Status


class DiscloseForm(forms.Form):
    reason = forms.CharField(
        label="Why must you see it?",
        min_length=staff.SHORTEST_REASON,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For example: asked by the person on the phone to see why page 3 is empty.",
    )

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"]
        if not staff.is_reason(reason):
            raise forms.ValidationError(staff.SAY_WHY)
        return reason


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened: a try of a stage, or what somebody did."""

    at: dt.datetime
    title: str
    mark: str = ""
    by: str = ""
    why: str = ""
    attempt: DocumentAttempt | None = None
    length: str = ""
    error: str = ""
    begins_run: int | None = None


@admin.register(Document)
class DocumentAdmin(QueuePages):
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:document_id>/act/", view(self.act), name="documents_document_act"),
            # Outside of the staff's gate (config/middleware.py): it enters two, one by one.
            path(
                "content/<uuid:document_id>/", view(self.content), name="documents_document_content"
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return self._story(request, self.document_of(request, object_id), ReasonForm())

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The story is the history."""
        document = self.document_of(request, object_id)
        return HttpResponseRedirect(page_of(document.id))

    def _story(self, request: HttpRequest, document: Document, form: ReasonForm) -> HttpResponse:
        now = timezone.now()
        may_look = not actor(request).is_support
        cause = staff_figures.stuck_cause(document.id)
        is_known = staff_figures.is_acknowledged(document)
        page = {
            "title": f"Document {words.short_id(document.id)}",
            "tab": "story",
            "document": document,
            "file": f"{words.file_kind(document.content_type)}, {words.size(document.file_size)}",
            "state": words.state(document.status),
            "meaning": words.STATES[document.status][2],
            "stage": words.stage_name(document.failed_stage),
            "uploaded": words.ago(document.created_at, now),
            "cause": in_queue(document, cause),
            "group": group_of(document, cause),
            "is_acknowledged": is_known,
            "held": held(document, now),
            "story": story(document, with_reasons=may_look),
            "versions": staff_figures.versions(document) if may_look else None,
            "person": reverse("admin:accounts_user_change", args=[document.user_id]),
            "form": form,
            "deeds": deeds(document, cause, is_known=is_known),
            "why_no_retry": why_no_retry(document, cause),
            # Another form of the page has a reason, too.
            "disclose_form": DiscloseForm(auto_id="disclose_%s"),
        }
        return self.render(request, "story", page)

    def act(self, request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
        """Retry, cancel or acknowledge this one."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        document = self.document_of(request, document_id)
        name, form = request.POST.get("do", ""), ReasonForm(request.POST)
        if name not in DEEDS:
            raise Http404("There is no such button.")
        if not form.is_valid():
            return self._story(request, document, form)
        outcome = do(name, [document.id], actor(request).pk, form.cleaned_data)
        if outcome.taken:
            self.log_change(request, document, f"{capital(DEEDS[name].done)}.")
        level = messages.SUCCESS if outcome.taken else messages.WARNING
        self.message_user(request, " ".join(said_of_one(name, outcome)), level)
        return HttpResponseRedirect(page_of(document.id))

    def content(self, request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
        """Show name and text in this one answer, after it was noted who wanted to see them."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        user, form = actor(request), DiscloseForm(request.POST)
        if user.is_support:
            raise PermissionDenied
        address = page_of(document_id)
        if not form.is_valid():
            # Nothing of the document is here, as this is outside of the gate.
            page = {
                "title": f"Show content of document {words.short_id(document_id)}",
                "tab": "story",
                "document_id": document_id,
                "disclose_form": form,
                "address": address,
            }
            return self.render(request, "reason", page)
        try:
            content = staff.disclose(
                document_id=document_id,
                actor_id=user.pk,
                tenant_id=None if user.is_superuser else user.tenant_id,
                reason=form.cleaned_data["reason"],
            )
        except NotFound as error:
            raise Http404(error.detail) from error
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(address)
        page = {
            "title": f"Content of document {words.short_id(document_id)}",
            "tab": "story",
            "content": content,
            "address": address,
        }
        return self.render(request, "content", page)


def page_of(document_id: uuid.UUID) -> str:
    return reverse("admin:documents_document_change", args=[document_id])


def said_of_one(name: str, outcome: staff.Outcome) -> list[str]:
    return [f"The document is {DEEDS[name].done}."] if outcome.taken else said(name, outcome, {})


# What is said of it


def in_queue(document: Document, cause: str | None) -> words.Cause | None:
    if document.status == Status.FAILED:
        return words.cause_of(Kind.FAILED, document.error_code)
    return words.cause_of(Kind.STUCK, cause) if cause else None


def group_of(document: Document, cause: str | None) -> str | None:
    """Give the address of the others with the same trouble."""
    if document.status == Status.FAILED:
        where = [Kind.FAILED.value, document.error_code]
    elif cause:
        where = [Kind.STUCK.value, cause]
    else:
        return None
    return reverse("admin:documents_document_group", args=where)


def held(document: Document, now: dt.datetime) -> str:
    """Say who has it, or what it waits for."""
    if document.status in ENDED:
        return ""
    if document.leased_by and document.due_at > now:
        return f"{document.leased_by} works on it."
    if document.leased_by:
        return f"{document.leased_by} had it, and has not been heard of."
    if document.due_at > now:
        what = "its next try" if document.tries else "its turn"
        return f"Waits for {what}, in {words.span(document.due_at - now)}."
    return f"Has waited for a worker for {words.span(now - document.due_at)}."


def why_no_retry(document: Document, cause: str | None) -> str:
    stage = document.status if cause else document.failed_stage
    if (document.status == Status.FAILED or cause) and stage not in STAGES:
        return words.sentence(staff.NEVER_STORED)
    if staff.is_switched_off(document):
        return words.sentence(staff.SWITCHED_OFF)
    return ""


def deeds(document: Document, cause: str | None, *, is_known: bool) -> list[tuple[str, str]]:
    """Give the buttons that make sense now."""
    has_stopped = document.status in {Status.FAILED, Status.CANCELLED}
    stage = document.failed_stage if has_stopped else document.status
    found = []
    if (has_stopped or cause) and stage in STAGES and not staff.is_switched_off(document):
        found.append(("retry", f"Retry from “{words.stage_name(stage)}”"))
    if document.status not in ENDED:
        found.append(("cancel", "Cancel"))
    if (document.status == Status.FAILED or cause) and not is_known:
        may_help = cause or words.retry_of(document.error_code) is Retry.MAY_HELP
        found.insert(len(found) if may_help else 0, ("acknowledge", "Acknowledge"))
    return found


# What happened


def story(document: Document, *, with_reasons: bool) -> list[Moment]:
    """Tell all that happened, in the order of time, each run under a heading of its own."""
    actions = staff_figures.actions(document, with_reasons=with_reasons)
    names = actor_names(document, actions)
    found = [deed(one, names) for one in actions]
    found += [tried(one) for one in queries.attempts(document)]
    return with_runs(sorted(found, key=lambda one: one.at))


def deed(action: DocumentAction, names: dict[uuid.UUID | None, str]) -> Moment:
    who = names.get(action.actor_id, "Somebody outside of this clinic")
    why = "" if "reason" in action.get_deferred_fields() else action.reason
    return Moment(action.created_at, f"{who} {words.ACTIONS[action.action]}", why=why, by=who)


def tried(attempt: DocumentAttempt) -> Moment:
    length = attempt.ended_at - attempt.started_at if attempt.ended_at else None
    return Moment(
        attempt.started_at,
        f"{words.stage_name(attempt.stage)}, try {attempt.number}",
        mark=words.outcome(attempt),
        by=attempt.worker,
        attempt=attempt,
        length=words.duration(length.total_seconds()) if length else "",
        error=words.failure_title(attempt.error_code) if attempt.error_code else "",
    )


def with_runs(moments: Sequence[Moment]) -> list[Moment]:
    """Mark the first try of each run after the first one."""
    found, run = [], 1
    for one in moments:
        if one.attempt and one.attempt.run != run:
            run = one.attempt.run
            found.append(Moment(one.at, "", begins_run=run))
        found.append(one)
    return found


def actor_names(
    document: Document, actions: Sequence[DocumentAction]
) -> dict[uuid.UUID | None, str]:
    ids = {one.actor_id for one in actions if one.actor_id}
    found: dict[uuid.UUID | None, str] = dict(
        User.objects.filter(id__in=ids).values_list("id", "email")
    )
    return found | {None: "Novara", document.user_id: "The person"}
