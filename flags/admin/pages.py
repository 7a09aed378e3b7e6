"""The page of one flag: what holds, and how to change it, with a look at whom that touches."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from core.admin import actor, pill
from core.errors import DomainError, InvalidInput
from flags import preview, queries, services
from flags.admin import looks, plans, words
from flags.admin.explaining import ExplainForm
from flags.admin.figures import asked_lately
from flags.admin.forms import FlagForm
from flags.admin.listing import FlagList
from flags.admin.previews import shown
from flags.evaluation import RuleSet
from flags.models import FeatureFlag, FeatureFlagVersion
from flags.preview import Preview
from flags.services import approving
from flags.services.changing import LARGE_STEP
from flags.types import Definition, ValueType, Variant

ASKED_FOR = "This change needs a second person, who finds it under Change requests."
NEW_VARIANTS: Mapping[ValueType, list[Variant]] = {
    ValueType.STRING: [Variant("standard", ""), Variant("new", "")],
    ValueType.INTEGER: [Variant("standard", 0), Variant("new", 0)],
    ValueType.FLOAT: [Variant("standard", 0.0), Variant("new", 0.0)],
    ValueType.OBJECT: [Variant("standard", {}), Variant("new", {})],
}


class FlagPage(FlagList):
    # Changing

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        flag = self.flag_of(request, object_id)
        form = self._form(request, flag)
        page: dict[str, Any] = {}
        if request.method == "POST" and form.is_valid():
            if "_preview" in request.POST:
                page["preview"] = self._preview(form)
            elif saved := self._save(request, form):
                return HttpResponseRedirect(saved)
        if flag:
            page |= self._about(flag)
        return self.render(request, "change", page | {"form": form, "flag": flag})

    def flag_of(self, request: HttpRequest, flag_id: str | None) -> FeatureFlag | None:
        """Give the flag of a page; None for the page of a new one."""
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        if flag_id is None:
            return None
        flag = self.get_object(request, unquote(flag_id))
        if flag is None:
            raise Http404("There is no such flag.")
        return flag

    def known_flag(self, request: HttpRequest, flag_id: str) -> FeatureFlag:
        flag = self.flag_of(request, flag_id)
        assert flag is not None  # noqa: S101  The address names one.
        return flag

    def _form(self, request: HttpRequest, flag: FeatureFlag | None) -> FlagForm:
        told = request.POST if request.method == "POST" else None
        others = FeatureFlag.objects.exclude(pk=flag.pk) if flag else FeatureFlag.objects.all()
        return FlagForm(
            told,
            flag=flag,
            blank=_blank(request.GET.get("type", "")),
            clinics=queries.clinic_names(),
            others=[one.definition for one in others],
            known_people=_people_on_lists(flag.definition) if flag else {},
        )

    @staticmethod
    def sum_up(flag: FeatureFlag) -> dict[str, Any]:
        """Say what holds, at the top of a page."""
        return {
            "state": pill(*words.state_of(flag.definition)),
            "summary": words.summary(flag.definition, queries.clinic_names()),
        }

    def _about(self, flag: FeatureFlag) -> dict[str, Any]:
        return {
            "title": flag.flag_name,
            "explain_form": ExplainForm(None, flag.definition),
            "asked": asked_lately(flag.flag_name, timezone.now()),
            "stale": queries.stale_reasons(timezone.now()).get(flag.flag_name),
            **self.sum_up(flag),
            **plans.about(flag),
        }

    def _preview(self, form: FlagForm) -> dict[str, Any]:
        """Say what saving would do to people."""
        after = form.definition
        assert after is not None  # noqa: S101  The form is valid.
        before = form.before if form.flag else None
        found = preview.preview(before, after, preview.rule_set_now(), preview.people())
        return shown(found, before, after, form.clinics) | {"changed_by": form.changed_by}

    def preview_view(self, request: HttpRequest, flag_id: str | None = None) -> HttpResponse:
        """Answer the page's script with the preview alone."""
        if request.method != "POST":
            raise Http404("A preview is asked for by POST.")
        form = self._form(request, self.flag_of(request, flag_id))
        page = {"preview": self._preview(form)} if form.is_valid() else {"form": form}
        return TemplateResponse(request, "admin/flags/featureflag/preview.html", page)

    def _save(self, request: HttpRequest, form: FlagForm) -> str | None:
        """Save what the form says, and give the page to go on with; None if it was refused."""
        try:
            if form.flag is None:
                return self._create(request, form)
            return self._change(request, form, form.flag)
        except InvalidInput as error:
            form.add_faults(error)
        except services.FlagChanged:
            self._say_changed_meanwhile(form)
        except DomainError as error:
            form.add_error("key" if "key" in form.fields else None, error.detail)
        return None

    def _create(self, request: HttpRequest, form: FlagForm) -> str:
        assert form.definition is not None  # noqa: S101  The form is valid.
        flag = services.create_flag(
            definition=form.definition,
            actor=self.who(request),
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
        self.log_addition(request, flag, [{"added": {}}])
        self.message_user(request, f"The flag {flag} is made.", messages.SUCCESS)
        return self.page_of(flag)

    def _change(self, request: HttpRequest, form: FlagForm, flag: FeatureFlag) -> str:
        assert form.definition is not None  # noqa: S101  The form is valid.
        told: dict[str, Any] = {
            "definition": form.definition,
            "base_version": form.cleaned_data["base_version"],
            "actor": self.who(request),
            "reason": form.cleaned_data["reason"],
            "now": timezone.now(),
        }
        rule_set = preview.rule_set_now()
        try:
            changed = services.change_flag(**told)
        except services.ApprovalNeeded:
            approving.request_change(**told)
            self.message_user(request, ASKED_FOR, messages.WARNING)
            return self.page_of(flag)
        self.say_changed(request, flag, changed, rule_set)
        return self.page_of(changed)

    def say_changed(
        self, request: HttpRequest, before: FeatureFlag, after: FeatureFlag, rule_set: RuleSet
    ) -> None:
        """Note a change, and tell what it did to people."""
        if after.version == before.version:
            self.message_user(request, "Nothing was different, so nothing was changed.")
            return
        if before.is_enabled and not after.is_enabled:
            # Whoever switches off in a hurry does not wait for numbers.
            self.log_change(request, after, "Switched off.")
            said = f"{after} is switched off. Within a second or two nobody has it any more."
            self.message_user(request, said, messages.SUCCESS)
            return
        self.log_change(request, after, "Changed.")
        found = preview.preview(before.definition, after.definition, rule_set, preview.people())
        self.message_user(request, say_done(after, found), messages.SUCCESS)

    def _say_changed_meanwhile(self, form: FlagForm) -> None:
        """Show what somebody else changed, and let the next attempt count for that version."""
        assert form.flag is not None  # noqa: S101  A new flag has no version before.
        now = FeatureFlag.objects.get(pk=form.flag.pk)
        seen = FeatureFlagVersion.objects.filter(
            flag_name=now.flag_name, version=form.cleaned_data["base_version"]
        ).first()
        form.add_error(
            None,
            f"{now.updated_by or 'Somebody'} changed this flag meanwhile. What you typed is still"
            " here. Look at what was changed; if you save again, yours takes its place.",
        )
        form.conflict = words.changes(
            seen.definition if seen else None, now.definition, form.clinics
        )
        data = QueryDict(mutable=True)
        data.update(form.data)
        data["base_version"] = str(now.version)
        form.data = data

    # What the pages have in common

    def render(self, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Add a flag",
            "opts": self.opts,
            "kinds": words.VALUE_TYPES.items(),
            "large_step": LARGE_STEP,
            **page,
        }
        return TemplateResponse(request, f"admin/flags/featureflag/{name}.html", context)

    @staticmethod
    def who(request: HttpRequest) -> services.Actor:
        return services.Actor(actor(request).email)

    @staticmethod
    def page_of(flag: FeatureFlag) -> str:
        return reverse("admin:flags_featureflag_change", args=[flag.pk])


def _people_on_lists(definition: Definition) -> dict[str, str]:
    ids = [*definition.enabled_user_ids, *definition.disabled_user_ids]
    found = User.objects.filter(id__in=ids).select_related("tenant")
    looks.noted("records-listed", [(one.pk, one.tenant_id) for one in found])
    return {str(one.pk): f"{one.email}, {one.tenant.name}" for one in found}


def _blank(kind: str) -> Definition:
    """Give what a new flag begins as; its key and its draw follow from what is typed."""
    if kind not in NEW_VARIANTS:
        return Definition(key="new", salt="new", is_enabled=True)
    variants = NEW_VARIANTS[ValueType(kind)]
    return Definition(
        key="new",
        salt="new",
        is_enabled=True,
        value_type=ValueType(kind),
        variants=variants,
        default_variant=variants[0].name,
        allowed_variant=variants[1].name,
    )


def say_done(flag: FeatureFlag, found: Preview) -> str:
    """Sum up what a change did, without naming anybody."""
    up_to = "up to " if found.unknown_attributes else ""
    parts = [
        f"{up_to}{words.people(len(changed))} {what}"
        for changed, what in (
            (found.own.gained, "gained it"),
            (found.own.lost, "lost it"),
            (found.own.moved, "got another variant"),
        )
        if changed
    ]
    share = words.percent(float(flag.rollout_percentage))
    state = f"now {share}" if flag.is_enabled else "switched off"
    who = words.enumerate_words(parts) or "nobody gained or lost it"
    return f"The flag {flag} is {state}; {who}."
