"""The console's pages about changes that wait for a second person."""

from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from core.admin import capital, pill, when
from core.errors import DomainError, InvalidInput
from flags import preview, queries
from flags.admin import words
from flags.admin.plans import SuperuserPages
from flags.admin.previews import shown
from flags.models import FeatureFlag, FeatureFlagChangeRequest, FeatureFlagVersion
from flags.services import approving
from flags.types import Definition

State = FeatureFlagChangeRequest.State
STATES: Final = {
    State.OPEN: ("waiting", "Open"),
    State.APPROVED: ("final", "Approved"),
    State.REJECTED: ("entered-in-error", "Rejected"),
    State.VOID: ("replaced", "Void"),
}


@admin.register(FeatureFlagChangeRequest)
class ChangeRequestAdmin(SuperuserPages[FeatureFlagChangeRequest]):
    purpose = "Large changes of flags that wait until a second person agrees."
    list_display = ("flag", "stands", "asked", "why", "decided")
    list_display_links = ("flag",)
    list_filter = ("state",)
    search_fields = ("flag_name", "reason", "requested_by")
    search_help_text = "Flag, reason, or who asked."
    ordering = ("-created_at",)
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[FeatureFlagChangeRequest]:
        return super().get_queryset(request).annotate(version_now=queries.VERSION_NOW)

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.decide)
        name = "flags_featureflagchangerequest_decide"
        return [path("<request_id>/decide/", page, name=name), *super().get_urls()]

    @admin.display(description="flag")
    def flag(self, change: FeatureFlagChangeRequest) -> str:
        return change.flag_name

    @admin.display(description="state")
    def stands(self, change: Any) -> str:
        if change.state == State.OPEN and change.version_now != change.base_version:
            return pill("replaced", "Out of date")
        return pill(*STATES[State(change.state)])

    @admin.display(description="asked for")
    def asked(self, change: FeatureFlagChangeRequest) -> str:
        return format_html(
            '{}<span class="flag-about">{}</span>', when(change.created_at), change.requested_by
        )

    @admin.display(description="reason")
    def why(self, change: FeatureFlagChangeRequest) -> str:
        return change.reason

    @admin.display(description="decided")
    def decided(self, change: FeatureFlagChangeRequest) -> str:
        if change.decided_at is None:
            return "-"
        return format_html(
            '{}<span class="flag-about">{}</span>', when(change.decided_at), change.decided_by
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        change = self.row_of(request, object_id)
        flag = FeatureFlag.objects.filter(flag_name=change.flag_name).first()
        clinics = queries.clinic_names()
        before, is_current = _before(change), _is_current(change, flag)
        page = {
            "title": str(change),
            "change": change,
            "state": self.stands(change),
            "flag": flag,
            "changes": words.changes(before, change.definition, clinics),
            "is_current": is_current,
            "is_own": change.requested_by.lower() == self.who(request).label.lower(),
        }
        if change.state == State.OPEN and is_current:
            after = change.definition
            found = preview.preview(before, after, preview.rule_set_now(), preview.people())
            # What saving needs is given: a reason, and this page for the second person.
            page["preview"] = shown(found, before, after, clinics) | {
                "waits_for": "",
                "needs_reason": False,
                "shows_changes": False,
            }
        return self.render(request, "request", page)

    def decide(self, request: HttpRequest, request_id: str) -> HttpResponse:
        """Do what one of the buttons says."""
        change = self.row_of(request, request_id)
        here = reverse("admin:flags_featureflagchangerequest_change", args=[change.pk])
        if request.method != "POST":
            return HttpResponseRedirect(here)
        told: dict[str, Any] = {
            "request_id": change.pk,
            "actor": self.who(request),
            "now": timezone.now(),
        }
        note = request.POST.get("note", "")[:1000]
        try:
            decided = self._decide(request.POST.get("do", ""), told, note)
        except DomainError as error:
            said = error.detail.removeprefix("note: ")
            self.message_user(request, capital(said), messages.ERROR)
            return HttpResponseRedirect(here)
        said, level = _outcome(decided)
        self.log_change(request, decided, said)
        self.message_user(request, said, level)
        return HttpResponseRedirect(here)

    @staticmethod
    def _decide(do: str, told: dict[str, Any], note: str) -> FeatureFlagChangeRequest:
        if do == "approve":
            return approving.approve_change(**told)
        if do == "reject":
            return approving.reject_change(note=note, **told)
        if do == "withdraw":
            return approving.withdraw_change(**told)
        raise InvalidInput("Use one of the buttons.")


def _before(change: FeatureFlagChangeRequest) -> Definition | None:
    seen = FeatureFlagVersion.objects.filter(
        flag_name=change.flag_name, version=change.base_version
    ).first()
    return seen.definition if seen else None


def _is_current(change: FeatureFlagChangeRequest, flag: FeatureFlag | None) -> bool:
    return flag is not None and flag.version == change.base_version


def _outcome(change: FeatureFlagChangeRequest) -> tuple[str, int]:
    if change.state == State.APPROVED:
        return f"Approved: {change.flag_name} is changed.", messages.SUCCESS
    if change.state == State.VOID:
        return f"The request is void. {change.note}", messages.WARNING
    return "Rejected. Nothing was changed.", messages.SUCCESS
