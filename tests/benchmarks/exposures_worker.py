"""Makes the flags and the server's key of the benchmark `exposures`; reads what was counted."""

from typing import Any

from tests.benchmarks import worker


def prepare(flags: int) -> tuple[str, int]:
    """Give the secret of a key, and how many flags there are."""
    key, secret = accounts.create_api_key(
        name="Benchmark",
        scopes=[ApiScope.EVALUATE_FLAGS],
        tenant_id=None,
        environment="",
        expires_at=None,
        created_by_id=None,
    )
    there = FeatureFlag.objects.count()
    for number in range(flags - there):
        name, percentage = f"counted-{number}", (number + 1) * 100 / (flags - there + 1)
        variants = resize(
            [Variant("on", value=True), Variant("off", value=False)], "on", percentage
        )
        services.create_flag(
            definition=Definition(key=name, salt=name, is_enabled=True, variants=variants),
            actor=services.Actor(key.name),
            now=timezone.now(),
        )
    return secret, FeatureFlag.objects.count()


def counted() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT flag_name, sum(evaluations) FROM feature_flag_counts GROUP BY 1")
        evaluations = {key: int(number) for key, number in cursor.fetchall()}
        # Of the whole run, which may see the end of an hour: a subject is then in two rows.
        cursor.execute(
            "SELECT flag_name, count(DISTINCT subject)"
            " FROM feature_flag_exposures CROSS JOIN unnest(subjects) AS subject GROUP BY 1"
        )
        subjects = dict(cursor.fetchall())
    tables = (FeatureFlagCount, FeatureFlagExposure, FeatureFlagEvaluation, FlagFlush)
    rows = {table._meta.db_table: table._default_manager.count() for table in tables}
    return {"evaluations": evaluations, "subjects": subjects, "rows": rows}


if __name__ == "__main__":
    kept = worker.set_django_up()

    from django.db import connection
    from django.utils import timezone

    from accounts import services as accounts
    from accounts.types import ApiScope
    from flags import services
    from flags.allocation import resize
    from flags.models import (
        FeatureFlag,
        FeatureFlagCount,
        FeatureFlagEvaluation,
        FeatureFlagExposure,
        FlagFlush,
    )
    from flags.types import Definition, Variant

    (flags,) = worker.read_question()
    worker.answer(prepare(flags) if flags else counted(), kept)
