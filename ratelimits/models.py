"""Rules, and what is noted of limits and requests. No row has a foreign key: ids are values."""

from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from core.models import Row, uuid7
from ratelimits.types import (
    IN_POSTGRES,
    LONGEST_WINDOW_SECONDS,
    MOST_CAPACITY,
    Mode,
    Rule,
    Scope,
    WhenAway,
    rule_of,
)

SCOPES: Final = (
    (Scope.USER.value, "Each person"),
    (Scope.TENANT.value, "Each clinic"),
    (Scope.NETWORK.value, "Each network of callers who are not signed in"),
    (Scope.ENDPOINT.value, "Each endpoint, all callers together"),
    (Scope.API_KEY.value, "Each API key"),
    (Scope.TENANT_ENDPOINT.value, "Each clinic at each endpoint"),
    (Scope.LOGIN_EMAIL.value, "Log-in attempts for an e-mail address"),
    (Scope.LOGIN_NETWORK.value, "Log-in attempts from a network"),
    (Scope.PASSWORD.value, "Password attempts of a signed-in person"),
    (Scope.SIGN_UP_NETWORK.value, "Sign-ups from a network"),
)
MODES: Final = (
    (Mode.ENFORCED.value, "Enforced"),
    (Mode.SHADOW.value, "Shadow: counts, and refuses nobody"),
    (Mode.OFF.value, "Off"),
)
WHEN_AWAY: Final = (
    (WhenAway.OPEN.value, "Let everybody pass"),
    (WhenAway.CLOSED.value, "Let nobody pass"),
    (WhenAway.LOCAL.value, "Let each process count by itself"),
)


class RateLimitRule(Row):
    """A rule as it is now. Written by services alone, which check it."""

    name = models.TextField(unique=True)
    description = models.TextField(blank=True, default="")
    scope = models.TextField(choices=SCOPES)
    paths = ArrayField(models.TextField(), default=list)
    # Empty: all of them.
    methods = ArrayField(models.TextField(), blank=True, default=list)
    capacity = models.IntegerField()
    refill = models.IntegerField()
    window_seconds = models.IntegerField()
    cost = models.IntegerField(default=1)
    # A list of {"path", "methods", "cost"}; the first that fits holds instead of `cost`.
    weights = models.JSONField(blank=True, default=list)
    # Only for this tenant.
    tenant_id = models.UUIDField(null=True, blank=True)
    mode = models.TextField(choices=MODES, default=Mode.ENFORCED.value)
    when_away = models.TextField(choices=WHEN_AWAY, default=WhenAway.LOCAL.value)
    version = models.IntegerField(default=1)
    updated_at = models.DateTimeField(db_default=Now())
    updated_by = models.TextField(blank=True, default="")

    class Meta:
        db_table = "rate_limit_rules"
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(capacity__range=(1, MOST_CAPACITY))
                & models.Q(refill__range=(1, MOST_CAPACITY))
                & models.Q(window_seconds__range=(1, LONGEST_WINDOW_SECONDS))
                & models.Q(cost__gte=1),
                name="rate_limit_rules_figures",
            ),
            models.CheckConstraint(
                condition=models.Q(scope__in=[one.value for one in Scope])
                & models.Q(mode__in=[one.value for one in Mode])
                & models.Q(when_away__in=[one.value for one in WhenAway]),
                name="rate_limit_rules_words",
            ),
            # Guards of passwords stand whatever somebody writes past the services.
            models.CheckConstraint(
                condition=~models.Q(scope__in=sorted(one.value for one in IN_POSTGRES))
                | models.Q(mode=Mode.ENFORCED.value, capacity__lte=1000, window_seconds__gte=60),
                name="rate_limit_rules_log_in_guarded",
            ),
            models.UniqueConstraint(
                fields=("scope",),
                condition=models.Q(scope__in=sorted(one.value for one in IN_POSTGRES)),
                name="rate_limit_rules_one_per_log_in_scope",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def rule(self) -> Rule:
        return rule_of(vars(self))


class RateLimitRuleSet(models.Model):
    """One row: the version of all rules together, raised by a trigger on each change."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=1)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "rate_limit_rule_sets"
        constraints = (
            models.CheckConstraint(condition=models.Q(id=1), name="rate_limit_rule_sets_one_row"),
        )

    def __str__(self) -> str:
        return f"rule set {self.version}"


class RateLimitBucket(models.Model):
    """A bucket as a process saw it last: a picture for people, never asked by a request."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    rule_name = models.TextField()
    # The keyed hash that names the bucket in the store.
    key = models.BinaryField()
    scope = models.TextField(choices=SCOPES)
    tenant_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    api_key_id = models.UUIDField(null=True)
    # A keyed hash.
    network = models.TextField(default="")
    route = models.TextField(default="")
    capacity = models.IntegerField()
    remaining = models.IntegerField()
    # It refuses from then, until then; null: it does not.
    limited_since = models.DateTimeField(null=True)
    limited_until = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "rate_limit_buckets"
        constraints = (
            models.UniqueConstraint(fields=("rule_name", "key"), name="rate_limit_buckets_unique"),
        )
        indexes = (
            models.Index(fields=("user_id",), name="rate_limit_buckets_user"),
            models.Index(fields=("-limited_until",), name="rate_limit_buckets_limited"),
        )

    def __str__(self) -> str:
        return f"{self.rule_name}: {self.remaining} of {self.capacity}"


class RateLimitViolation(models.Model):
    """How often a rule refused one caller within an hour, or would have, with some samples."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    rule_name = models.TextField()
    key = models.BinaryField()
    hour = models.DateTimeField()
    scope = models.TextField(choices=SCOPES)
    # As it was: shadow refuses nobody.
    mode = models.TextField(choices=MODES)
    tenant_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    api_key_id = models.UUIDField(null=True)
    # A keyed hash.
    network = models.TextField(default="")
    # Of scopes that count by endpoint.
    route = models.TextField(default="")
    violation_count = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    # A few of {"at", "method", "route", "request_id"}; no path and no query.
    samples = models.JSONField(default=list)

    class Meta:
        db_table = "rate_limit_violations"
        constraints = (
            models.UniqueConstraint(
                fields=("hour", "rule_name", "key", "mode"), name="rate_limit_violations_unique"
            ),
        )
        indexes = (
            models.Index(fields=("user_id", "-hour"), name="rate_limit_violations_user"),
            models.Index(fields=("-last_at",), name="rate_limit_violations_last"),
            models.Index(fields=("rule_name", "-last_at"), name="rate_limit_violations_rule"),
            # For /metrics, which adds up a day of them.
            models.Index(
                fields=("hour",),
                include=("rule_name", "mode", "violation_count"),
                name="rate_limit_violations_sums",
            ),
        )

    def __str__(self) -> str:
        return f"{self.rule_name}: {self.violation_count}"


class RateLimitTraffic(models.Model):
    """What one caller asked of one process within a minute of the last day, for previews.

    Insert-only: as many rows of a minute as processes. `routes` are traffic.route_id() of each,
    `requests` how often it was asked for. Who is nobody: callers beyond what a process tells apart.
    """

    id = models.BigAutoField(primary_key=True)
    minute = models.DateTimeField()
    tenant_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    api_key_id = models.UUIDField(null=True)
    # A keyed hash, and only of callers who are not signed in.
    network = models.TextField(default="")
    routes = ArrayField(models.IntegerField())
    requests = ArrayField(models.IntegerField())
    request_count = models.IntegerField()

    class Meta:
        db_table = "rate_limit_traffic"
        indexes = (
            models.Index(fields=("minute",), name="rate_limit_traffic_minute"),
            models.Index(fields=("user_id",), name="rate_limit_traffic_user"),
        )

    def __str__(self) -> str:
        return f"{self.minute}: {self.request_count}"


class RateLimitFlush(models.Model):
    """How far the tallies of a process have come, so that none is added twice."""

    process = models.UUIDField(primary_key=True)
    sequence = models.BigIntegerField()
    flushed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "rate_limit_flushes"

    def __str__(self) -> str:
        return str(self.process)


class ApiTrafficHour(models.Model):
    """Requests to one route within an hour, how they ended and how long they took.

    Route and method `*` are those of all routes together.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    hour = models.DateTimeField()
    route = models.TextField()
    method = models.TextField()
    # 2 for 200 to 299, and so on.
    status_class = models.SmallIntegerField()
    request_count = models.BigIntegerField()
    total_ms = models.FloatField()
    # By types.BOUNDS: one more than there are bounds.
    histogram = ArrayField(models.BigIntegerField())

    class Meta:
        db_table = "api_traffic_hours"
        constraints = (
            models.UniqueConstraint(
                fields=("hour", "route", "method", "status_class"), name="api_traffic_hours_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.method} {self.route}: {self.request_count}"
