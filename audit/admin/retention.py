"""How long entries of each kind are kept."""

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from audit import services
from audit.admin.pages import show
from audit.models import AuditLegalHold, AuditRetention
from audit.services.keeping import LONGEST_DAYS, LONGEST_REASON
from audit.types import LEAST_DAYS_KEPT, Category
from core.admin import ConsoleAdmin, ForSuperusers, when
from core.errors import DomainError

YEAR: Final = 365
SIX_YEARS: Final = 6 * YEAR


class RetentionForm(forms.Form):
    days = forms.IntegerField(
        label="Days", min_value=LEAST_DAYS_KEPT, max_value=LONGEST_DAYS, help_text="365 are a year."
    )
    reason = forms.CharField(
        label="Why",
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="Stands in the audit log, with your name.",
    )
    is_sure = forms.BooleanField(
        label="I know that this deletes",
        required=False,
        help_text="Needed to keep entries shorter: what is older is deleted for good within a day.",
    )

    def __init__(self, before: int, data: Any = None) -> None:
        super().__init__(data, initial={"days": before})
        self.before = before

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if told.get("days", self.before) < self.before and not told.get("is_sure"):
            self.add_error("is_sure", "Say that you know it: this is shorter than before.")
        return told


@admin.register(AuditRetention)
class RetentionAdmin(ForSuperusers, ConsoleAdmin[AuditRetention]):
    purpose = "How long entries of the audit log are kept, for each kind of entry."
    list_display = ("kind", "kept", "changed")
    list_display_links = ("kind",)
    sortable_by = ()
    ordering = ("category",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="kind of entry")
    def kind(self, row: AuditRetention) -> str:
        return Category(row.category).label

    @admin.display(description="kept for")
    def kept(self, row: AuditRetention) -> str:
        return in_years(row.days)

    @admin.display(description="last changed")
    def changed(self, row: AuditRetention) -> str:
        return when(row.updated_at)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return super().change_view(request, object_id, *args, **kwargs)
        form = RetentionForm(row.days, request.POST if request.method == "POST" else None)
        if form.is_valid() and self._change(request, row, form):
            return HttpResponseRedirect(reverse("admin:audit_auditretention_changelist"))
        return show(
            *(self, request, "change_form"),
            title=Category(row.category).label,
            form=form,
            row=row,
            kept=in_years(row.days),
            is_below_six_years=row.days < SIX_YEARS,
            holds=AuditLegalHold.objects.filter(released_at=None).count(),
        )

    def _change(self, request: HttpRequest, row: AuditRetention, form: RetentionForm) -> bool:
        days, reason = form.cleaned_data["days"], form.cleaned_data["reason"]
        try:
            services.change_retention(category=row.category, days=days, reason=reason)
        except DomainError as error:
            form.add_error("reason", error.detail)
            return False
        self.log_change(request, row, f"Kept for {days} days.")
        self.message_user(request, "The retention is changed.", messages.SUCCESS)
        return True


def in_years(days: int) -> str:
    years, rest = divmod(days, YEAR)
    if years and rest < years:  # Leap days.
        return f"{years} year{'' if years == 1 else 's'}"
    return f"{days:,} days"
