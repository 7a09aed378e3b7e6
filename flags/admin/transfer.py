"""The console's pages that take flags out as JSON and bring them in."""

import json
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from core.admin import ConsoleAdmin, actor
from core.errors import DomainError, FieldError
from flags import queries
from flags.admin import words
from flags.models import FeatureFlag
from flags.services import transfer
from flags.services.changing import Actor
from flags.services.transfer import Effect, Imported

LARGEST_FILE: Final = 1_000_000


class ImportForm(forms.Form):
    file = forms.FileField(required=False, label="A file that was exported")
    document = forms.CharField(
        required=False,
        strip=False,
        label="Or its text",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
    )
    reason = forms.CharField(
        max_length=1000,
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Stands in the history of each flag that is changed.",
    )
    # What the dry run saw, so that nothing else is overwritten.
    seen = forms.JSONField(required=False, widget=forms.HiddenInput())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if file is not None and file.size > LARGEST_FILE:
            self.add_error("file", "This is too large for flags: at most 1 MB.")
        elif file is not None:
            try:
                cleaned["document"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", "This is not text in UTF-8.")
        elif not cleaned.get("document"):
            self.add_error("document", "Give a file or its text.")
        if not isinstance(cleaned.get("seen"), dict):
            # Whatever is brought in counts as changed, as nobody has looked at it.
            cleaned["seen"] = {}
        return cleaned


class TransferPages(ConsoleAdmin[FeatureFlag]):
    """Added to the pages of flags."""

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("import/", wrap(self.import_view), name="flags_featureflag_import"),
            path("export/", wrap(self.export_view), name="flags_featureflag_export"),
            *super().get_urls(),
        ]

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Download the chosen flags, or all of them."""
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        try:
            document = transfer.export_flags(request.GET.getlist("flag") or None)
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:flags_featureflag_import"))
        name = f"novara-flags-{timezone.now():%Y-%m-%d}.json"
        return HttpResponse(
            document,
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Show what an import would do; on the second click, do it."""
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        page: dict[str, Any] = {
            "title": "Import and export",
            "keys": FeatureFlag.objects.values_list("flag_name", flat=True),
        }
        if request.method == "POST" and form.is_valid():
            is_dry_run = "_import" not in request.POST
            try:
                found = self._import(request, form, is_dry_run=is_dry_run)
            except DomainError as error:
                faults = error.errors or [FieldError(error.detail)]
                page["faults"] = [(one.pointer, words.say_fault(one)) for one in faults]
            else:
                if not is_dry_run:
                    return HttpResponseRedirect(reverse("admin:flags_featureflag_changelist"))
                page |= _dry_run(found)
                form = _confirming(form, found)
        context = {**self.admin_site.each_context(request), "opts": self.opts, **page, "form": form}
        return TemplateResponse(request, "admin/flags/plans/transfer.html", context)

    def _import(
        self, request: HttpRequest, form: ImportForm, *, is_dry_run: bool
    ) -> list[Imported]:
        found = transfer.import_flags(
            document=form.cleaned_data["document"],
            actor=Actor(actor(request).email),
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
            is_dry_run=is_dry_run,
            seen=None if is_dry_run else form.cleaned_data["seen"],
        )
        if not is_dry_run:
            done = _sum_up(found)
            for one in FeatureFlag.objects.filter(flag_name__in=[one.key for one in found]):
                self.log_change(request, one, "Imported.")
            self.message_user(request, f"Imported: {done}.", messages.SUCCESS)
        return found


def _confirming(form: ImportForm, found: list[Imported]) -> ImportForm:
    """Give the form that holds what was looked at, whether it came as a file or as text."""
    seen = {one.key: one.base_version for one in found}
    return ImportForm(
        {
            "document": form.cleaned_data["document"],
            "reason": form.cleaned_data["reason"],
            "seen": json.dumps(seen),
        }
    )


def _dry_run(found: list[Imported]) -> dict[str, Any]:
    clinics = queries.clinic_names()
    return {
        "is_looked_at": True,
        "sum": _sum_up(found),
        "effects": [
            {
                "key": one.key,
                "effect": one.effect.value,
                "changes": words.changes(one.before, one.after, clinics),
                "summary": words.summary(one.after, clinics),
            }
            for one in found
            if one.effect != Effect.UNCHANGED
        ],
    }


def _sum_up(found: list[Imported]) -> str:
    counts = {effect: sum(one.effect == effect for one in found) for effect in Effect}
    return words.enumerate_words([f"{counts[effect]} {effect}" for effect in Effect])
