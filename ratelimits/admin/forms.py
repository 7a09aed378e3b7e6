"""The form of a rule: what is typed on its page becomes values for the service."""

import re
from typing import Any, Final

from django import forms

from core.admin import capital
from core.errors import InvalidInput
from ratelimits import checking
from ratelimits.admin import words
from ratelimits.admin.words import Names
from ratelimits.models import MODES, SCOPES, WHEN_AWAY, RateLimitRule
from ratelimits.types import IN_POSTGRES, IN_STORE, METHODS, Mode, Rule, Scope, WhenAway

# "10 POST /api/v2/documents", "5 /api/v2/documents/search"
WEIGHT: Final = re.compile(r"(?P<cost>\d{1,9})\s+(?:(?P<methods>[A-Z, ]+?)\s+)?(?P<path>/\S+)")
# What limits of log-ins have of all fields.
OF_LOG_INS: Final = ("description", "capacity", "window_number", "window_unit")
PLACES: Final = {"window_seconds": "window_number"}
UNITS: Final = [(str(unit), f"{name}s") for unit, name in reversed(words.UNITS)]


class RuleForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=50,
        help_text=(
            "Small letters, digits and hyphens, such as uploads-of-people. Callers see it when"
            " they are refused. It stays."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What it is for.",
    )
    mode = forms.ChoiceField(
        label="State",
        choices=MODES,
        widget=forms.RadioSelect,
        help_text="Begin a new rule in shadow: its refusals are counted, and nobody feels them.",
    )
    scope = forms.ChoiceField(
        label="Counts for",
        choices=[(value, name) for value, name in SCOPES if Scope(value) in IN_STORE],
        help_text="Whose requests share one bucket.",
    )
    tenant_id = forms.ChoiceField(label="Clinic", required=False)
    capacity = forms.IntegerField(
        label="At once",
        widget=forms.NumberInput(attrs={"min": 1}),
        help_text="So much is in a full bucket: requests that may come in one burst.",
    )
    refill = forms.IntegerField(
        label="Refill",
        widget=forms.NumberInput(attrs={"min": 1}),
        help_text="So much flows back, little by little: what is allowed in the long run.",
    )
    window_number = forms.IntegerField(label="every", widget=forms.NumberInput(attrs={"min": 1}))
    window_unit = forms.ChoiceField(label="Unit", choices=UNITS)
    paths = forms.CharField(
        label="Requests to",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=(
            "One a line: a route such as /api/v2/documents/{document_id}, or the beginning of some"
            " with * at its end."
        ),
    )
    methods = forms.MultipleChoiceField(
        label="Methods",
        required=False,
        choices=[(one, one) for one in METHODS],
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all of them.",
    )
    cost = forms.IntegerField(
        label="A request costs",
        widget=forms.NumberInput(attrs={"min": 1}),
        help_text="Usually 1.",
    )
    weights = forms.CharField(
        label="Others cost",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=(
            "One a line: cost, methods if not all, and route, such as 10 POST /api/v2/documents."
            " The first line that fits holds."
        ),
    )
    when_away = forms.ChoiceField(
        label="While the store does not answer",
        choices=WHEN_AWAY,
        help_text="Each process by itself: with four of them, up to four times as much passes.",
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    base_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, row: RateLimitRule | None, clinics: Names) -> None:
        self.row, self.clinics = row, clinics
        self.before = row.rule if row else None
        self.rule: Rule | None = None
        self.is_of_log_ins = self.before is not None and self.before.scope in IN_POSTGRES
        super().__init__(data, initial=_initial(self.before, row))
        if row:
            del self.fields["name"]
            self.fields["base_version"].required = True
        if self.is_of_log_ins:
            kept = {*OF_LOG_INS, "reason", "base_version"}
            for name in set(self.fields) - kept:
                del self.fields[name]
            self.fields["capacity"].help_text = "More of them are refused until the time is over."
            self.fields["capacity"].label = "Attempts"
            self.fields["window_number"].label = "within"
            return
        gone = {}
        if self.before and self.before.tenant_id:
            gone = {self.before.tenant_id: "A clinic that is gone"}
        choices: Any = self.fields["tenant_id"]
        choices.choices = [("", "All of them"), *(gone | dict(clinics)).items()]

    def clean(self) -> dict[str, Any]:
        super().clean()
        told: dict[str, Any] = self.cleaned_data
        if "weights" in told:
            try:
                told["weights"] = _weights(told["weights"])
            except ValueError as error:
                self.add_error("weights", str(error))
        if not self.errors:
            try:
                self.rule = checking.checked(self.whole())
            except InvalidInput as error:
                self.add_faults(error)
        return told

    def whole(self) -> dict[str, Any]:
        """Give all values of the rule as it would be."""
        now = {}
        if self.before is not None:
            now = {name: getattr(self.before, name) for name in self.before.__struct_fields__}
        return now | self.values()

    def values(self) -> dict[str, Any]:
        """Give what the service takes."""
        told = {name: self.cleaned_data[name] for name in self.fields}
        for name in ("reason", "base_version"):
            told.pop(name)
        told["window_seconds"] = told.pop("window_number") * int(told.pop("window_unit"))
        if "paths" in told:
            told["paths"] = _lines(told["paths"])
            told["tenant_id"] = told["tenant_id"] or None
        told["description"] = told["description"].replace("\r\n", "\n")
        return told

    def add_faults(self, error: InvalidInput) -> None:
        """Show what the service refuses at the fields that it is about."""
        for fault in error.errors:
            first = (fault.pointer or "").strip("/").partition("/")[0]
            place = PLACES.get(first, first)
            detail = capital(fault.detail.removeprefix(f"{first}: "))
            self.add_error(place if place in self.fields else None, detail)
        if not error.errors:
            self.add_error(None, capital(error.detail))

    @property
    def is_priced(self) -> bool:
        """Tell whether somebody should see the part that is folded by default."""
        one = self.before
        return bool(
            one is None or one.weights or one.cost != 1 or {"weights", "cost"} & set(self.errors)
        )


class DeleteForm(forms.Form):
    reason = forms.CharField(
        label="Reason", max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )


def _initial(rule: Rule | None, row: RateLimitRule | None) -> dict[str, Any]:
    if rule is None or row is None:
        return {
            "mode": Mode.SHADOW,
            "scope": Scope.USER,
            "capacity": 60,
            "refill": 60,
            "window_number": 1,
            "window_unit": "60",
            "paths": "/api/*",
            "cost": 1,
            "when_away": WhenAway.LOCAL,
        }
    number, unit = words.window(rule.window_seconds)
    told = {name: getattr(rule, name) for name in rule.__struct_fields__}
    return told | {
        "window_number": number,
        "window_unit": str(unit),
        "paths": "\n".join(rule.paths),
        "methods": list(rule.methods),
        "tenant_id": rule.tenant_id or "",
        "weights": "\n".join(
            " ".join([str(one.cost), *([", ".join(one.methods)] if one.methods else []), one.path])
            for one in rule.weights
        ),
        "base_version": row.version,
    }


def _lines(said: str) -> list[str]:
    return [line.strip() for line in said.splitlines() if line.strip()]


def _weights(said: str) -> list[dict[str, Any]]:
    found = []
    for line in _lines(said):
        match = WEIGHT.fullmatch(line)
        if match is None:
            raise ValueError(f"{line[:100]}: write such as 10 POST /api/v2/documents.")
        methods = re.findall(r"[A-Z]+", match["methods"] or "")
        found.append({"path": match["path"], "cost": int(match["cost"]), "methods": methods})
    return found
