"""The pages of rules, for superusers alone: they hold for all clinics at once.

Saving shows first whom a rule would have limited in the last day.
"""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from core.admin import ConsoleAdmin, ForSuperusers, actor, pill
from core.errors import DomainError, InvalidInput
from ratelimits import queries, services
from ratelimits.admin import words
from ratelimits.admin.forms import DeleteForm, RuleForm
from ratelimits.admin.previews import shown
from ratelimits.admin.words import Names
from ratelimits.models import RateLimitRule
from ratelimits.preview import Preview, preview
from ratelimits.types import IN_POSTGRES, Mode

NEEDS_REASON = "Say why: somebody will ask when requests are refused, or are not any more."


class RulePages(ForSuperusers, ConsoleAdmin[RateLimitRule]):
    purpose = "How often callers may do what, who is limited now, and whom limits met."

    def get_urls(self) -> list[Any]:
        def page(view: Any) -> Any:
            return self.admin_site.admin_view(view)

        name = "ratelimits_ratelimitrule"
        return [
            path("preview/", page(self.preview_view), name=f"{name}_preview_new"),
            path("<rule_id>/preview/", page(self.preview_view), name=f"{name}_preview"),
            path("<rule_id>/remove/", page(self.remove_view), name=f"{name}_remove"),
            *super().get_urls(),
        ]

    # The list

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        now = timezone.now()
        refusals, clinics = queries.refusals_by_rule(now), self.clinics()
        rows: list[dict[str, Any]] = [
            {
                "row": row,
                "page": self.page_of(row),
                "state": pill(*words.state_of(row.mode)),
                "summary": words.summary(row.rule),
                "what": words.what(row.rule, clinics),
                "refused": refusals.get(row.name, {}).get(Mode.ENFORCED, 0),
                "would": refusals.get(row.name, {}).get(Mode.SHADOW, 0),
            }
            for row in RateLimitRule.objects.all()
        ]
        log_ins = {scope.value for scope in IN_POSTGRES}
        page = {
            "title": "Rate limits",
            "tab": "rules",
            "groups": [
                ("Requests", [one for one in rows if one["row"].scope not in log_ins]),
                ("Log-ins", [one for one in rows if one["row"].scope in log_ins]),
            ],
        }
        return self.render(request, "rules", page)

    # One rule

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.row_of(request, object_id)
        form = self._form(request, row)
        page: dict[str, Any] = {}
        if request.method == "POST" and form.is_valid():
            found = self._preview(form)
            page["preview"] = self._shown(form, found)
            if "_preview" not in request.POST and self._has_reason(form, page["preview"]):
                page.pop("preview")
                if saved := self._save(request, form):
                    return HttpResponseRedirect(saved)
        if row:
            page |= self._about(row)
        return self.render(request, "rule", page | {"form": form, "row": row})

    def preview_view(self, request: HttpRequest, rule_id: str | None = None) -> HttpResponse:
        """Answer the page's script with the preview alone."""
        if request.method != "POST":
            raise Http404("A preview is asked for by POST.")
        form = self._form(request, self.row_of(request, rule_id))
        page: dict[str, Any] = {"form": form}
        if form.is_valid():
            page = {"preview": self._shown(form, self._preview(form))}
        return TemplateResponse(request, "admin/ratelimits/preview.html", page)

    def remove_view(self, request: HttpRequest, rule_id: str) -> HttpResponse:
        row = self.row_of(request, rule_id)
        assert row is not None  # noqa: S101  The address names one.
        if row.rule.scope in IN_POSTGRES:
            raise Http404("Limits of log-ins stay.")
        form = DeleteForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            services.delete_rule(name=row.name, reason=form.cleaned_data["reason"])
            said = f"The rule {row.name} is deleted. Within two seconds it limits nobody."
            self.message_user(request, said, messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:ratelimits_ratelimitrule_changelist"))
        return self.render(request, "remove", {"form": form, "row": row} | self._about(row))

    def row_of(self, request: HttpRequest, rule_id: str | None) -> RateLimitRule | None:
        """Give the rule of a page; None for the page of a new one."""
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        if rule_id is None:
            return None
        row = self.get_object(request, unquote(rule_id))
        if row is None:
            raise Http404("There is no such rule.")
        return row

    def _form(self, request: HttpRequest, row: RateLimitRule | None) -> RuleForm:
        told = request.POST if request.method == "POST" else None
        return RuleForm(told, row=row, clinics=self.clinics())

    def _preview(self, form: RuleForm) -> Preview:
        return preview(form.before, form.rule, timezone.now())

    @staticmethod
    def _shown(form: RuleForm, found: Preview) -> dict[str, Any]:
        assert form.rule is not None  # noqa: S101  The form is valid.
        return shown(found, form.before, form.rule, form.clinics)

    @staticmethod
    def _has_reason(form: RuleForm, page: dict[str, Any]) -> bool:
        if page["needs_reason"] and not form.cleaned_data["reason"].strip():
            form.add_error("reason", NEEDS_REASON)
            return False
        return True

    def _save(self, request: HttpRequest, form: RuleForm) -> str | None:
        """Save what the form says, and give the page to go on with; None if it was refused."""
        told: dict[str, Any] = {
            "values": form.values(),
            "by": actor(request).email,
            "reason": form.cleaned_data["reason"].strip(),
        }
        try:
            if form.row is None:
                row = services.create_rule(**told)
                said = f"The rule {row.name} is made."
            else:
                version = form.cleaned_data["base_version"]
                row = services.change_rule(name=form.row.name, version=version, **told)
                said = f"The rule {row.name} is changed. It holds within two seconds."
        except InvalidInput as error:
            form.add_faults(error)
        except services.RuleChanged:
            _say_changed_meanwhile(form)
        except DomainError as error:
            form.add_error(None, error.detail)
        else:
            self.message_user(request, said, messages.SUCCESS)
            return self.page_of(row)
        return None

    def _about(self, row: RateLimitRule) -> dict[str, Any]:
        now = timezone.now()
        clinics = self.clinics()
        found = queries.refusals_by_rule(now).get(row.name, {})
        return {
            "title": row.name,
            "state": pill(*words.state_of(row.mode)),
            "summary": words.summary(row.rule),
            "what": words.what(row.rule, clinics),
            "is_of_log_ins": row.rule.scope in IN_POSTGRES,
            "refused": found.get(Mode.ENFORCED, 0),
            "would": found.get(Mode.SHADOW, 0),
        }

    # What the pages have in common

    def clinics(self) -> Names:
        """Name the clinics, as the frame of the console knows them."""
        names: Names = getattr(self.admin_site, "clinic_names", dict)()
        return names

    def render(self, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Add a rule",
            "opts": self.opts,
            **page,
        }
        return TemplateResponse(request, f"admin/ratelimits/{name}.html", context)

    @staticmethod
    def page_of(row: RateLimitRule) -> str:
        return reverse("admin:ratelimits_ratelimitrule_change", args=[row.pk])


def _say_changed_meanwhile(form: RuleForm) -> None:
    """Let the next attempt count for the version that somebody else made."""
    assert form.row is not None  # noqa: S101  A new rule has no version before.
    form.row.refresh_from_db()
    form.add_error(
        None,
        f"{form.row.updated_by or 'Somebody'} changed this rule meanwhile. What you typed is still"
        " here. Look at what holds now; if you save again, yours takes its place.",
    )
    data = QueryDict(mutable=True)
    data.update(form.data)
    data["base_version"] = str(form.row.version)
    form.data = data
