"""Why somebody gets what they get, now or at a time in the past."""

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.utils import timezone

from accounts.models import User
from core.admin import when
from flags import preview, queries
from flags.admin import looks, words
from flags.admin.words import Names
from flags.evaluation import RuleSet
from flags.targeting import email_hash, plain_email
from flags.types import Context, Definition, Reason, Step

PREFIX: Final = "told_"
A_MINUTE: Final = dt.timedelta(minutes=1)
OF_NOBODY: Final = "Somebody who is not one of ours"


class ExplainForm(forms.Form):
    who = forms.CharField(
        label="Person",
        max_length=254,
        help_text="An e-mail address or a person's id.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    at = forms.DateTimeField(
        label="At (UTC)",
        required=False,
        help_text="Empty: now.",
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
        ),
    )

    def __init__(self, data: Any, definition: Definition, **kwargs: Any) -> None:
        """Ask for what apps tell, as far as the flag's conditions want it."""
        super().__init__(data, **kwargs)
        self._texts = {one.attribute for one in definition.conditions if words.are_texts(one)}
        for attribute in dict.fromkeys(one.attribute for one in definition.conditions):
            if attribute not in preview.OWN_ATTRIBUTES:
                self.fields[PREFIX + attribute] = forms.CharField(
                    label=f"What their app tells: {attribute}", required=False, max_length=200
                )

    def clean_at(self) -> dt.datetime | None:
        at: dt.datetime | None = self.cleaned_data["at"]
        # The history leads here with the second after a change, which may be the one that comes.
        if at is not None and at > timezone.now() + A_MINUTE:
            raise forms.ValidationError("This time has not come yet. Leave it empty for now.")
        return at

    @property
    def attributes(self) -> dict[str, Any]:
        told = {
            name.removeprefix(PREFIX): said
            for name, said in self.cleaned_data.items()
            if name.startswith(PREFIX) and said
        }
        # A version such as 2.10 is a text, and no number.
        return {
            name: said if name in self._texts else words.read_value(said)
            for name, said in told.items()
        }


@dataclass(frozen=True)
class Check:
    name: str
    is_decisive: bool
    detail: str
    parts: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    sentence: str
    place: str | None
    path: Sequence[Check]
    about: Sequence[str]


CHECKS: Final = {
    "switch": "Switch",
    "environment": "Environment",
    "denied": "Never list",
    "prerequisites": "Flags it needs",
    "allowed": "Always list",
    "conditions": "Conditions",
    "rollout": "Share of people",
}


def explain(form: ExplainForm, key: str, clinics: Names) -> Answer:
    at: dt.datetime | None = form.cleaned_data["at"]
    rule_set = queries.rule_set_at(at) if at else preview.rule_set_now()
    flag = rule_set.flags.get(key)
    if flag is None:
        return Answer(f"There was no flag {key} on {when(at)}.", None, [], [])
    who, context, about = _whom(form.cleaned_data["who"], form.attributes)
    found = flag.explain(context, rule_set)
    if at:
        about.append(
            f"Answered by version {flag.version} of the flag, which held on {when(at)}, and by the"
            " other flags as they were then. Clinics of people are those of now."
        )
    path = [
        Check(
            CHECKS[step.check],
            step.is_decisive,
            _nothing_to_check(step, flag.definition) or step.detail,
            list(_parts(step, flag.definition, rule_set, context, clinics)),
        )
        for step in found.path
    ]
    has_place = found.outcome.reason in words.DECIDED_BY_PLACE
    place = words.say_bucket(found.bucket, flag.definition) if has_place else None
    return Answer(words.say_outcome(who, found), place, path, about)


def _whom(said: str, attributes: dict[str, Any]) -> tuple[str, Context, list[str]]:
    """Find a person; or say as whom the flag was asked instead."""
    person = _find(said)
    if person is not None:
        looks.noted("record-viewed", [(person.pk, person.tenant_id)])
        context = Context(str(person.pk), person.email, str(person.tenant_id), attributes)
        return person.email, context, [f"A person of {person.tenant.name}, id {person.pk}."]
    if "@" in said:
        about = "Nobody of ours has this address: only lists of addresses can mean them."
        return OF_NOBODY, Context(None, said, None, attributes), [about]
    about = "Nobody of ours has this id: the flag was asked for it as a server would."
    return OF_NOBODY, Context(said, None, None, attributes), [about]


def _find(said: str) -> User | None:
    people = User.objects.select_related("tenant")
    if "@" in said:
        return people.filter(email=plain_email(said)).first()
    try:
        return people.filter(pk=uuid.UUID(said)).first()
    except ValueError:
        return None


def _nothing_to_check(step: Step, definition: Definition) -> str | None:
    """Say that there was nothing to look at, which is not the same as to have looked."""
    one = definition
    asked: dict[str, tuple[Sequence[object], str]] = {
        "environment": (one.environment_restrictions, "It holds in all environments."),
        "denied": (
            [*one.disabled_user_ids, *one.disabled_user_emails, *one.disabled_tenant_ids],
            "The list is empty.",
        ),
        "prerequisites": (one.prerequisites, "It needs no other flag."),
        "allowed": (
            [*one.enabled_user_ids, *one.enabled_user_emails, *one.enabled_tenant_ids],
            "The list is empty.",
        ),
        "conditions": (one.conditions, "There are none."),
    }
    looked_at, otherwise = asked.get(step.check, ([step], ""))
    return None if looked_at else otherwise


LISTS: Final = {"denied": False, "allowed": True}


def _found_on_list(
    definition: Definition, context: Context, clinics: Names, *, is_enabled: bool
) -> Iterator[str]:
    ids, emails, tenants = words.list_of(definition, is_enabled=is_enabled)
    if context.targeting_key in {str(one) for one in ids}:
        yield "Their id is on it."
    if context.email and email_hash(definition.salt, context.email) in emails:
        yield "Their e-mail address is on it."
    if context.tenant_id in {str(one) for one in tenants}:
        yield f"Their clinic is on it: {clinics.get(str(context.tenant_id), '-')}."


def _parts(
    step: Step, definition: Definition, rule_set: RuleSet, context: Context, clinics: Names
) -> Iterator[str]:
    """Say what a check looked at, one by one."""
    if step.check in LISTS and step.is_decisive:
        yield from _found_on_list(definition, context, clinics, is_enabled=LISTS[step.check])
    if step.check == "prerequisites":
        for one in definition.prerequisites:
            given = rule_set.ask(one.key, context)
            what = f"gives “{given.variant}”"
            if given.reason == Reason.FLAG_NOT_FOUND:
                what = "is not there"
            wanted = words.enumerate_words([f"“{name}”" for name in one.variants], "or")
            yield f"{one.key} {what}; needed is {wanted}."
    if step.check == "conditions":
        attributes = rule_set.attributes_of(context)
        for each in definition.conditions:
            has = "unknown"
            if each.attribute in attributes:
                has = words.say_known(attributes[each.attribute], each.attribute, clinics)
            yield f"Wanted: {words.say_condition(each, clinics)}. It is {has}."
