"""Pages about people: their account and profile, who they are here, their erasure."""

import uuid
from collections.abc import Iterable
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from accounts import services
from accounts.admin.clinics import ClinicFilter
from accounts.admin.forms import (
    RIGHTS,
    EraseForm,
    NewPersonForm,
    PasswordForm,
    PersonForm,
    ProfileForm,
    in_words,
)
from accounts.models import ErasureCertificate, User, UserProfile
from accounts.types import CYCLE_STAGES
from core.admin import ConsoleAdmin, actor, facts, pill, when
from core.errors import DomainError
from core.gate import Person

# Rights come with the staff and superuser marks; groups would only look as if they did something.
admin.site.unregister(Group)
# What support may not read of people, so that it is not asked for.
NOT_FOR_SUPPORT: Final = (
    "password",
    *(
        f"profile__{field.name}"
        for field in UserProfile._meta.concrete_fields
        if field.name not in {"user", "tenant", "nickname", "timezone", "email_opt_in"}
    ),
)


class StageFilter(admin.SimpleListFilter):
    title = "stage of the cycle"
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(stage, in_words(stage, "cycle_stage")) for stage in CYCLE_STAGES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() in CYCLE_STAGES:
            return queryset.filter(profile__cycle_stage=self.value())
        return queryset


class AccountFilter(admin.SimpleListFilter):
    title = "account"
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("active", "Active"), ("deactivated", "Deactivated")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() in {"active", "deactivated"}:
            return queryset.filter(is_active=self.value() == "active")
        return queryset


class RoleFilter(admin.SimpleListFilter):
    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [
            *(("none", "None"), ("staff", "Staff"), ("support", "Support")),
            ("superuser", "Superusers"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() == "none":
            return queryset.filter(is_staff=False, is_superuser=False)
        if self.value() in {"staff", "support"}:
            return queryset.filter(**{f"is_{self.value()}": True})
        return queryset.filter(is_superuser=True) if self.value() == "superuser" else queryset


def may_change(request: HttpRequest, person: User | None) -> bool:
    """Tell whether whoever is at the console may change a person.

    Staff look after the end users of their tenant. Whoever could set a colleague's password
    would have the colleague's rights.
    """
    if not PeopleAdmin.is_within_reach(request, person):
        return False
    is_colleague = person is not None and (person.is_staff or person.is_superuser)
    return bool(actor(request).is_superuser or not is_colleague)


class ProfileInline(admin.StackedInline[UserProfile, User]):
    model = UserProfile
    form = ProfileForm
    verbose_name = "profile"
    can_delete = False
    min_num = max_num = 1
    readonly_fields = (
        *("stage_since", "medication_since", "onboarding_path"),
        *("further_answers", "last_changed"),
    )

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        who = (None, {"fields": ("nickname", "timezone")})
        if obj is None:
            return [who]
        return [
            (None, {"fields": ("nickname", "timezone", "email_opt_in")}),
            (
                "Journey",
                {
                    "fields": (
                        ("cycle_stage", "stage_since"),
                        ("medication_status", "medication_since"),
                        *("primary_need", "top_concern"),
                    )
                },
            ),
            (
                "Confidence, from 1 to 10",
                {"fields": (("confidence_meds", "confidence_costs", "confidence_overall"),)},
            ),
            (
                "Onboarding",
                {
                    "fields": (
                        *("baseline_completed", "onboarding_path"),
                        *("further_answers", "last_changed"),
                    )
                },
            ),
        ]

    @admin.display(description="since")
    def stage_since(self, profile: UserProfile) -> str:
        return when(profile.cycle_stage_updated)

    @admin.display(description="since")
    def medication_since(self, profile: UserProfile) -> str:
        return when(profile.medication_status_updated)

    @admin.display(description="profile last changed")
    def last_changed(self, profile: UserProfile) -> str:
        return when(profile.updated_at)

    @admin.display(description="Further answers")
    def further_answers(self, profile: UserProfile) -> str:
        return facts(profile.extra)

    def has_add_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return may_change(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return may_change(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return PeopleAdmin.is_within_reach(request, obj)


@admin.register(User)
class PeopleAdmin(ConsoleAdmin[User], UserAdmin[User]):
    purpose = "Everybody with an account: look somebody up, set a password, deactivate."
    is_for_support = True
    form = PersonForm
    add_form = NewPersonForm
    add_form_template = None
    change_password_form = PasswordForm
    inlines = (ProfileInline,)
    list_display = (*("email", "nickname", "clinic", "account", "role", "joined", "last_seen"),)
    list_select_related = ("profile", "tenant")
    search_fields = ("email", "profile__nickname")
    search_help_text = "E-mail address or nickname, or a part of it."
    ordering = ("-created_at", "-id")
    filter_horizontal = ()
    readonly_fields = ("clinic", "password_state", "joined", "last_seen")
    actions = ("deactivate", "activate")

    def get_list_filter(self, request: HttpRequest) -> Any:
        if actor(request).is_support:
            return (AccountFilter, RoleFilter)
        common = (AccountFilter, RoleFilter, StageFilter)
        return (ClinicFilter, *common) if actor(request).is_superuser else common

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows = super().get_queryset(request)
        if actor(request).is_support:
            rows = rows.select_related("profile", "tenant").defer(*NOT_FOR_SUPPORT)
        return rows

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return () if actor(request).is_support else super().get_inlines(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Who could give somebody an address or a password could log in as them."""
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "email") if actor(request).is_support else shown

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return shown if actor(request).is_superuser else [n for n in shown if n != "clinic"]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        is_superuser, is_support = actor(request).is_superuser, actor(request).is_support
        if obj is None:
            names = ("email", "tenant") if is_superuser else ("email",)
            return [(None, {"fields": (*names, "password1", "password2")})]
        rights = RIGHTS if is_superuser or not may_change(request, obj) else ("is_active",)
        about = ("email", "clinic") if is_support else ("email", "clinic", "password_state")
        return [
            (None, {"fields": about}),
            ("Rights", {"fields": rights}),
            ("Times", {"fields": (("joined", "last_seen"),)}),
        ]

    def get_form(
        self, request: HttpRequest, obj: User | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, *args, **kwargs)
        form.actor = actor(request)
        return form

    def get_urls(self) -> list[Any]:
        erase = self.admin_site.admin_view(self.erase)
        return [path("<person_id>/erase/", erase, name="accounts_user_erase"), *super().get_urls()]

    # Columns

    @admin.display(description="nickname", ordering="profile__nickname")
    def nickname(self, person: User) -> str:
        profile = getattr(person, "profile", None)
        return profile.nickname if profile else ""

    @admin.display(description="clinic", ordering="tenant__name")
    def clinic(self, person: User) -> str:
        return person.tenant.name

    @admin.display(description="joined", ordering="created_at")
    def joined(self, person: User) -> str:
        return when(person.created_at)

    @admin.display(description="last log-in", ordering="last_login")
    def last_seen(self, person: User) -> str:
        return when(person.last_login)

    @admin.display(description="account", ordering="is_active")
    def account(self, person: User) -> str:
        return pill("final", "Active") if person.is_active else pill("replaced", "Deactivated")

    @admin.display(description="role")
    def role(self, person: User) -> str:
        if person.is_superuser:
            return "Superuser"
        if person.is_support:
            return "Support"
        return "Staff" if person.is_staff else "-"

    @admin.display(description="password")
    def password_state(self, person: User) -> str:
        if person.has_usable_password():
            return "There is one. Nobody can read it; a new one can be set above."
        return "None yet: an account of the old service, which had no passwords."

    # Permissions

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not actor(request).is_support

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return may_change(request, obj)

    # Saving

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Staff do not see who else has an e-mail address, so the form cannot refuse it."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (services.EmailTaken, IntegrityError) as error:
            if isinstance(error, IntegrityError) and "users_email_unique" not in str(error):
                raise
            detail = "This e-mail address has an account already. Nothing was saved."
            self.message_user(request, detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            if not actor(request).is_superuser:
                obj.tenant_id = actor(request).tenant_id
            # Not a failing INSERT: the server would write the address into its own log.
            User.objects.bulk_create([obj], ignore_conflicts=True)
            if not User.objects.filter(pk=obj.pk).exists():
                raise services.EmailTaken("This e-mail address has an account already.")
            obj.refresh_from_db()
            return
        # Only what was changed here: the password may have changed meanwhile.
        if changed := [name for name in form.changed_data if name != "is_active"]:
            obj.save(update_fields=changed)
        if "is_active" in form.changed_data:
            services.set_active(user_ids=[obj.pk], is_active=obj.is_active, now=timezone.now())

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001
        """Save the profile by the service that the apps use, so that its rules hold here too."""
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        person: User = form.instance
        for entry in formset.forms:
            if not entry.has_changed():
                continue
            changes = {name: entry.cleaned_data[name] for name in entry.changed_data}
            UserProfile.objects.get_or_create(
                user=person, defaults={"tenant_id": person.tenant_id, "nickname": ""}
            )
            who = Person(person.pk, person.tenant_id, entry.cleaned_data["timezone"])
            services.update_profile(person=who, changes=changes, now=timezone.now())

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,  # noqa: FBT001, FBT002  Django's signature.
    ) -> Any:
        """Name the fields alone: Django would write the nickname into the log, to stay there."""
        if add:
            return [{"added": {}}]
        forms_changed = [form, *(entry for formset in formsets or () for entry in formset.forms)]
        changed = [name for entry in forms_changed for name in entry.changed_data]
        labels = [name.replace("_", " ") for name in changed]
        return [{"changed": {"fields": labels}}] if labels else []

    # Actions

    @admin.action(description="Deactivate: no log-in, no API", permissions=["change"])
    def deactivate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self._set_active(request, people, is_active=False)

    @admin.action(description="Activate again", permissions=["change"])
    def activate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self._set_active(request, people, is_active=True)

    def _set_active(self, request: HttpRequest, people: QuerySet[User], *, is_active: bool) -> None:
        chosen = list(people)
        allowed = [
            person
            for person in chosen
            if may_change(request, person) and person.pk != actor(request).pk
        ]
        concerned = [person for person in allowed if person.is_active != is_active]
        with transaction.atomic():
            changed = services.set_active(
                user_ids=[person.pk for person in concerned],
                is_active=is_active,
                now=timezone.now(),
            )
            for person in concerned:
                self.log_change(request, person, [{"changed": {"fields": ["active"]}}])
        done = "activated" if is_active else "deactivated"
        self.message_user(request, f"{changed} of {len(chosen)} people {done}.")
        if len(allowed) < len(chosen):
            detail = "Left out: yourself, and colleagues whom only a superuser may change."
            self.message_user(request, detail, messages.WARNING)

    # Pages of their own

    @method_decorator(sensitive_post_parameters())
    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002  Django's signature.
        form_url: str = "",
    ) -> HttpResponse:
        """Set a new password for somebody else.

        Django's own page would also renew the session, which staff cannot write in their gate.
        """
        person = self.get_object(request, unquote(id))
        if person is None:
            return self.change_view(request, id)
        if person.pk == actor(request).pk:
            return HttpResponseRedirect(reverse("admin:password_change"))
        if not may_change(request, person) or actor(request).is_support:
            raise PermissionDenied
        form = PasswordForm(person, *([request.POST] if request.method == "POST" else []))
        if request.method == "POST" and form.is_valid():
            with transaction.atomic():
                form.save()
                self.log_change(request, person, [{"changed": {"fields": ["password"]}}])
            done = "The new password is set, and every session of the person has ended."
            self.message_user(request, done, messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[person.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Set a password for {person.email}",
            "form": form,
            "person": person,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/accounts/user/password.html", context)

    def erase(self, request: HttpRequest, person_id: str) -> HttpResponse:
        """Ask for a reason and the e-mail address, then erase, and show the certificate."""
        person = self.get_object(request, unquote(person_id))
        if person is None:
            return self.change_view(request, person_id)
        if not actor(request).is_superuser:
            raise PermissionDenied
        form = EraseForm(person, *([request.POST] if request.method == "POST" else []))
        if request.method == "POST" and form.is_valid():
            try:
                certificate_id = self._erase(request, person, form.cleaned_data["reason"])
            except DomainError as error:
                form.add_error(None, error.detail)
            else:
                done = "The person is erased for good. This certificate is what is left."
                self.message_user(request, done, messages.SUCCESS)
                page = "admin:accounts_erasurecertificate_change"
                return HttpResponseRedirect(reverse(page, args=[certificate_id]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Erase {person.email} for good",
            "form": form,
            "person": person,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/accounts/user/erase.html", context)

    @staticmethod
    @transaction.atomic
    def _erase(request: HttpRequest, person: User, reason: str) -> uuid.UUID:
        user = actor(request)
        certificate_id = services.erase_person(
            user_id=person.pk, requested_by=user.email, reason=reason
        )
        LogEntry.objects.create(
            user_id=user.pk,
            content_type_id=get_content_type_for_model(ErasureCertificate).pk,
            object_id=str(certificate_id),
            object_repr="Erasure of a person",
            action_flag=ADDITION,
            change_message="",
        )
        return certificate_id
