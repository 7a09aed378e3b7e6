"""Legal holds: what must not be deleted, whatever retention says."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone

from audit import queries, services
from audit.admin.pages import show
from audit.admin.words import Names
from audit.models import AuditLegalHold
from audit.services.keeping import LONGEST_REASON
from audit.types import HOUSE
from core.admin import ForSuperusers, ReadOnlyAdmin, actor, pill, when
from core.errors import DomainError

LISTED = "admin:audit_auditlegalhold_changelist"


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="Which case, and who asked for it. Stands in the audit log, with your name; write"
        " nothing about anybody's health.",
    )


class HoldForm(ReasonForm):
    clinic = forms.ChoiceField(label="Clinic")
    person = forms.CharField(
        label="Person",
        required=False,
        help_text="Whole e-mail address or id. Empty: everything of the clinic is held.",
    )
    field_order = ("clinic", "person", "reason")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        clinic: Any = self.fields["clinic"]
        names = queries.clinics().items()
        # Nobody is of the whole house, and its own entries are nobody's.
        choices = [(str(key), name) for key, name in names if key != HOUSE]
        clinic.choices = [("", "Choose a clinic"), *choices]

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        said = told.get("person", "").strip().lower()
        told["subject_id"] = None
        if said:
            found = queries.find_person(said) if "@" in said else queries.as_uuid(said)
            told["subject_id"] = found
            if found is None:
                self.add_error("person", "There is nobody with this address or id.")
            elif str(queries.tenant_of_person(found)) not in {"None", told.get("clinic")}:
                self.add_error("person", "This person is of another clinic.")
        return told


@admin.register(AuditLegalHold)
class HoldAdmin(ForSuperusers, ReadOnlyAdmin[AuditLegalHold]):
    purpose = (
        "Clinics and people who cannot be erased, and of whom no entry is deleted, whatever"
        " retention says."
    )
    list_display = ("held", "state", "placed", "ended")
    list_display_links = ("held",)
    sortable_by = ()
    ordering = ("-released_at", "-id")

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.release)
        return [
            path("<hold_id>/release/", page, name="audit_auditlegalhold_release"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_within_reach(request, None)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        response: Any = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            rows = list(shown["cl"].result_list)
            name(rows)
            shown["cl"].result_list = rows
        return response

    def heading(self, row: Any) -> str:
        return f"Legal hold on {self.held(row)}"

    @admin.display(description="held")
    def held(self, hold: Any) -> str:
        clinic = hold.clinics.get(hold.tenant_id, "a clinic that is gone")
        return f"{hold.names.person(hold.subject_id)}, {clinic}" if hold.subject_id else str(clinic)

    @admin.display(description="state")
    def state(self, hold: AuditLegalHold) -> str:
        return pill("replaced", "Released") if hold.released_at else pill("waiting", "Stands")

    @admin.display(description="placed")
    def placed(self, hold: Any) -> str:
        return f"{when(hold.created_at)}, {hold.names.person(hold.placed_by)}"

    @admin.display(description="released", empty_value="-")
    def ended(self, hold: Any) -> str | None:
        if hold.released_at is None:
            return None
        return f"{when(hold.released_at)}, {hold.names.person(hold.released_by)}"

    def add_view(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = HoldForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and self._place(request, form):
            return HttpResponseRedirect(reverse(LISTED))
        return show(self, request, "add_form", title="Place a legal hold", form=form)

    def _place(self, request: HttpRequest, form: HoldForm) -> bool:
        try:
            hold = services.place_hold(
                tenant_id=queries.as_uuid(form.cleaned_data["clinic"]),  # type: ignore[arg-type]  # One of the choices.
                subject_id=form.cleaned_data["subject_id"],
                reason=form.cleaned_data["reason"],
                by=actor(request).pk,
            )
        except DomainError as error:
            form.add_error("reason", error.detail)
            return False
        self.log_addition(request, hold, "Placed.")
        self.message_user(request, "The hold is placed.", messages.SUCCESS)
        return True

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        hold = self.get_object(request, unquote(object_id))
        if hold is None:
            return super().change_view(request, object_id, *args, **kwargs)
        return self._show(request, hold, "change_form")

    def release(self, request: HttpRequest, hold_id: str) -> HttpResponse:
        hold = self.get_object(request, unquote(hold_id))
        if hold is None:
            return super().change_view(request, hold_id)
        shown = HttpResponseRedirect(reverse(LISTED))
        if hold.released_at:
            self.message_user(request, "This hold is released already.", messages.WARNING)
            return shown
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and self._release(request, hold, form):
            return shown
        return self._show(request, hold, "release", form=form)

    def _release(self, request: HttpRequest, hold: AuditLegalHold, form: forms.Form) -> bool:
        reason = form.cleaned_data["reason"]
        try:
            services.release_hold(
                hold_id=hold.pk, reason=reason, by=actor(request).pk, now=timezone.now()
            )
        except DomainError as error:
            form.add_error("reason", error.detail)
            return False
        self.log_change(request, hold, "Released.")
        self.message_user(request, "The hold is released.", messages.SUCCESS)
        return True

    def _show(
        self, request: HttpRequest, hold: AuditLegalHold, template: str, **context: Any
    ) -> HttpResponse:
        name([hold])
        return show(
            *(self, request, template),
            title=self.heading(hold),
            hold=hold,
            held=self.held(hold),
            state=self.state(hold),
            placed=self.placed(hold),
            ended=self.ended(hold),
            **context,
        )


def name(rows: list[Any]) -> None:
    ids = [str(each) for row in rows for each in (row.subject_id, row.placed_by, row.released_by)]
    names, clinics = Names(further=ids), queries.clinics()
    for row in rows:
        row.names, row.clinics = names, clinics
