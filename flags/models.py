"""Flags and their history, plans for them, and what is counted of their evaluations."""

import uuid

import msgspec
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from core.models import Row, uuid7
from flags.types import ChangeKind, Definition, Purpose, ValueType, definition_of


class FeatureFlag(models.Model):
    """A flag as it is now; what it was before is in its versions. Written by services alone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    flag_name = models.TextField(unique=True)
    description = models.TextField(blank=True, default="")
    is_enabled = models.BooleanField(default=False)
    rollout_percentage = models.DecimalField(max_digits=6, decimal_places=3, default=0)
    enabled_user_ids = ArrayField(models.UUIDField(), default=list)
    enabled_user_emails = ArrayField(models.TextField(), default=list)
    enabled_tenant_ids = ArrayField(models.UUIDField(), default=list)
    disabled_user_ids = ArrayField(models.UUIDField(), default=list)
    disabled_user_emails = ArrayField(models.TextField(), default=list)
    disabled_tenant_ids = ArrayField(models.UUIDField(), default=list)
    environment_restrictions = ArrayField(models.TextField(), default=list)
    conditions = models.JSONField(default=list)
    prerequisites = models.JSONField(default=list)
    value_type = models.TextField(default=ValueType.BOOLEAN.value)
    # Text of JSON: jsonb would make 1 of 1.0, which is another type to clients.
    variants = models.TextField()
    default_variant = models.TextField(default="off")
    allowed_variant = models.TextField(default="on")
    salt = models.TextField()
    algorithm = models.SmallIntegerField(default=1)
    owner = models.TextField(blank=True, default="")
    purpose = models.TextField(default=Purpose.RELEASE.value)
    metadata = models.JSONField(default=dict)
    record_all = models.BooleanField(default=False)
    approval_above = models.FloatField(null=True)
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    created_by = models.TextField(default="")
    updated_by = models.TextField(default="")

    class Meta:
        db_table = "feature_flags"
        ordering = ("flag_name",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(rollout_percentage__range=(0, 100)),
                name="feature_flags_percentage_0_to_100",
            ),
        )

    def __str__(self) -> str:
        return self.flag_name

    @property
    def definition(self) -> Definition:
        return definition_of(vars(self))


class FeatureFlagVersion(models.Model):
    """What a flag was from `changed_at` on, who said so, and why. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    flag_name = models.TextField()
    version = models.IntegerField()
    # Text of JSON, as `variants` above. Null: from here on there was no such flag.
    definition_json = models.TextField(null=True)
    kind = models.TextField(choices=[(one.value, one.capitalize()) for one in ChangeKind])
    reason = models.TextField(default="")
    changed_by = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "feature_flag_versions"
        ordering = ("flag_name", "-version")
        constraints = (
            models.UniqueConstraint(
                fields=("flag_name", "version"), name="feature_flag_versions_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.flag_name} v{self.version}"

    @property
    def definition(self) -> Definition | None:
        if self.definition_json is None:
            return None
        return msgspec.json.decode(self.definition_json, type=Definition)


class FlagRuleSet(models.Model):
    """One row: the version of all flags together, raised by a trigger on each change."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=1)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "feature_flag_rule_sets"

    def __str__(self) -> str:
        return f"rule set {self.version}"


class FlagFlush(models.Model):
    """How far the tallies of a process have come, so that none is added twice."""

    process = models.UUIDField(primary_key=True)
    sequence = models.BigIntegerField()
    flushed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "feature_flag_flushes"

    def __str__(self) -> str:
        return str(self.process)


class FeatureFlagCount(models.Model):
    """How often a flag was evaluated with this outcome within an hour."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    flag_name = models.TextField()
    variant = models.TextField()
    reason = models.TextField()
    hour = models.DateTimeField()
    evaluations = models.BigIntegerField()
    last_evaluated_at = models.DateTimeField()

    class Meta:
        db_table = "feature_flag_counts"
        constraints = (
            models.UniqueConstraint(
                fields=("flag_name", "hour", "variant", "reason"),
                name="feature_flag_counts_unique",
            ),
        )

    def __str__(self) -> str:
        return f"{self.flag_name}: {self.variant}, {self.reason}"


class FeatureFlagExposure(models.Model):
    """How many subjects saw a variant within an hour, each counted once.

    `subjects` are the first 64 bits of SHA-256 of each; null once the hour is long over.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    flag_name = models.TextField()
    variant = models.TextField()
    hour = models.DateTimeField()
    exposures = models.IntegerField()
    subjects = ArrayField(models.BigIntegerField(), null=True)

    class Meta:
        db_table = "feature_flag_exposures"
        constraints = (
            models.UniqueConstraint(
                fields=("flag_name", "hour", "variant"), name="feature_flag_exposures_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.flag_name}: {self.variant}"


class FeatureFlagEvaluation(models.Model):
    """Single evaluations: a sample, or every one where a flag says so. E-mails are not kept.

    `sample_minute` is null for what `record_all` keeps; of the others there is one a minute for
    each flag, variant and reason.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    flag_name = models.TextField()
    user_id = models.UUIDField(null=True)
    targeting_key = models.TextField(null=True)
    variant = models.TextField(null=True)
    evaluation_result = models.TextField()
    evaluation_reason = models.TextField()
    metadata = models.JSONField(default=dict)
    evaluated_at = models.DateTimeField()
    sample_minute = models.DateTimeField(null=True)

    class Meta:
        db_table = "feature_flag_evaluations"
        constraints = (
            models.UniqueConstraint(
                fields=("flag_name", "sample_minute", "variant", "evaluation_reason"),
                name="feature_flag_evaluations_sample",
            ),
        )
        indexes = (
            models.Index(
                fields=("flag_name", "-evaluated_at"), name="feature_flag_evaluations_new"
            ),
            models.Index(fields=("user_id",), name="feature_flag_evaluations_user"),
            models.Index(fields=("evaluated_at",), name="feature_flag_evaluations_old"),
        )

    def __str__(self) -> str:
        return f"{self.flag_name}: {self.variant}"


class FeatureFlagOutcome(models.Model):
    """What became of the requests of people with a variant, minute by minute, while a ramp runs.

    `durations` counts requests by how long they took; its bounds are types.BOUNDS.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    flag_name = models.TextField()
    variant = models.TextField()
    minute = models.DateTimeField()
    requests = models.IntegerField()
    errors = models.IntegerField()
    durations = ArrayField(models.IntegerField())

    class Meta:
        db_table = "feature_flag_outcomes"
        constraints = (
            models.UniqueConstraint(
                fields=("flag_name", "minute", "variant"), name="feature_flag_outcomes_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.flag_name}: {self.variant}"


class FeatureFlagRamp(Row):
    """A plan to change a variant's percentage in steps, each held for a while and watched."""

    class State(models.TextChoices):
        PLANNED = "planned"
        RUNNING = "running"
        PAUSED = "paused"
        COMPLETED = "completed"
        CANCELLED = "cancelled"

    OPEN = (State.PLANNED, State.RUNNING, State.PAUSED)

    flag_name = models.TextField()
    variant = models.TextField(default="on")
    # [{"percentage": 25.0, "soak_minutes": 60}, …]
    steps = models.JSONField()
    # Of the step in force; -1 before the first.
    position = models.SmallIntegerField(default=-1)
    state = models.TextField(choices=State.choices, default=State.PLANNED)
    starts_at = models.DateTimeField()
    step_started_at = models.DateTimeField(null=True)
    # The health gate: when the variant's requests fail or last so much more, the ramp pauses.
    is_guarded = models.BooleanField(default=True)
    max_error_points = models.FloatField(default=1.0)
    max_latency_ratio = models.FloatField(default=1.5)
    min_requests = models.IntegerField(default=50)
    # Of the flag, as the ramp last saw or set it: who changes the flag by hand pauses the ramp.
    flag_version = models.IntegerField(null=True)
    pause_reason = models.TextField(default="")
    reason = models.TextField(default="")
    created_by = models.TextField(default="")
    # A step is larger than the flag allows one person: it waits for `approved_by`.
    needs_approval = models.BooleanField(default=False)
    approved_by = models.TextField(default="")
    # What was done, by whom and why, oldest first: [{"at": …, "by": …, "text": …}, …]
    log = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "feature_flag_ramps"
        verbose_name = "ramp"
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("flag_name",),
                condition=models.Q(state__in=("planned", "running", "paused")),
                name="feature_flag_ramps_one_open",
            ),
        )

    def __str__(self) -> str:
        return f"Ramp of {self.flag_name}"


class FeatureFlagChangeRequest(Row):
    """A change that waits for a second person. Never edited: a new one takes its place."""

    class State(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        REJECTED = "rejected"
        VOID = "void"

    flag_name = models.TextField()
    base_version = models.IntegerField()
    definition_json = models.TextField()
    reason = models.TextField()
    requested_by = models.TextField()
    state = models.TextField(choices=State.choices, default=State.OPEN)
    decided_by = models.TextField(default="")
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(default="")

    class Meta:
        db_table = "feature_flag_change_requests"
        verbose_name = "change request"
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("flag_name",),
                condition=models.Q(state="open"),
                name="feature_flag_change_requests_one_open",
            ),
        )

    def __str__(self) -> str:
        return f"Change of {self.flag_name}"

    @property
    def definition(self) -> Definition:
        return msgspec.json.decode(self.definition_json, type=Definition)
