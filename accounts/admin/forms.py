"""Forms of the pages about people."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, BaseUserCreationForm
from django.utils import timezone

from accounts import services
from accounts.models import User, UserProfile
from accounts.types import CYCLE_STAGES, MEDICATION_STATUSES
from core.times import known_zones

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
LONGEST_NICKNAME: Final = 50


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
            choices = [("", "Not said"), *((word, in_words(word, name)) for word in words)]
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


def _with_current(known: Sequence[str], current: str | None) -> list[str]:
    return [*known, *([current] if current and current not in known else [])]


def in_words(word: str, field: str) -> str:
    if word not in ProfileForm.known[field]:
        return f"{word} (sent by an app)"
    return LABELS.get(word, word.replace("_", " ").capitalize())
