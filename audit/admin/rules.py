"""The rules that alerts are made by, with a look at what a rule would have done."""

import datetime as dt
from typing import Any, ClassVar, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from audit import alerting, catalogue
from audit.admin.alerts import SEVERITIES, rule_in_words
from audit.admin.pages import show
from audit.models import AuditAlertRule
from audit.types import ActorKind, Severity
from core.admin import ConsoleAdmin, ForSuperusers, pill

PREVIEWED: Final = dt.timedelta(days=7)
LONGEST_WINDOW: Final = 24 * 60
LONGEST_COOL_DOWN: Final = 30 * 24 * 60
MOST_ADDRESSES: Final = 10


class RuleForm(forms.ModelForm[AuditAlertRule]):
    events = forms.MultipleChoiceField(
        label="Events that count",
        choices=list(catalogue.EVENTS.items()),
        widget=forms.CheckboxSelectMultiple,
        help_text="Changes of rows, and looks of people at their own record, never count.",
    )
    actor_kinds = forms.MultipleChoiceField(
        label="By whom",
        choices=ActorKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: by anybody.",
    )
    threshold = forms.IntegerField(label="How many", min_value=1, max_value=1_000_000)
    window_minutes = forms.IntegerField(
        label="Within how many minutes",
        min_value=1,
        max_value=LONGEST_WINDOW,
        help_text="At most a day.",
    )
    cool_down_minutes = forms.IntegerField(
        label="Cool-down in minutes",
        min_value=0,
        max_value=LONGEST_COOL_DOWN,
        help_text="After an alert was resolved, the same makes no new one for so long.",
    )
    notify = forms.CharField(
        label="Tell by e-mail",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Addresses of staff, one a line. One mail for each alert; it says that there is"
        " one, and where, and nobody's name.",
    )

    class Meta:
        model = AuditAlertRule
        fields = (
            *("name", "description", "is_enabled", "events", "outcome", "actor_kinds"),
            *("counts", "threshold", "window_minutes", "group_by", "severity"),
            *("cool_down_minutes", "notify"),
        )
        labels: ClassVar = {
            "is_enabled": "Switched on",
            "counts": "Count",
            "group_by": "Count together what has",
            "severity": "How grave",
        }
        help_texts: ClassVar = {
            "name": "What stands over its alerts, and in mails.",
            "description": "What to do when it makes an alert. Stands on the alert's page.",
            "outcome": "Empty: both.",
            "group_by": "What lies across clinics, such as a network or an administrator, is"
            " counted across all of them; only superusers see such alerts.",
        }
        widgets: ClassVar = {
            "name": forms.TextInput,
            "description": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["notify"] = "\n".join(self.instance.notify or [])
        self.fields["notify"].disabled = False
        if not settings.SENDS_MAIL:
            self.fields[
                "notify"
            ].help_text += " This installation sends no mail now: EMAIL_URL is not set."

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if len(name) > 100:  # noqa: PLR2004
            raise ValidationError("Must be of at most 100 characters.")
        return name

    def clean_notify(self) -> list[str]:
        addresses = list(dict.fromkeys(self.cleaned_data["notify"].lower().split()))
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError as error:
                raise ValidationError(f"{address} is not an e-mail address.") from error
        if len(addresses) > MOST_ADDRESSES:
            raise ValidationError(f"At most {MOST_ADDRESSES} addresses.")
        return addresses


@admin.register(AuditAlertRule)
class RuleAdmin(ForSuperusers, ConsoleAdmin[AuditAlertRule]):
    purpose = "When somebody is told that something looks wrong in the audit log."
    list_display = ("name", "state", "when_it_fires", "gravity", "told")
    sortable_by = ()

    @admin.display(description="state")
    def state(self, rule: AuditAlertRule) -> str:
        return pill("final", "On") if rule.is_enabled else pill("replaced", "Off")

    @admin.display(description="makes an alert of")
    def when_it_fires(self, rule: AuditAlertRule) -> str:
        return rule_in_words(rule)

    @admin.display(description="how grave")
    def gravity(self, rule: AuditAlertRule) -> str:
        return pill(SEVERITIES[rule.severity], Severity(rule.severity).label)

    @admin.display(description="e-mail to", empty_value="nobody")
    def told(self, rule: AuditAlertRule) -> str | None:
        if not rule.notify:
            return None
        return f"{len(rule.notify)} address{'' if len(rule.notify) == 1 else 'es'}"

    def add_view(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        fresh = AuditAlertRule(
            threshold=10, window_minutes=15, cool_down_minutes=60, group_by="actor"
        )
        return self._page(request, fresh, is_new=True)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        rule = self.get_object(request, unquote(object_id))
        if rule is None:
            return super().change_view(request, object_id, *args, **kwargs)
        return self._page(request, rule, is_new=False)

    def _page(self, request: HttpRequest, rule: AuditAlertRule, *, is_new: bool) -> HttpResponse:
        """Ask for a rule; look at what it would have done, or save it."""
        form = RuleForm(request.POST if request.method == "POST" else None, instance=rule)
        replay = None
        if form.is_valid():
            if "preview" not in request.POST:
                return self._save(request, form, is_new=is_new)
            replay = alerting.replay(form.instance, timezone.now() - PREVIEWED)
        elif request.method != "POST" and not is_new:
            replay = alerting.replay(rule, timezone.now() - PREVIEWED)
        title = "Add an alert rule" if is_new else rule.name
        return show(
            *(self, request, "change_form"),
            title=title,
            form=form,
            replay=replay,
            is_new=is_new,
            rule=rule,
            rule_in_words=rule_in_words(form.instance) if replay else "",
        )

    def _save(self, request: HttpRequest, form: RuleForm, *, is_new: bool) -> HttpResponse:
        rule = form.save()
        if is_new:
            self.log_addition(request, rule, "Added.")
        else:
            self.log_change(request, rule, f"Changed: {', '.join(form.changed_data) or 'nothing'}.")
        self.message_user(request, f"The rule “{rule}” is saved.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:audit_auditalertrule_changelist"))
