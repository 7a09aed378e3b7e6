"""The console's page that hands entries of a time out as a file of lines of JSON."""

import datetime as dt
import tempfile
from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils import timezone

from audit import catalogue, queries, services
from audit.admin.pages import show
from audit.exporting import Wanted
from audit.models import AuditLog
from audit.services.exports import LONGEST_SPAN
from core.admin import ReadOnlyAdmin, actor
from core.errors import DomainError

EVENTS: Final[list[tuple[str, str]]] = sorted(
    (*catalogue.EVENTS.items(), *catalogue.ROWS.items()), key=lambda event: event[1]
)
EVERY_CLINIC: Final = ("", "All clinics and the house")


class ExportForm(forms.Form):
    first = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(
        label="To",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=f"Days in UTC, both included; at most {LONGEST_SPAN.days} of them.",
    )
    events = forms.MultipleChoiceField(
        label="Events",
        required=False,
        choices=EVENTS,
        widget=forms.SelectMultiple(attrs={"size": 8}),
        help_text="None chosen: all.",
    )
    clinic = forms.ChoiceField(label="Clinic", required=False)

    def __init__(self, data: Any, reader: Any, today: dt.date) -> None:
        self.today = today
        week = {"first": today - dt.timedelta(days=6), "last": today}
        super().__init__(data, initial=week)
        if not reader.is_superuser:
            del self.fields["clinic"]
            return
        clinic: Any = self.fields["clinic"]
        names = ((str(key), name) for key, name in queries.clinics().items())
        clinic.choices = [EVERY_CLINIC, *names]

    def clean_last(self) -> dt.date:
        last: dt.date = self.cleaned_data["last"]
        if last > self.today:
            raise forms.ValidationError("This day has not come yet.")
        return last

    def wanted(self, reader: Any) -> Wanted:
        told = self.cleaned_data
        chosen = queries.as_uuid(told.get("clinic") or None)
        return Wanted(
            first=midnight(told["first"]),
            end=midnight(told["last"]) + dt.timedelta(days=1),
            tenant_id=chosen if reader.is_superuser else reader.tenant_id,
            events=told["events"],
        )


class ExportPages(ReadOnlyAdmin[AuditLog]):
    """Added to the pages of the log."""

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.export)
        return [path("export/", page, name="audit_auditlog_export"), *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        now, reader = timezone.now(), actor(request)
        form = ExportForm(request.POST if request.method == "POST" else None, reader, now.date())
        if form.is_valid():
            wanted = form.wanted(reader)
            # Whole on disk before the first byte leaves: what breaks off is no file.
            out = tempfile.TemporaryFile()  # noqa: SIM115  The answer closes it.
            try:
                services.export_log(out=out, wanted=wanted, now=now)
            except DomainError as error:
                out.close()
                form.add_error(None, error.detail)
            else:
                out.seek(0)
                return handed_out(out, form)
        return show(self, request, "export", title="Export the audit log", form=form)


def handed_out(out: Any, form: ExportForm) -> FileResponse:
    told = form.cleaned_data
    name = f"novara-audit-{told['first']:%Y-%m-%d}-{told['last']:%Y-%m-%d}.ndjson"
    answer = FileResponse(
        out, as_attachment=True, filename=name, content_type="application/x-ndjson"
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min, tzinfo=dt.UTC)
