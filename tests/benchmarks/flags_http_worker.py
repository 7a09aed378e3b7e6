"""Make flags of all kinds until there are so many."""

from typing import Any

import msgspec
from django.utils import timezone

from tests.benchmarks import worker

ANSWER = worker.set_django_up()

from flags import allocation, services  # noqa: E402  After Django is set up.
from flags.models import FeatureFlag  # noqa: E402
from flags.targeting import email_hash  # noqa: E402
from flags.types import Condition, Definition, Operator, Prerequisite  # noqa: E402

ACTOR = services.Actor("benchmark")


def main() -> None:
    (wanted,) = worker.read_question()
    there_are = FeatureFlag.objects.count()
    for number in range(wanted - there_are):
        services.create_flag(definition=definition(number), actor=ACTOR, now=timezone.now())
    worker.answer(FeatureFlag.objects.count(), ANSWER)


def definition(number: int) -> Definition:
    """Half of them are parts of all people; the others have lists, conditions, prerequisites."""
    key = f"benchmark-{number:02}"
    found = Definition(key=key, salt=key, is_enabled=True)
    variants = allocation.resize(found.variants, "on", 5 + 4 * number)
    kinds: dict[int, dict[str, Any]] = {
        1: {"enabled_user_emails": [email_hash(key, f"{one}@example.com") for one in range(100)]},
        3: {"conditions": [Condition("app_version", Operator.VERSION_AT_LEAST, ["2.1"])]},
        5: {"prerequisites": [Prerequisite("benchmark-00", ["on"])]} if number else {},
    }
    return msgspec.structs.replace(found, variants=variants, **kinds.get(number % 6, {}))


if __name__ == "__main__":
    main()
