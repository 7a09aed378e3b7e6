"""The console's pages about people, clinics, keys of servers, and what is left of people who were
erased."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, BaseUserCreationForm
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_post_parameters

from accounts import services
from accounts.models import ApiKey, ErasureCertificate, Tenant, User, UserProfile
from accounts.queries import ASKED_EVERY
from accounts.types import CYCLE_STAGES, MEDICATION_STATUSES, ApiScope
from core.admin import ConsoleAdmin, ForSuperusers, ReadOnlyAdmin, actor, facts, label, pill, when
from core.errors import DomainError
from core.gate import Person
from core.times import known_zones

# Rights come with the staff and superuser marks; groups would only look as if they did something.
admin.site.unregister(Group)

PRIMARY_NEEDS: Final = (
    "emotional_support",
    "medication_guidance",
    "financial_planning",
    "procedure_info",
    "community",
)
LABELS: Final = {
    "ivf_prep": "IVF preparation",
    "tww": "Two-week wait",
    "procedure_info": "Procedures",
}
OWN_RIGHTS: Final = ("is_active", "is_staff", "is_superuser")
RIGHTS: Final = (*OWN_RIGHTS, "is_support")
# What support may not read of people, so that it is not asked for.
NOT_FOR_SUPPORT: Final = (
    "password",
    *(
        f"profile__{field.name}"
        for field in UserProfile._meta.concrete_fields
        if field.name not in {"user", "tenant", "nickname", "timezone", "email_opt_in"}
    ),
)
LONGEST_NICKNAME: Final = 50
SCOPES_IN_WORDS: Final = {
    ApiScope.EVALUATE_FLAGS: "evaluate flags for anybody",
    ApiScope.EXPLAIN_FLAGS: "explain why somebody gets a flag",
}
KEY_LIFE: Final = dt.timedelta(days=365)
EXPIRES_SOON: Final = dt.timedelta(days=30)


class PersonForm(forms.ModelForm[User]):
    actor: ClassVar[User]

    class Meta:
        model = User
        fields = ("email", *RIGHTS)
        labels: ClassVar = {"is_active": "Active", "is_superuser": "Superuser"}
        help_texts: ClassVar = {
            "is_active": "Off: no log-in, no API, and every session ends.",
            "is_staff": "May open this console and look after the people of their own clinic.",
            "is_superuser": "Sees and changes everything, in every clinic. Mark as staff too.",
            "is_support": "Sees no health data: looks after documents' queue, limits and accounts"
            " of their own clinic. Mark as staff too.",
        }

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email.lower()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.pk == self.actor.pk:
            for name in OWN_RIGHTS:
                if name in self.changed_data and not cleaned[name]:
                    self.add_error(name, "You cannot take this away from yourself.")
        if cleaned.get("is_support") and (
            not cleaned.get("is_staff") or cleaned.get("is_superuser")
        ):
            self.add_error("is_support", "Only for staff who are not superusers.")
        return cleaned


class NewPersonForm(BaseUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email", "tenant")
        labels: ClassVar = {"tenant": "Clinic"}

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email.lower()


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]  # Generic in the stubs alone.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Without Django's switch that takes the password away: deactivating does more."""
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002  Django's signature.
        user = super().save(commit)
        services.record_of_account("password-changed", user)
        services.end_sessions(user_id=user.pk, reason="password set by staff", now=timezone.now())
        return user


class ProfileForm(forms.ModelForm[UserProfile]):
    """The journey as choices; what an app once sent beside them stays a choice."""

    known: ClassVar[dict[str, Sequence[str]]] = {
        "cycle_stage": CYCLE_STAGES,
        "medication_status": MEDICATION_STATUSES,
        "primary_need": PRIMARY_NEEDS,
    }

    class Meta:
        model = UserProfile
        fields = (
            *("nickname", "timezone", "email_opt_in", "baseline_completed"),
            *("confidence_meds", "confidence_costs", "confidence_overall"),
            *("cycle_stage", "medication_status", "primary_need", "top_concern"),
        )
        labels: ClassVar = {
            "timezone": "Time zone",
            "email_opt_in": "Wants e-mails",
            "baseline_completed": "Finished",
            "confidence_meds": "Medication",
            "confidence_costs": "Costs",
            "confidence_overall": "Overall",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & self.known.keys():
            words = _with_current(self.known[name], getattr(self.instance, name))
            choices = [("", "Not said"), *((word, _label(word, name)) for word in words)]
            self.fields[name] = forms.TypedChoiceField(
                choices=choices, required=False, empty_value=None
            )
        if "timezone" in self.fields:
            zones = _with_current(sorted(known_zones()), self.instance.timezone)
            self.fields["timezone"] = forms.ChoiceField(
                label="Time zone",
                choices=[(zone, zone) for zone in zones],
                initial=self.instance.timezone,
                help_text="Decides which day an event counts for, from now on.",
            )
        if "top_concern" in self.fields:
            self.fields["top_concern"] = forms.CharField(required=False, empty_value=None)
        for name in self.fields.keys() & services.SCORES:
            label = self.fields[name].label
            self.fields[name] = forms.IntegerField(label=label, min_value=1, max_value=10)

    def clean_nickname(self) -> str:
        nickname: str = self.cleaned_data["nickname"]
        if "nickname" in self.changed_data and len(nickname) > LONGEST_NICKNAME:
            raise forms.ValidationError(f"At most {LONGEST_NICKNAME} characters.")
        return nickname


def _with_current(known: Sequence[str], current: str | None) -> list[str]:
    return [*known, *([current] if current and current not in known else [])]


def _label(word: str, field: str) -> str:
    if word not in ProfileForm.known[field]:
        return f"{word} (sent by an app)"
    return LABELS.get(word, word.replace("_", " ").capitalize())


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


class StageFilter(admin.SimpleListFilter):
    title = "stage of the cycle"
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(stage, _label(stage, "cycle_stage")) for stage in CYCLE_STAGES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() in CYCLE_STAGES:
            return queryset.filter(profile__cycle_stage=self.value())
        return queryset


class ClinicFilter(admin.SimpleListFilter):
    title = "clinic"
    parameter_name = "clinic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(str(tenant.pk), tenant.name) for tenant in Tenant.objects.order_by("name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        clinic = self.value()
        known = {value for value, _ in self.lookup_choices}
        return queryset.filter(tenant_id=clinic) if clinic and clinic in known else queryset


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


class EraseForm(forms.Form):
    reason = forms.CharField(
        label="Why is this person erased?",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        max_length=1000,
        help_text="Stays on the certificate for ever. Do not name the person in it.",
    )
    email = forms.CharField(
        label="Type the person's e-mail address to confirm",
        widget=forms.TextInput(attrs={"size": 40, "autocomplete": "off"}),
    )

    def __init__(self, person: User, *args: Any) -> None:
        super().__init__(*args)
        self.person = person

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"]
        if self.person.email in reason.lower():
            raise forms.ValidationError("Leave the e-mail address out: the reason is kept.")
        return reason

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if email != self.person.email:
            raise forms.ValidationError("This is not the e-mail address of the person.")
        return email


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


@admin.register(Tenant)
class TenantAdmin(ForSuperusers, ConsoleAdmin[Tenant]):
    purpose = "The clinics, and the house itself for people who signed up on their own."
    list_display = ("name", "slug", "people", "state", "joined")
    search_fields = ("name", "slug")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        people = User.objects.filter(tenant=OuterRef("pk")).order_by().values("tenant")
        count = Subquery(people.annotate(total=Count("*")).values("total"))
        return Tenant.objects.order_by("name").annotate(people_count=count)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        return {} if obj else {"slug": ("name",)}

    def get_readonly_fields(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        """Sign-up finds its tenant by the short name."""
        return ("slug", "people", "joined") if obj else ()

    @admin.display(description="state", ordering="is_active")
    def state(self, tenant: Tenant) -> str:
        return pill("final", "Active") if tenant.is_active else pill("replaced", "Off")

    @admin.display(description="since", ordering="created_at")
    def joined(self, tenant: Tenant) -> str:
        return when(tenant.created_at)

    @admin.display(description="people", ordering=F("people_count").desc(nulls_last=True))
    def people(self, tenant: Any) -> str:
        address = reverse("admin:accounts_user_changelist")
        count = tenant.people_count or 0
        return format_html('<a href="{}?clinic={}">{}</a>', address, tenant.pk, count)


def a_year_from_now() -> dt.date:
    return (timezone.now() + KEY_LIFE).date()


class ApiKeyForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        widget=forms.TextInput(attrs={"size": 40, "autocomplete": "off"}),
        help_text="The server that will use it, such as “Web server of North Clinic”.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(scope.value, label(words)) for scope, words in SCOPES_IN_WORDS.items()],
        initial=[ApiScope.EVALUATE_FLAGS.value],
        widget=forms.CheckboxSelectMultiple,
    )
    tenant = forms.ModelChoiceField(
        label="Clinic",
        queryset=Tenant.objects.filter(is_active=True).order_by("name"),
        required=False,
        empty_label="None: for a server of our own",
        help_text="For lists and conditions of flags, whomever the server names is of this clinic.",
    )
    environment = forms.CharField(
        max_length=50,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=f"Such as staging. Empty: that of this installation, {settings.ENVIRONMENT}.",
    )
    expires = forms.DateField(
        label="Works until",
        required=False,
        initial=a_year_from_now,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="To the end of this day, UTC. Empty: until it is revoked.",
    )

    def clean_expires(self) -> dt.datetime | None:
        day: dt.date | None = self.cleaned_data["expires"]
        if day is None:
            return None
        end = dt.datetime.combine(day, dt.time.max, tzinfo=dt.UTC)
        if end <= timezone.now():
            raise forms.ValidationError("This day is over. Choose a later one.")
        return end


class KeyStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("open", "Active"), ("soon", "Expiring soon"), ("over", "Expired or revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        now = timezone.now()
        is_over = Q(revoked_at__isnull=False) | Q(expires_at__lte=now)
        if self.value() == "over":
            return queryset.filter(is_over)
        if self.value() == "soon":
            return queryset.exclude(is_over).filter(expires_at__lte=now + EXPIRES_SOON)
        # Not exclude(): a key without an end is none that has ended.
        is_open = Q(expires_at=None) | Q(expires_at__gt=now)
        return queryset.filter(is_open, revoked_at=None) if self.value() == "open" else queryset


@admin.register(ApiKey)
class ApiKeyAdmin(ForSuperusers, ReadOnlyAdmin[ApiKey]):
    purpose = "Keys with which servers ask for people's flags: make one, see its use, revoke it."
    list_display = ("name", "state", "start", "may", "clinic", "until", "last_used")
    list_select_related = ("tenant",)
    list_filter = (KeyStateFilter, ClinicFilter)
    search_fields = ("name", "prefix")
    search_help_text = "Name, or the start of a key: nvk_ and 8 characters, never the whole key."
    ordering = ("-created_at", "-id")
    sortable_by = ("name", "until", "last_used")
    fields = (
        *("name", "state", "start", "may", "clinic", "in_environment"),
        *("made", "until", "last_used", "revoked"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).select_related("tenant", "created_by")

    def get_urls(self) -> list[Any]:
        revoke = self.admin_site.admin_view(self.revoke)
        return [
            path("<key_id>/revoke/", revoke, name="accounts_apikey_revoke"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_within_reach(request, None)

    def get_object(self, request: HttpRequest, *args: Any) -> ApiKey | None:
        """Refuse before the database does: Django's pages look a row up, and then who asks."""
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        return super().get_object(request, *args)

    # Columns

    @admin.display(description="key")
    def start(self, key: ApiKey) -> str:
        return format_html("<code>{}…</code>", key.prefix)

    @admin.display(description="may")
    def may(self, key: ApiKey) -> str:
        return label(", ".join(SCOPES_IN_WORDS[ApiScope(scope)] for scope in key.scopes))

    @admin.display(description="clinic")
    def clinic(self, key: ApiKey) -> str:
        return key.tenant.name if key.tenant else "None: our own server"

    @admin.display(description="state")
    def state(self, key: ApiKey) -> str:
        now = timezone.now()
        if key.revoked_at:
            return pill("replaced", "Revoked")
        if key.expires_at and key.expires_at <= now:
            return pill("entered-in-error", "Expired")
        if key.tenant and not key.tenant.is_active:
            return pill("entered-in-error", "Clinic is off")
        if key.expires_at and key.expires_at <= now + EXPIRES_SOON:
            return pill("waiting", "Expiring soon")
        return pill("final", "Active")

    @admin.display(description="works until", ordering=F("expires_at").asc(nulls_last=True))
    def until(self, key: ApiKey) -> str:
        return when(key.expires_at) if key.expires_at else "No end"

    @admin.display(description="last used", ordering=F("last_used_at").asc(nulls_first=True))
    def last_used(self, key: ApiKey) -> str:
        return when(key.last_used_at) if key.last_used_at else "Never"

    @admin.display(description="environment")
    def in_environment(self, key: ApiKey) -> str:
        return key.environment or f"{settings.ENVIRONMENT}, as this installation"

    @admin.display(description="made")
    def made(self, key: ApiKey) -> str:
        by = f" by {key.created_by.email}" if key.created_by else ""
        return when(key.created_at) + by

    @admin.display(description="revoked")
    def revoked(self, key: ApiKey) -> str:
        return when(key.revoked_at) if key.revoked_at else "No"

    # Pages of their own

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Make a key, and answer with the page that shows it, the only one that ever does.

        A redirect would have to carry it: in a cookie, an address or the session.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ApiKeyForm(request.POST if request.method == "POST" else None)
        page: dict[str, Any] = {"title": "Add an API key", "form": form}
        template = "admin/accounts/apikey/add.html"
        if request.method == "POST" and form.is_valid():
            key, secret = self._create(request, form.cleaned_data)
            page = {"title": f"The key of {key}", "key": key, "secret": secret}
            template = "admin/accounts/apikey/made.html"
        context = {**self.admin_site.each_context(request), **page, "opts": self.opts}
        return TemplateResponse(request, template, context)

    @transaction.atomic
    def _create(self, request: HttpRequest, told: dict[str, Any]) -> tuple[ApiKey, str]:
        key, secret = services.create_api_key(
            name=told["name"],
            scopes=told["scopes"],
            tenant_id=told["tenant"].pk if told["tenant"] else None,
            environment=told["environment"],
            expires_at=told["expires"],
            created_by_id=actor(request).pk,
        )
        self.log_addition(request, key, [{"added": {}}])
        return key, secret

    def revoke(self, request: HttpRequest, key_id: str) -> HttpResponse:
        """Ask once more, then revoke."""
        key = self.get_object(request, unquote(key_id))
        if key is None:
            return self.change_view(request, key_id)
        if request.method == "POST" or key.revoked_at:
            self._revoke(request, key)
            return HttpResponseRedirect(reverse("admin:accounts_apikey_change", args=[key.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Revoke the key of {key}",
            "key": key,
            "last_used": self.last_used(key),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/accounts/apikey/revoke.html", context)

    @transaction.atomic
    def _revoke(self, request: HttpRequest, key: ApiKey) -> None:
        if not services.revoke_api_key(key_id=key.pk, now=timezone.now()):
            self.message_user(request, "This key was revoked before.", messages.WARNING)
            return
        self.log_change(request, key, "Revoked.")
        seconds = int(ASKED_EVERY.total_seconds())
        done = f"The key is revoked. Within {seconds} seconds no server takes it any more."
        self.message_user(request, done, messages.SUCCESS)


@admin.register(ErasureCertificate)
class ErasureCertificateAdmin(ReadOnlyAdmin[ErasureCertificate]):
    purpose = "Proof that somebody was erased: when, by whom, and how many rows went."
    list_display = ("erased", "subject_id", "clinic", "requested_by", "reason")
    list_select_related = ("tenant",)
    search_fields = ("subject_id",)
    search_help_text = "The id that the account had."
    ordering = ("-erased_at", "-id")
    sortable_by = ()
    fields = ("id", "subject_id", "clinic", "erased", "requested_by", "reason", "erased_rows")

    def heading(self, row: ErasureCertificate) -> str:
        return f"Erasure of {when(row.erased_at)}"

    @admin.display(description="clinic")
    def clinic(self, certificate: ErasureCertificate) -> str:
        return certificate.tenant.name

    @admin.display(description="erased")
    def erased(self, certificate: ErasureCertificate) -> str:
        return when(certificate.erased_at)

    @admin.display(description="erased rows of each table")
    def erased_rows(self, certificate: ErasureCertificate) -> str:
        return facts(dict(sorted(certificate.erased_row_counts.items())))
