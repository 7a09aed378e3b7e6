"""The event log, and the rows of the old daily form that are kept in step with it."""

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.db.models.lookups import IsNull

from accounts.models import PersonRow, Tenant
from core.models import CurrentTransactionId, Exactly, TransactionId, uuid7
from health.event_types import EVENT_TYPES


def has_newer_version() -> Exists:
    """Tell of a version whether there is a newer one.

    CASE, not COALESCE: under row-level security Postgres does not know that COALESCE cannot
    leak, and would read the person's whole history for each event.
    """
    newer = HealthEvent.objects.filter(
        tenant_id=OuterRef("tenant_id"),
        related_event_id=models.Case(
            models.When(IsNull(OuterRef("related_event_id"), rhs=True), then=OuterRef("id")),
            default=OuterRef("related_event_id"),
        ),
        version__gt=OuterRef("version"),
    )
    return Exists(newer)


class HealthEventQuerySet(models.QuerySet["HealthEvent"]):
    def current(self) -> "HealthEventQuerySet":
        """Keep the newest version of each event."""
        return self.filter(~has_newer_version())

    def effective(self) -> "HealthEventQuerySet":
        """Keep what holds now: the newest versions that are not retracted."""
        return self.current().exclude(status=HealthEvent.Status.ENTERED_IN_ERROR)


class HealthEvent(PersonRow):
    """One thing that a person reported. Rows are appended and never changed.

    A correction or retraction is a further row: it relates to the first row of its event
    (`related_event_id`), has the next `version`, and a reason. The states are FHIR's
    Observation.status: final → corrected → … → entered-in-error (the end).
    """

    class Status(models.TextChoices):
        FINAL = "final"
        CORRECTED = "corrected"
        ENTERED_IN_ERROR = "entered-in-error"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event_type = models.TextField()
    event_subtype = models.TextField(null=True)
    event_data = models.JSONField()
    schema_version = models.SmallIntegerField(db_default=1)
    status = models.TextField(choices=Status, db_default=Status.FINAL)
    version = models.SmallIntegerField(db_default=1)
    related_event_id = models.UUIDField(null=True)
    reason = models.TextField(null=True)
    occurred_at = models.DateTimeField()
    local_date = models.DateField(help_text="The person's date when it happened; never recomputed.")
    utc_offset_minutes = models.SmallIntegerField(
        null=True, help_text="Null when the person stated the date itself."
    )
    time_zone = models.TextField(null=True)
    recorded_at = models.DateTimeField(db_default=Now())
    source = models.TextField(db_default="api")
    source_version = models.TextField(null=True)
    client_event_id = models.TextField(null=True)
    correlation_id = models.UUIDField(null=True)
    tx_id = TransactionId(db_default=CurrentTransactionId(), editable=False)

    objects: ClassVar[models.Manager["HealthEvent"]] = HealthEventQuerySet.as_manager()

    class Meta:
        db_table = "health_events"
        ordering = ("-occurred_at", "-id")
        indexes = (
            models.Index(fields=("user", "-occurred_at", "-id"), name="health_events_timeline"),
            models.Index(
                fields=("user", "event_type", "-occurred_at", "-id"), name="health_events_by_type"
            ),
            # Only what came together, such as a check-in, has a correlation id.
            models.Index(
                fields=("user", "correlation_id"),
                name="health_events_together",
                condition=Q(correlation_id__isnull=False),
            ),
            # For readers of the log, who go on where they ended.
            models.Index(fields=("tx_id",), name="health_events_log"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("user", "client_event_id", "tenant"),
                name="health_events_client_event_unique",
                condition=Q(client_event_id__isnull=False),
            ),
            # Two corrections at the same moment cannot both be the next version. Also finds
            # the versions of an event; partial, as most events are never corrected.
            models.UniqueConstraint(
                fields=("related_event_id", "version", "tenant"),
                name="health_events_version_unique",
                condition=Q(related_event_id__isnull=False),
            ),
            models.CheckConstraint(
                condition=Q(event_type__in=list(EVENT_TYPES)), name="health_events_type_known"
            ),
            models.CheckConstraint(
                condition=Q(status="final", version=1, related_event_id__isnull=True)
                | Q(
                    status__in=("corrected", "entered-in-error"),
                    version__gt=1,
                    related_event_id__isnull=False,
                    reason__isnull=False,
                ),
                name="health_events_version_fits_status",
            ),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.local_date}"

    @property
    def root_id(self) -> uuid.UUID:
        """The id of the event's first row, by which clients know it."""
        return self.related_event_id or self.id


class DailyCheckin(PersonRow):
    """A row of the old daily form, with every column the old service had.

    A value that does not fit its column, an explicit null, and every key without a column
    are in `extra`, so that the form comes back as it was sent. `events_revision` lags behind
    `revision` while the row still waits for its events (it was written in V1 mode).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    date_submitted = models.DateField()
    is_enhanced = models.BooleanField(default=False)
    mood_today = models.TextField()
    confidence_today = models.SmallIntegerField()
    medication_taken = models.TextField(null=True)
    user_note = models.TextField(null=True)
    primary_concern_today = models.TextField(null=True)
    anxiety_level = models.SmallIntegerField(null=True)
    side_effects = ArrayField(models.TextField(), null=True)
    missed_doses = models.IntegerField(null=True)
    injection_confidence = models.SmallIntegerField(null=True)
    appointment_within_3_days = models.BooleanField(null=True)
    appointment_anxiety = models.SmallIntegerField(null=True)
    coping_strategies_used = ArrayField(models.TextField(), null=True)
    partner_involved_today = models.BooleanField(null=True)
    wish_knew_more_about = ArrayField(models.TextField(), null=True)
    phq4_score = models.SmallIntegerField(null=True)
    phq4_anxiety = models.SmallIntegerField(null=True)
    phq4_depression = models.SmallIntegerField(null=True)
    sentiment = models.TextField(null=True)
    sentiment_confidence = models.DecimalField(max_digits=3, decimal_places=2, null=True)
    sentiment_scores = models.JSONField(null=True)
    sentiment_processing_time = models.IntegerField(null=True)
    medication_confidence_today = models.SmallIntegerField(null=True)
    medication_concern_today = models.TextField(null=True)
    financial_stress_today = models.SmallIntegerField(null=True)
    financial_concern_today = models.TextField(null=True)
    journey_readiness_today = models.SmallIntegerField(null=True)
    top_concern_today = models.TextField(null=True)
    extra = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    utc_offset_minutes = models.SmallIntegerField(null=True)
    time_zone = models.TextField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    revision = models.IntegerField(default=1)
    events_revision = models.IntegerField(default=0)

    class Meta:
        db_table = "daily_checkins"
        verbose_name = "daily check-in"
        ordering = ("-date_submitted",)
        constraints = (
            # One per person and day; a deleted one makes room.
            models.UniqueConstraint(
                fields=("user", "date_submitted", "tenant"),
                name="daily_checkins_one_a_day",
                condition=Q(deleted_at__isnull=True),
            ),
        )
        indexes = (
            # Normally empty: only rows written in V1 mode wait for their events.
            models.Index(
                fields=("user",),
                name="daily_checkins_waiting",
                condition=Q(revision__gt=F("events_revision")),
            ),
        )

    def __str__(self) -> str:
        return f"check-in {self.date_submitted}"


class UserDailyMetrics(PersonRow):
    """A person's local day in figures: what fold_events() says of the events that hold.

    Written by fold_metrics() and rebuild_metrics() alone. Days in `metric_marks` have changed
    since; the view exact_daily_metrics computes those. Figures add up (counts, sums, the least,
    the greatest, the last by time); means are divided when they are read.
    """

    pk = models.CompositePrimaryKey("user_id", "local_date", "tenant_id")
    local_date = models.DateField()
    event_count = models.IntegerField()
    mood_entries = models.IntegerField()
    medication_entries = models.IntegerField()
    symptom_entries = models.IntegerField()
    assessment_entries = models.IntegerField()
    vital_entries = models.IntegerField()
    treatment_entries = models.IntegerField()
    appointment_entries = models.IntegerField()
    note_entries = models.IntegerField()
    sleep_entries = models.IntegerField()
    exercise_entries = models.IntegerField()
    has_checkin = models.BooleanField(help_text="The daily form was sent for this day.")
    latest_mood = models.TextField(null=True)
    moods = ArrayField(models.TextField(), null=True, help_text="In the order of time.")
    confidence_count = models.IntegerField()
    confidence_sum = Exactly(null=True)
    confidence_min = Exactly(null=True)
    confidence_max = Exactly(null=True)
    confidence_last = Exactly(null=True)
    anxiety_count = models.IntegerField()
    anxiety_sum = Exactly(null=True)
    anxiety_min = Exactly(null=True)
    anxiety_max = Exactly(null=True)
    anxiety_last = Exactly(null=True)
    medications_taken = models.IntegerField()
    medications_missed = models.IntegerField()
    medications_skipped = models.IntegerField()
    medications_partial = models.IntegerField()
    missed_doses = Exactly(help_text="As counted by the person in the daily form.")
    symptoms_reported = models.IntegerField()
    symptoms = models.JSONField(null=True, help_text="A list of texts for each event.")
    triggers = models.JSONField(null=True, help_text="A list of texts for each event.")
    concerns = ArrayField(models.TextField(), null=True)
    severity_count = models.IntegerField()
    severity_sum = Exactly(null=True)
    severity_min = Exactly(null=True)
    severity_max = Exactly(null=True)
    assessments = models.JSONField(null=True, help_text="[subtype, total score] of each event.")
    sleep_hours_count = models.IntegerField()
    sleep_hours_sum = Exactly(null=True)
    sleep_quality_count = models.IntegerField()
    sleep_quality_sum = Exactly(null=True)
    exercise_minutes = Exactly()
    first_event_at = models.DateTimeField()
    last_event_at = models.DateTimeField()
    last_updated = models.DateTimeField(help_text="When the newest of its events was recorded.")

    class Meta:
        db_table = "user_daily_metrics"

    def __str__(self) -> str:
        return f"{self.local_date}"


class TenantDailyMetrics(models.Model):
    """A clinic's day, all people together: the sum of user_daily_metrics, kept by triggers."""

    pk = models.CompositePrimaryKey("tenant_id", "local_date")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    local_date = models.DateField()
    person_count = models.IntegerField(help_text="People who recorded something.")
    checkin_count = models.IntegerField()
    event_count = models.BigIntegerField()
    medications_taken = models.BigIntegerField()
    medications_missed = models.BigIntegerField()
    symptoms_reported = models.BigIntegerField()
    assessment_entries = models.BigIntegerField()
    confidence_count = models.BigIntegerField()
    confidence_sum = Exactly()
    anxiety_count = models.BigIntegerField()
    anxiety_sum = Exactly()

    class Meta:
        db_table = "tenant_daily_metrics"

    def __str__(self) -> str:
        return f"{self.local_date}"


class MetricRebuild(models.Model):
    """A run of rebuild_metrics: how far it came, so that the next one goes on there."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    position = models.UUIDField(default=uuid.UUID(int=0), help_text="The last person done.")
    person_count = models.IntegerField(default=0)
    day_count = models.BigIntegerField(default=0)
    changed_count = models.BigIntegerField(
        default=0, help_text="Days that stood otherwise than their events say."
    )
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "metric_rebuilds"

    def __str__(self) -> str:
        return str(self.id)
