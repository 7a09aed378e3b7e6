"""What else can be done with a flag: switch it, look back, revert, explain, delete."""

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec
from django import forms
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core.admin import pill
from core.errors import DomainError, FieldError
from flags import preview, queries, services
from flags.admin import words
from flags.admin.explaining import ExplainForm, explain
from flags.admin.pages import ASKED_FOR, FlagPage
from flags.admin.previews import shown
from flags.admin.transfer import TransferPages
from flags.models import FeatureFlag, FeatureFlagVersion
from flags.services import approving
from flags.types import ChangeKind, Definition

VERSIONS_PER_PAGE: Final = 20
PILLS: Final = {
    ChangeKind.CREATE: "final",
    ChangeKind.KILL: "entered-in-error",
    ChangeKind.DELETE: "entered-in-error",
    ChangeKind.RESTORE: "final",
}


class Entry(NamedTuple):
    """A version as the history shows it."""

    row: FeatureFlagVersion
    kind: str
    changes: Sequence[words.Change]
    at: str
    can_revert: bool


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Stands in the history.",
    )
    base_version = forms.IntegerField(widget=forms.HiddenInput)


class DeleteForm(ReasonForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True


@admin.register(FeatureFlag)
class FeatureFlagAdmin(TransferPages, FlagPage):
    def get_urls(self) -> list[Any]:
        pages: dict[str, tuple[str, Callable[..., HttpResponse]]] = {
            "preview/": ("preview_new", self.preview_view),
            "<flag_id>/preview/": ("preview", self.preview_view),
            "<flag_id>/switch/": ("switch", self.switch_view),
            "<flag_id>/explain/": ("explain", self.explain_view),
            "<flag_id>/revert/<int:version>/": ("revert", self.revert_view),
        }
        own = [
            path(route, self.admin_site.admin_view(view), name=f"flags_featureflag_{name}")
            for route, (name, view) in pages.items()
        ]
        return [*own, *super().get_urls()]

    def _form_of(
        self, request: HttpRequest, flag: FeatureFlag, kind: type[ReasonForm] = ReasonForm
    ) -> ReasonForm:
        told = request.POST if request.method == "POST" else None
        return kind(told, initial={"base_version": flag.version})

    def switch_view(self, request: HttpRequest, flag_id: str) -> HttpResponse:
        """Ask once, with the reason, and switch."""
        flag = self.known_flag(request, flag_id)
        form = self._form_of(request, flag)
        if form.is_valid():
            is_on = "on" in request.POST
            base = form.cleaned_data["base_version"]
            # Switching off never waits: whatever else was changed, nobody shall have it.
            act = (
                partial(services.restore_flag, key=flag.flag_name, base_version=base)
                if is_on
                else partial(services.kill_flag, key=flag.flag_name)
            )
            after = msgspec.structs.replace(flag.definition, is_enabled=is_on)
            if self._carry_out(request, form, flag, after, act):
                return HttpResponseRedirect(reverse("admin:flags_featureflag_changelist"))
        verb = "off" if flag.is_enabled else "on"
        page = {
            "form": form,
            "flag": flag,
            "title": f"Switch {verb} {flag}",
            "needed_by": _needed_by(flag),
            **(self.sum_up(flag) if flag.is_enabled else _about_switching_on(flag)),
        }
        return self.render(request, "switch", page)

    def _carry_out(
        self,
        request: HttpRequest,
        form: ReasonForm,
        flag: FeatureFlag,
        after: Definition,
        act: Callable[..., FeatureFlag],
    ) -> bool:
        """Do it, or ask a second person for it; False if it was refused."""
        told: dict[str, Any] = {
            "reason": form.cleaned_data["reason"],
            "actor": self.who(request),
            "now": timezone.now(),
        }
        rule_set = preview.rule_set_now()
        try:
            changed = self._act(request, act, told, after, form.cleaned_data["base_version"])
        except DomainError as error:
            _refuse(form, flag, error)
            return False
        if changed is not None:
            self.say_changed(request, flag, changed, rule_set)
        return True

    def _act(
        self,
        request: HttpRequest,
        act: Callable[..., FeatureFlag],
        told: dict[str, Any],
        after: Definition,
        base_version: int,
    ) -> FeatureFlag | None:
        try:
            return act(**told)
        except services.ApprovalNeeded:
            approving.request_change(definition=after, base_version=base_version, **told)
            self.message_user(request, ASKED_FOR, messages.WARNING)
            return None

    # Looking back

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        flag = self.known_flag(request, object_id)
        rows = FeatureFlagVersion.objects.filter(flag_name=flag.flag_name).order_by("-version")
        shown_page = Paginator(rows, VERSIONS_PER_PAGE).get_page(request.GET.get("page"))
        page = {
            "flag": flag,
            "title": f"History of {flag}",
            "page": shown_page,
            "entries": _entries(flag, shown_page.object_list, rows),
        }
        return self.render(request, "history", page)

    def revert_view(self, request: HttpRequest, flag_id: str, version: int) -> HttpResponse:
        """Show what going back would change, and go back."""
        flag = self.known_flag(request, flag_id)
        old = FeatureFlagVersion.objects.filter(flag_name=flag.flag_name, version=version).first()
        if old is None or old.definition is None:
            raise Http404("There is no such version to go back to.")
        form = self._form_of(request, flag)
        if form.is_valid():
            base = form.cleaned_data["base_version"]
            act = partial(
                services.revert_flag, key=flag.flag_name, version=version, base_version=base
            )
            if self._carry_out(request, form, flag, old.definition, act):
                return HttpResponseRedirect(self.page_of(flag))
        page = {
            "flag": flag,
            "form": form,
            "title": f"Back to version {version} of {flag}",
            "version": old,
            "preview": _preview(flag.definition, old.definition, ChangeKind.REVERT),
        }
        return self.render(request, "revert", page)

    # Why

    def explain_view(self, request: HttpRequest, flag_id: str) -> HttpResponse:
        """Answer a question about a person. It comes by POST, so that no address names anybody."""
        flag = self.known_flag(request, flag_id)
        told = request.POST if request.method == "POST" else None
        form = ExplainForm(
            told, flag.definition, initial={"at": _instant(request.GET.get("at", ""))}
        )
        page: dict[str, Any] = {
            "flag": flag,
            "form": form,
            "title": f"Why does somebody get {flag}?",
        }
        if form.is_valid():
            page["answer"] = explain(form, flag.flag_name, queries.clinic_names())
        return self.render(request, "explain", page)

    # Deleting

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        flag = self.known_flag(request, object_id)
        form = self._form_of(request, flag, DeleteForm)
        if form.is_valid() and self._delete(request, flag, form):
            return HttpResponseRedirect(reverse("admin:flags_featureflag_changelist"))
        page = {
            "flag": flag,
            "form": form,
            "title": f"Delete {flag}",
            "preview": _preview(flag.definition, None, ChangeKind.DELETE),
        }
        return self.render(request, "delete", page)

    def _delete(self, request: HttpRequest, flag: FeatureFlag, form: ReasonForm) -> bool:
        try:
            services.delete_flag(
                key=flag.flag_name,
                base_version=form.cleaned_data["base_version"],
                actor=self.who(request),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
        except DomainError as error:
            _refuse(form, flag, error)
            return False
        self.log_deletions(request, FeatureFlag.objects.filter(pk=flag.pk))
        self.message_user(request, f"The flag {flag} is deleted.", messages.SUCCESS)
        return True


def _about_switching_on(flag: FeatureFlag) -> dict[str, Any]:
    """Say what will hold. Who switches off is told what holds: they have no time for numbers."""
    after = msgspec.structs.replace(flag.definition, is_enabled=True)
    return {
        "summary": words.summary(after, queries.clinic_names()),
        "preview": _preview(flag.definition, after, ChangeKind.RESTORE),
    }


def _refuse(form: ReasonForm, flag: FeatureFlag, error: DomainError) -> None:
    """Say why not, and let the next attempt count for the version that the page shows now."""
    form.data = {"reason": form.cleaned_data["reason"], "base_version": flag.version}
    for one in error.errors or [FieldError(error.detail)]:
        form.add_error("reason" if one.pointer == "/reason" else None, words.say_fault(one))


def _instant(said: str) -> dt.datetime | None:
    try:
        return parse_datetime(said)
    except ValueError:
        return None


def _needed_by(flag: FeatureFlag) -> str:
    """Name the flags that nobody gets without this one."""
    others = [one.definition for one in FeatureFlag.objects.exclude(pk=flag.pk)]
    return words.enumerate_words(
        [one.key for one in others if any(each.key == flag.flag_name for each in one.prerequisites)]
    )


def _preview(before: Definition, after: Definition | None, kind: ChangeKind) -> dict[str, Any]:
    found = preview.preview(before, after, preview.rule_set_now(), preview.people())
    return shown(found, before, after, queries.clinic_names(), kind)


def _entries(flag: FeatureFlag, rows: Any, every: Any) -> list[Entry]:
    """Say of each version what it changed; of the oldest here, by the one before it."""
    versions = list(rows)
    if not versions:
        return []
    older = every.filter(version__lt=versions[-1].version).first()
    clinics = queries.clinic_names()
    found = []
    for new, old in pairwise([*versions, older]):
        can_revert = new.version != flag.version and new.definition is not None
        before = old.definition if old else None
        kind = ChangeKind(new.kind)
        found.append(
            Entry(
                new,
                pill(PILLS.get(kind, "corrected"), words.KINDS[kind]),
                words.changes(before, new.definition, clinics) if before else [],
                words.second_after(new.changed_at),
                can_revert,
            )
        )
    return found
