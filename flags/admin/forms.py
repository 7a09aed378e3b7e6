"""The form of a flag: what is typed on its page becomes a definition."""

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec
from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import EmailValidator

from core.admin import capital
from core.errors import InvalidInput, invalid
from flags.admin import words
from flags.admin.words import Names
from flags.allocation import resize, resize_all
from flags.models import FeatureFlag
from flags.services.changing import KINDS, is_of_type
from flags.targeting import email_hash
from flags.types import (
    KEY_PATTERN,
    NAME_PATTERN,
    Condition,
    Definition,
    Operator,
    Prerequisite,
    Purpose,
    ValueType,
    Variant,
)

# Django refuses forms with more fields than that.
MOST_ROWS: Final = 1000
EMPTY_ROWS: Final = 1
LARGEST_SHARE: Final = Decimal(100)
STEP: Final = "0.001"

# Where the parts of a definition are shown, and so their faults.
PLACES: Final = {
    "default_variant": "variants",
    "allowed_variant": "variants",
    "value_type": "variants",
    "salt": "key",
    "environment_restrictions": "environments",
}


# As the page heads them, where a field is named away from it.
HEADINGS: Final = {
    "always": "Always",
    "never": "Never",
    "prerequisites": "Other flags that are needed",
}


def share_field(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=0,
        max_value=LARGEST_SHARE,
        max_digits=6,
        decimal_places=3,
        widget=forms.NumberInput(attrs={"step": STEP, "min": 0, "max": 100, "class": "share"}),
        error_messages={
            "max_decimal_places": "At most 3 digits after the point: the smallest step is 0.001 %%."
        },
    )


@dataclass
class VariantRow:
    name: str = ""
    value: str = ""
    share: str = "0"
    is_new: bool = True
    is_default: bool = False
    is_for_listed: bool = False
    is_removed: bool = False


@dataclass
class ConditionRow:
    attribute: str = ""
    operator: str = Operator.ONE_OF
    values: str = ""


@dataclass(frozen=True)
class ListOfPeople:
    """What the page shows of a list: addresses are counted, ids are named where we know them."""

    title: str
    people: forms.BoundField
    drop: forms.BoundField
    clear: forms.BoundField
    clinics: forms.BoundField
    hashed: str
    named: Sequence[tuple[str, str]]


class FlagForm(forms.Form):
    """All of a flag but its key, its type and its draw, which stay for good."""

    key = forms.RegexField(
        label="Name",
        regex=KEY_PATTERN,
        help_text=(
            "Small letters, digits and _ . -, such as new_timeline. Programs ask for this name:"
            " it cannot be changed later."
        ),
        error_messages={"invalid": "Begin with a small letter or a digit; then also _ . or -."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What changes for people who have it.",
    )
    is_enabled = forms.BooleanField(
        label="Switched on",
        required=False,
        help_text="Off: nobody has it, whatever else is set here.",
    )
    percentage = share_field("Share of people")
    variants = forms.CharField(required=False)
    only_clinics = forms.MultipleChoiceField(
        label="Clinics that take part",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all of them, new ones too.",
    )
    conditions = forms.CharField(required=False)
    prerequisites = forms.CharField(required=False)
    environments = forms.CharField(
        label="Environments",
        required=False,
        help_text="Commas between several. Empty: all of them.",
    )
    owner = forms.CharField(
        label="Owner", required=False, max_length=200, help_text="Who decides about it."
    )
    purpose = forms.ChoiceField(
        label="Purpose",
        choices=list(words.PURPOSES.items()),
        help_text=f"Says when it is stale: {words.LIFETIMES}.",
    )
    approval_above = forms.FloatField(
        label="Second person for changes above",
        required=False,
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"step": "any", "min": 0, "max": 100}),
        help_text="Percentage points. Empty: one person is enough.",
    )
    record_all = forms.BooleanField(
        label="Keep every single evaluation",
        required=False,
        help_text="For looking into a problem. Otherwise a sample is kept, and all are counted.",
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Stands in the history.",
    )
    base_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Any = None,
        *,
        flag: FeatureFlag | None,
        blank: Definition,
        clinics: Names,
        others: Iterable[Definition],
        known_people: Names,
    ) -> None:
        self.flag, self.clinics, self.known_people = flag, clinics, known_people
        self.before = flag.definition if flag else blank
        self.simple = words.simple_variant(self.before)
        self.definition: Definition | None = None
        self.conflict: list[words.Change] = []
        super().__init__(data, initial=_initial(self.before, flag, self.simple))
        for name in ("always", "never"):
            self.fields |= _list_fields(name)
        gone = dict.fromkeys(_named_clinics(self.before), "A clinic that is gone")
        for name in ("only_clinics", "always_clinics", "never_clinics"):
            self._choices(name, (gone | dict(clinics)).items())
        self.gates = _gates(others, self.before)
        self._drop_fields()
        self.variant_rows = (
            list(self._read_variants()) if data else _variant_rows(self.before, is_new=flag is None)
        )
        self.condition_rows = list(self._read_conditions()) if data else _conditions(self.before)
        self.gate_rows = list(self._read_gates()) if data else _gate_rows(self.before)

    def _choices(self, name: str, choices: Iterable[tuple[str, str]]) -> None:
        chosen: Any = self.fields[name]
        chosen.choices = list(choices)

    def _drop_fields(self) -> None:
        if self.flag:
            del self.fields["key"]
            self.fields["base_version"].required = True
        if not self.simple:
            del self.fields["percentage"]

    # What the page shows

    @property
    def lists(self) -> list[ListOfPeople]:
        one = self.before
        return [
            self._list("Always", "always", one.enabled_user_ids, one.enabled_user_emails),
            self._list("Never", "never", one.disabled_user_ids, one.disabled_user_emails),
        ]

    def _list(
        self, title: str, name: str, ids: Sequence[uuid.UUID], hashes: Sequence[str]
    ) -> ListOfPeople:
        return ListOfPeople(
            title,
            self[name],
            drop=self[f"{name}_drop"],
            clear=self[f"{name}_clear"],
            clinics=self[f"{name}_clinics"],
            hashed=words.count(len(hashes), "address", "addresses") if hashes else "",
            named=[(str(one), self.known_people.get(str(one), "not one of ours")) for one in ids],
        )

    @property
    def changed_by(self) -> str:
        """Name whoever changed the flag since the page was opened; nobody if it stands as then."""
        if self.flag is None or self.cleaned_data["base_version"] == self.flag.version:
            return ""
        return self.flag.updated_by or "Somebody"

    @property
    def is_targeted(self) -> bool:
        one = self.before
        lists = (one.enabled_user_ids, one.enabled_user_emails, one.enabled_tenant_ids)
        denied = (one.disabled_user_ids, one.disabled_user_emails, one.disabled_tenant_ids)
        return any(lists) or any(denied) or self._has_faults("always", "never")

    @property
    def is_conditional(self) -> bool:
        one = self.before
        is_used = len(self.condition_rows) + len(self.gate_rows) > 2 * EMPTY_ROWS
        is_used = is_used or bool(one.environment_restrictions)
        return is_used or self._has_faults("conditions", "prerequisites", "environments")

    @property
    def has_faults_about(self) -> bool:
        return self._has_faults("description", "owner", "purpose", "approval_above", "record_all")

    def _has_faults(self, *starts: str) -> bool:
        return any(name.startswith(starts) for name in self.errors)

    @property
    def faults(self) -> Iterator[str]:
        """Say what is wrong, each with the name of its field."""
        for name, errors in self.errors.items():
            heading = HEADINGS.get(name) or ("" if name == NON_FIELD_ERRORS else self[name].label)
            yield from (f"{heading}: {one}" if heading else str(one) for one in errors)

    @property
    def operators(self) -> Iterable[tuple[str, str]]:
        return words.OPERATORS.items()

    @property
    def rest(self) -> float:
        return round(100 - self.before.percentage, 3)

    # Reading rows

    def _rows(self, name: str, *parts: str) -> Iterator[list[str]]:
        for index in range(MOST_ROWS):
            if f"{name}-{index}-{parts[0]}" not in self.data:
                return
            found = [self.data.get(f"{name}-{index}-{part}", "") for part in parts]
            # Postgres keeps no text with NUL in it.
            yield [_lines(said.replace("\0", "")) for said in found]

    def _read_variants(self) -> Iterator[VariantRow]:
        known = {one.name for one in self.before.variants} if self.flag else set()
        default, listed = self.data.get("default_row"), self.data.get("listed_row")
        rows = self._rows("variant", "name", "value", "share", "remove")
        for index, (name, value, share, remove) in enumerate(rows):
            yield VariantRow(
                name.strip(),
                value,
                share or "0",
                is_new=name not in known,
                is_default=str(index) == default,
                is_for_listed=str(index) == listed,
                is_removed=bool(remove),
            )

    def _read_conditions(self) -> Iterator[ConditionRow]:
        for row in self._rows("condition", "attribute", "operator", "values"):
            yield ConditionRow(*(said.strip() for said in row))

    def _read_gates(self) -> Iterator[str]:
        for (row,) in self._rows("prerequisite", "gate"):
            yield row

    # Cleaning

    def clean_description(self) -> str:
        return _lines(self.cleaned_data["description"])

    def clean_reason(self) -> str:
        return _lines(self.cleaned_data["reason"])

    def clean(self) -> dict[str, Any]:
        super().clean()
        told: dict[str, Any] = self.cleaned_data
        parts: dict[str, Any] = {}
        for place, part in (
            ("variants", self._variants),
            ("conditions", self._conditions),
            ("prerequisites", self._prerequisites),
            ("always", lambda: self._people("always", "enabled")),
            ("never", lambda: self._people("never", "disabled")),
        ):
            try:
                parts |= part()
            except InvalidInput as error:
                for detail in [one.detail for one in error.errors] or [error.detail]:
                    self.add_error(place, detail)
        if not self.errors:
            self._build(told, parts)
        return told

    def _build(self, told: Mapping[str, Any], parts: dict[str, Any]) -> None:
        if not self.flag:
            parts |= {"key": told["key"], "salt": told["key"]}
        built = msgspec.structs.replace(
            self.before,
            description=told["description"],
            is_enabled=told["is_enabled"],
            enabled_tenant_ids=list(map(uuid.UUID, told["always_clinics"])),
            disabled_tenant_ids=list(map(uuid.UUID, told["never_clinics"])),
            environment_restrictions=_split(told["environments"]),
            owner=told["owner"],
            purpose=Purpose(told["purpose"]),
            approval_above=told["approval_above"],
            record_all=told["record_all"],
            **parts,
        )
        try:
            self.definition = msgspec.convert(
                msgspec.to_builtins(built, builtin_types=(uuid.UUID,)), Definition
            )
        except msgspec.ValidationError as error:
            self.add_faults(invalid(error))

    def add_faults(self, error: InvalidInput) -> None:
        """Show what the service refuses at the fields that it is about."""
        for fault in error.errors:
            first, *path = (fault.pointer or "").strip("/").split("/")
            place = PLACES.get(first, first)
            detail = fault.detail.removeprefix(f"{'/'.join([first, *path])}: ")
            if path and path[0].isdigit():
                detail = f"Row {int(path[0]) + 1 - self._hidden_rows(first)}: {detail}"
            self.add_error(
                place if place in self.fields else self._stand_in(place), capital(detail)
            )

    def _hidden_rows(self, part: str) -> int:
        """The choice of clinics is the first condition, and no row."""
        return int(part == "conditions" and bool(self.cleaned_data.get("only_clinics")))

    def _stand_in(self, place: str) -> str | None:
        return "percentage" if place == "variants" and self.simple else None

    def _variants(self) -> dict[str, Any]:
        if self.simple:
            if "percentage" not in self.cleaned_data:
                return {}
            share = float(self.cleaned_data["percentage"])
            return {"variants": resize(self.before.variants, self.simple, share)}
        return self._typed_variants()

    def _typed_variants(self) -> dict[str, Any]:
        rows = [one for one in self.variant_rows if one.name and not one.is_removed]
        # With their ranges, and with what they gave up: a later rise takes the same people again.
        old = {one.name: one for one in self.before.variants}
        variants, shares = [], {}
        for row in rows:
            if not re.fullmatch(NAME_PATTERN, row.name):
                raise InvalidInput(f"{row.name}: use letters, digits and _ . - for a name.")
            value = _read_typed(row, self.before)
            kept = old.get(row.name, Variant(row.name, None))
            variants.append(msgspec.structs.replace(kept, value=value))
            shares[row.name] = _read_share(row)
        names = [one.name for one in variants]
        if len(set(names)) < len(names):
            raise InvalidInput("Two variants have the same name.")
        default = next((one.name for one in rows if one.is_default), None)
        listed = next((one.name for one in rows if one.is_for_listed), None)
        if default is None or listed is None:
            raise InvalidInput(
                "Choose which variant the others get, and which one the “always” list."
            )
        return {
            "variants": resize_all(variants, shares),
            "default_variant": default,
            "allowed_variant": listed,
        }

    def _conditions(self) -> dict[str, Any]:
        found = []
        if clinics := self.cleaned_data.get("only_clinics"):
            found.append(Condition("tenant", Operator.ONE_OF, list(clinics)))
        for index, row in enumerate(self.condition_rows):
            if not row.attribute and not row.values:
                continue
            if not row.attribute or not row.values:
                raise InvalidInput(f"Row {index + 1}: name what the app tells, and its value.")
            if row.operator not in words.OPERATORS:
                raise InvalidInput(f"Row {index + 1}: choose how to compare.")
            empty = Condition(row.attribute, Operator(row.operator), [])
            try:
                values = words.read_values(row.values, are_texts=words.are_texts(empty))
            except InvalidInput as error:
                raise InvalidInput(f"Row {index + 1}: {error.detail}") from error
            found.append(msgspec.structs.replace(empty, values=values))
        return {"conditions": found}

    def _prerequisites(self) -> dict[str, Any]:
        found: dict[str, list[str]] = {}
        for gate in self.gate_rows:
            key, is_whole, variant = gate.partition("=")
            if is_whole and variant not in found.setdefault(key, []):
                found[key].append(variant)
        return {"prerequisites": [Prerequisite(key, names) for key, names in found.items()]}

    def _people(self, name: str, kind: str) -> dict[str, Any]:
        salt = self.before.salt if self.flag else self.cleaned_data.get("key", "")
        ids, emails = _read_people(self.cleaned_data.get(name, ""))
        kept = dict.fromkeys(getattr(self.before, f"{kind}_user_emails"))
        if self.cleaned_data.get(f"{name}_clear"):
            kept = {}
        for email in _read_people(self.cleaned_data.get(f"{name}_drop", ""), only_emails=True)[1]:
            hashed = email_hash(salt, email)
            if hashed not in kept:
                raise InvalidInput("An address that you want to take off is not on the list.")
            del kept[hashed]
        kept |= dict.fromkeys(email_hash(salt, email) for email in emails)
        return {f"{kind}_user_ids": ids, f"{kind}_user_emails": list(kept)}


def _named_clinics(before: Definition) -> list[str]:
    only = words.clinics_of(before.conditions) or []
    return [*only, *map(str, (*before.enabled_tenant_ids, *before.disabled_tenant_ids))]


def _list_fields(name: str) -> dict[str, forms.Field]:
    return {
        name: forms.CharField(
            label="People",
            required=False,
            widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
            help_text="On each line an e-mail address, kept as a hash, or a person's id.",
        ),
        f"{name}_drop": forms.CharField(
            label="Take these addresses off",
            required=False,
            widget=forms.Textarea(attrs={"rows": 1, "autocomplete": "off", "spellcheck": "false"}),
        ),
        f"{name}_clear": forms.BooleanField(label="Take all addresses off", required=False),
        f"{name}_clinics": forms.MultipleChoiceField(
            label="Clinics", required=False, widget=forms.CheckboxSelectMultiple
        ),
    }


def _initial(before: Definition, flag: FeatureFlag | None, simple: str | None) -> dict[str, Any]:
    share = before.variant(simple) if simple else None
    return {
        "description": before.description,
        "is_enabled": before.is_enabled,
        "percentage": f"{share.percentage:.6g}" if share else None,
        "only_clinics": words.clinics_of(before.conditions) or [],
        "always": "\n".join(map(str, before.enabled_user_ids)),
        "never": "\n".join(map(str, before.disabled_user_ids)),
        "always_clinics": list(map(str, before.enabled_tenant_ids)),
        "never_clinics": list(map(str, before.disabled_tenant_ids)),
        "environments": ", ".join(before.environment_restrictions),
        "owner": before.owner,
        "purpose": before.purpose,
        "approval_above": before.approval_above,
        "record_all": before.record_all,
        "base_version": flag.version if flag else None,
    }


def _variant_rows(before: Definition, *, is_new: bool) -> list[VariantRow]:
    rows = [
        VariantRow(
            one.name,
            _say_typed(one.value, before.value_type),
            f"{one.percentage:.6g}",
            is_new=is_new,
            is_default=one.name == before.default_variant,
            is_for_listed=one.name == before.allowed_variant,
        )
        for one in before.variants
    ]
    return rows + [VariantRow() for _ in range(EMPTY_ROWS)]


def _conditions(before: Definition) -> list[ConditionRow]:
    shown = before.conditions[1:] if words.clinics_of(before.conditions) else before.conditions
    rows = [ConditionRow(one.attribute, one.operator, words.say_values(one)) for one in shown]
    return rows + [ConditionRow() for _ in range(EMPTY_ROWS)]


def _gate_rows(before: Definition) -> list[str]:
    rows = [f"{one.key}={name}" for one in before.prerequisites for name in one.variants]
    return rows + [""] * EMPTY_ROWS


def _gates(others: Iterable[Definition], before: Definition) -> list[tuple[str, str]]:
    """List what other flags may give; what is chosen now stays a choice."""
    found = {
        f"{one.key}={variant.name}": f"{one.key} gives “{variant.name}”"
        for one in others
        for variant in one.variants
    }
    for one in before.prerequisites:
        for name in one.variants:
            found.setdefault(f"{one.key}={name}", f"{one.key} gives “{name}” (is gone)")
    return list(found.items())


def _say_typed(value: Any, kind: ValueType) -> str:
    if kind == ValueType.STRING:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _lines(text: str) -> str:
    """Browsers send their own ends of lines."""
    return text.replace("\r\n", "\n")


def _read_typed(row: VariantRow, before: Definition) -> Any:
    kind = before.value_type
    if kind == ValueType.STRING:
        old = before.variant(row.name)
        return old.value if old and _lines(old.value) == row.value else row.value
    try:
        value = msgspec.json.decode(row.value)
    except (msgspec.DecodeError, RecursionError):
        value = None
    if kind == ValueType.FLOAT and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not is_of_type(value, kind):
        raise InvalidInput(f"{row.name}: the value must be {KINDS[kind]}.")
    return value


def _read_share(row: VariantRow) -> float:
    try:
        return float(share_field("").clean(row.share))
    except ValidationError as error:
        raise InvalidInput(f"{row.name}: {' '.join(error.messages)}") from error


def _read_people(text: str, *, only_emails: bool = False) -> tuple[list[uuid.UUID], list[str]]:
    ids: dict[uuid.UUID, None] = {}
    emails: dict[str, None] = {}
    for number, line in enumerate(re.split(r"[\n,;]", text), start=1):
        word = line.strip()
        if not word:
            continue
        try:
            if "@" in word or only_emails:
                EmailValidator()(word)
                emails[word] = None
            else:
                ids[uuid.UUID(word)] = None
        except (ValueError, ValidationError) as error:
            wanted = "an e-mail address" if only_emails else "an e-mail address or a person's id"
            raise InvalidInput(f"Line {number} is not {wanted}.") from error
    return list(ids), list(emails)


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
