"""Flags of a test's own. In a rolled-back transaction no other connection sees them."""

from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone

from flags import allocation, rules, services
from flags.evaluation import RuleSet
from flags.models import FeatureFlag, FlagRuleSet
from flags.types import Definition

TESTER = services.Actor("tester@example.com")


class Flags:
    def make(self, key: str, **fields: Any) -> FeatureFlag:
        told: dict[str, Any] = {"is_enabled": True, "salt": key} | fields
        flag = services.create_flag(
            definition=Definition(key=key, **told), actor=TESTER, now=timezone.now()
        )
        self.load()
        return flag

    def change(self, key: str, *, reason: str = "A test.", **fields: Any) -> FeatureFlag:
        before = FeatureFlag.objects.get(flag_name=key)
        flag = services.change_flag(
            definition=msgspec.structs.replace(before.definition, **fields),
            base_version=before.version,
            actor=TESTER,
            reason=reason,
            now=timezone.now(),
        )
        self.load()
        return flag

    def roll_out(self, key: str, percentage: float, variant: str = "on") -> FeatureFlag:
        before = FeatureFlag.objects.get(flag_name=key).definition.variants
        return self.change(key, variants=allocation.resize(before, variant, percentage))

    def delete(self, key: str) -> None:
        services.delete_flag(key=key, actor=TESTER, reason="A test.", now=timezone.now())
        self.load()

    def load(self) -> RuleSet:
        """Put what the test's own transaction sees into the place of this process's rule set."""
        head = FlagRuleSet.objects.get()
        rule_set = RuleSet(
            [(flag.definition, flag.version) for flag in FeatureFlag.objects.all()],
            version=head.version,
            environment=settings.ENVIRONMENT,
        )
        rules.replace(rules.Loaded(rule_set, head.changed_at))
        return rule_set
