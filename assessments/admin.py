"""The console's page of a clinic's own questionnaires: make a version, see it as people would,
and choose which one is asked."""

import json
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import ngettext

from assessments import definitions, queries, services
from assessments.models import AssessmentDefinition
from assessments.types import Instrument
from core.admin import ConsoleAdmin, actor, pill, when
from core.api.base import decode_json
from core.errors import InvalidInput

# What a new questionnaire begins with: every key that there is, small enough to read.
EXAMPLE: Final = """{
  "intro": "Over the last 7 days, how often was this so?",
  "options": [
    {"value": 0, "text": "Never"},
    {"value": 1, "text": "On some days"},
    {"value": 2, "text": "Every day"}
  ],
  "questions": [
    {"id": "hard_to_fall_asleep", "text": "I found it hard to fall asleep"},
    {"id": "woke_up_early", "text": "I woke up too early"},
    {"id": "felt_unsafe", "text": "I did not feel safe with myself"},
    {
      "id": "hours_asleep",
      "text": "How many hours did you sleep?",
      "is_scored": false,
      "options": [{"value": 0, "text": "Less than 6"}, {"value": 1, "text": "6 or more"}]
    }
  ],
  "sub_scores": [
    {"name": "sleep_score", "title": "Sleep", "questions": ["hard_to_fall_asleep", "woke_up_early"]}
  ],
  "bands": [
    {"low": 0, "high": 2, "severity": "none", "text": "Nothing to note"},
    {"low": 3, "high": 6, "severity": "moderate", "text": "Worth a talk"}
  ],
  "safety": ["felt_unsafe"]
}"""
# What the reader of JSON says of a fault begins so; what it means to people.
HINTS: Final = {
    "Expecting ','": "Before it, a comma or a closing bracket is missing.",
    "Expecting ':'": "Before it, a colon is missing.",
    "Expecting property name": (
        'Here belongs a name in straight quotes, such as "text"; or a closing bracket is missing'
        " before it. No comma stands before a closing bracket."
    ),
    "Expecting value": (
        'Here belongs a number, a text in straight quotes ("), a list or an object. No comma'
        " stands before a closing bracket."
    ),
    "Illegal trailing comma": "No comma stands before a closing bracket.",
    "Unterminated string": 'The text that begins here has no closing quote (").',
    "Invalid control": "A text does not go on in the next line; write \\n for a new line.",
    "Invalid \\": "A backslash within a text is written twice.",
    "Extra data": "The questionnaire has ended before this.",
}
CONTENT_HELP: Final = (
    "JSON. Each answer counts by its value, and the total is the sum of the questions that are"
    " scored. “bands” say what totals mean: together they hold every total, in order; severity is"
    " one of none, minimal, mild, moderate, moderately_severe, severe. Questions named in “safety”"
    " raise a safety alert when they are answered with 1 or more."
)


class DefinitionForm(forms.ModelForm[AssessmentDefinition]):
    content = forms.CharField(
        label="Questions and scoring",
        widget=forms.Textarea(attrs={"rows": 34, "cols": 90, "spellcheck": "false"}),
        initial=EXAMPLE,
        help_text=CONTENT_HELP,
        strip=False,
    )

    instrument: Instrument | None = None
    # Of whoever asks for the form: they need not choose their clinic.
    tenant_id: Any = None

    class Meta:
        model = AssessmentDefinition
        fields = ("tenant", "name", "title", "content", "is_active")
        labels = {"tenant": "Clinic", "is_active": "Ask people this version from now on"}
        help_texts = {
            "name": (
                "Small letters, digits and underscores, such as sleep_quality. The name of a"
                " questionnaire that you have already makes its next version."
            ),
            "title": "What people read above the questions.",
            "is_active": "The version before is not asked any more; what was answered stays.",
        }
        widgets = {"name": forms.TextInput, "title": forms.TextInput}

    @property
    def is_preview(self) -> bool:
        return "_preview" in self.data

    def is_valid(self) -> bool:
        """A preview is shown with the form, and saves nothing."""
        return super().is_valid() and not self.is_preview

    def clean_content(self) -> Any:
        text: str = self.cleaned_data["content"]
        try:
            content = decode_json(text.encode())
        except InvalidInput as error:
            raise forms.ValidationError(place_of_fault(text) or error.detail) from error
        if name := definitions.doubled(text):
            raise forms.ValidationError(
                f"“{name}” stands twice between one pair of brackets. Take one of them away."
            )
        return content

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.fields.keys() <= cleaned.keys():
            tenant = cleaned.get("tenant")
            try:
                services.check_name(
                    tenant_id=tenant.pk if tenant else self.tenant_id, name=cleaned["name"]
                )
                self.instrument = definitions.read(
                    name=cleaned["name"],
                    version=1,
                    title=cleaned["title"],
                    content=cleaned["content"],
                )
            except InvalidInput as error:
                for fault in error.errors:
                    field = "name" if fault.pointer == "/name" else "content"
                    self.add_error(field, fault.detail)
        return cleaned

    def validate_constraints(self) -> None:
        """The service keeps them: it ends the version before."""


def place_of_fault(text: str) -> str | None:
    """Say where JSON is not well-formed, as an editor counts."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        hints = [hint for said, hint in HINTS.items() if error.msg.startswith(said)]
        return " ".join([f"This is not well-formed JSON: {place}.", *hints])
    except (RecursionError, ValueError):
        return "This is nested too deeply, or has a number with too many digits."
    return None


@admin.register(AssessmentDefinition)
class AssessmentDefinitionAdmin(ConsoleAdmin[AssessmentDefinition]):
    purpose = "Your clinic's own questionnaires, beside PHQ-4, PHQ-9 and GAD-7."
    form = DefinitionForm
    add_form_template = "admin/assessments/assessmentdefinition/add_form.html"
    list_display = ("title", "name", "version", "state", "clinic", "made")
    list_select_related = ("tenant",)
    search_fields = ("name", "title")
    sortable_by = ()
    actions = ("use", "stop")

    def get_urls(self) -> list[Any]:
        choose = self.admin_site.admin_view(self.choose)
        name = "assessments_assessmentdefinition_choose"
        return [path("<definition_id>/choose/", choose, name=name), *super().get_urls()]

    def has_change_permission(
        self, request: HttpRequest, obj: AssessmentDefinition | None = None
    ) -> bool:
        return False

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.tenant_id = actor(request).tenant_id
        return form

    def get_fields(self, request: HttpRequest, obj: AssessmentDefinition | None = None) -> Any:
        own = ("name", "title", "content", "is_active")
        return ("tenant", *own) if actor(request).is_superuser else own

    def get_list_display(self, request: HttpRequest) -> Any:
        hidden = set() if actor(request).is_superuser else {"clinic"}
        return [name for name in self.list_display if name not in hidden]

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        """Begin a new version with what an earlier one says."""
        row = self.get_object(request, unquote(request.GET.get("from", "")))
        if row is None:
            return {"is_active": True, "tenant": actor(request).tenant_id}
        return {
            "tenant": row.tenant_id,
            "name": row.name,
            "title": row.title,
            "content": json.dumps(row.content, ensure_ascii=False, indent=2),
            "is_active": True,
        }

    @admin.display(description="state")
    def state(self, row: AssessmentDefinition) -> str:
        return pill("final", "Asked") if row.is_active else pill("replaced", "Not asked")

    @admin.display(description="clinic")
    def clinic(self, row: AssessmentDefinition) -> str:
        return row.tenant.name

    @admin.display(description="made")
    def made(self, row: AssessmentDefinition) -> str:
        return when(row.created_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        """Add a version by the service, and let Django go on with that row."""
        tenant = form.cleaned_data.get("tenant") or actor(request).tenant
        row = services.add_definition(
            tenant_id=tenant.pk,
            name=form.cleaned_data["name"],
            title=form.cleaned_data["title"],
            content=form.cleaned_data["content"],
            is_active=form.cleaned_data["is_active"],
        )
        vars(obj).update(vars(row))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (services.VersionTaken, InvalidInput) as error:  # Somebody was quicker.
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if row := kwargs.get("obj"):
            context |= {"row": row, "state": self.state(row)}
            context["instrument"] = queries.instrument_of(row)
        else:
            form = context["adminform"].form
            context |= {"title": "Add a questionnaire", "instrument": form.instrument}
            context["is_preview"] = form.is_bound and form.is_preview and form.instrument
        return super().render_change_form(request, context, *args, **kwargs)

    # Which version is asked

    def choose(self, request: HttpRequest, definition_id: str) -> HttpResponse:
        row = self.get_object(request, unquote(definition_id))
        if row is None:
            return self.change_view(request, definition_id)
        if request.method == "POST":
            self._choose(request, row, is_active="use" in request.POST)
            words = "is asked from now on" if row.is_active else "is not asked any more"
            self.message_user(request, f"{row} {words}.", messages.SUCCESS)
        page = "admin:assessments_assessmentdefinition_change"
        return HttpResponseRedirect(reverse(page, args=[row.pk]))

    @admin.action(description="Ask people this version")
    def use(self, request: HttpRequest, rows: QuerySet[AssessmentDefinition]) -> None:
        self._choose_all(request, rows, is_active=True)

    @admin.action(description="Do not ask it any more")
    def stop(self, request: HttpRequest, rows: QuerySet[AssessmentDefinition]) -> None:
        self._choose_all(request, rows, is_active=False)

    def _choose_all(
        self, request: HttpRequest, rows: QuerySet[AssessmentDefinition], *, is_active: bool
    ) -> None:
        # Oldest first: of several versions of a name, the newest is the one that is asked.
        chosen = list(rows.order_by("version"))
        for row in chosen:
            self._choose(request, row, is_active=is_active)
        noun = ngettext("questionnaire", "questionnaires", len(chosen))
        self.message_user(request, f"{len(chosen)} {noun} changed.", messages.SUCCESS)

    @transaction.atomic
    def _choose(self, request: HttpRequest, row: AssessmentDefinition, *, is_active: bool) -> None:
        if is_active:
            services.activate(definition=row)
        else:
            services.deactivate(definition=row)
        self.log_change(request, row, "Asked." if is_active else "Not asked any more.")
