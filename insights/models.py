"""Insights, what people did with them, and how far the event log has been read for them."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import PersonRow
from core.models import TransactionId, uuid7

# Insights of a person and an occasion have the same id wherever and whenever they are made.
NAMESPACE = uuid.UUID("6f1d2f0a-5f6e-5c0e-9a57-0d3c1f6f2b11")


def insight_id(user_id: uuid.UUID, occasion: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"{user_id}:{occasion}")


class Insight(PersonRow):
    """Something that a person's data says to them.

    `occasion` says what it was written for, such as "daily:2026-11-21": one insight for each.
    `evidence` is a list of what it rests on: {"kind": "health-event" | "check-in", "id": …} or
    {"kind": "daily-summary", "date": …}.
    """

    class Category(models.TextChoices):
        TREND = "trend"
        ACHIEVEMENT = "achievement"
        RISK = "risk"
        RECOMMENDATION = "recommendation"
        GENERAL = "general"

    class Trigger(models.TextChoices):
        SCHEDULED = "scheduled"
        EVENT_BASED = "event_based"
        MANUAL = "manual"
        MIGRATION = "migration"

    id = models.UUIDField(primary_key=True, editable=False)
    occasion = models.TextField(help_text="What it was written for; one insight for each.")
    insight_type = models.TextField()
    category = models.TextField(choices=Category)
    priority = models.SmallIntegerField(help_text="10 is the most urgent.")
    title = models.TextField()
    message = models.TextField()
    icon = models.TextField(default="")
    confidence = models.FloatField(null=True, help_text="From 0 to 1.")
    action_label = models.TextField(null=True)
    action_type = models.TextField(null=True)
    data = models.JSONField(default=dict, help_text="The figures behind the text.")
    evidence = models.JSONField(default=list)
    trigger_type = models.TextField(choices=Trigger)
    local_date = models.DateField(help_text="The person's date that it is about.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    expires_at = models.DateTimeField(
        null=True, help_text="Null in some of the old service: those are past."
    )

    class Meta:
        db_table = "insights"
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("user", "occasion", "tenant"), name="insights_one_for_each_occasion"
            ),
            models.CheckConstraint(
                condition=Q(priority__range=(1, 10)), name="insights_priority_1_to_10"
            ),
        )
        indexes = (
            models.Index(
                fields=("user", "-priority", "-created_at", "-id"), name="insights_by_priority"
            ),
            models.Index(fields=("user", "-created_at", "-id"), name="insights_newest"),
            # What still counts: few of many, after some years.
            models.Index(fields=("user", "expires_at"), name="insights_standing"),
            # The console's list. Not by tenant: row security would lead people's own queries to it.
            models.Index(fields=("-created_at", "-id"), name="insights_newest_of_all"),
            # The queue of those who look after people; few of all insights.
            models.Index(
                fields=("-created_at", "-id"),
                name="insights_safety_alerts",
                condition=Q(insight_type="safety_alert"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.insight_type} {self.local_date}"


class SafetyAlert(Insight):
    """An alert about a person's safety, as staff see it: in a queue until it is acknowledged."""

    class Meta:
        proxy = True
        verbose_name = "safety alert"
        verbose_name_plural = "safety alerts"

    def __str__(self) -> str:
        return f"Safety alert of {self.local_date:%B} {self.local_date.day}, {self.local_date.year}"


class InsightAcknowledgement(PersonRow):
    """Who of the staff has seen to a safety alert, and what they did.

    `acknowledged_by` is a plain id: whoever it was may be of another tenant, or erased by now.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    insight = models.ForeignKey(
        Insight,
        on_delete=models.PROTECT,
        related_name="acknowledgements",
        db_constraint=False,
        db_index=False,
    )
    acknowledged_by = models.UUIDField()
    note = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "insight_acknowledgements"
        ordering = ("-created_at", "-id")
        constraints = (
            # Two who look at it at once cannot both be the one who did.
            models.UniqueConstraint(
                fields=("insight", "tenant"), name="insight_acknowledgements_one_each"
            ),
        )

    def __str__(self) -> str:
        return str(self.id)


class InsightInteraction(PersonRow):
    """What a person did with an insight: viewed, dismissed, acted_on, shared, feedback, ….

    Old clients name insights by strings of their own making; those stand in `client_insight_id`.
    `mood` and `confidence` are those of the newest check-in when it happened.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    insight = models.ForeignKey(
        Insight,
        on_delete=models.PROTECT,
        related_name="interactions",
        null=True,
        db_constraint=False,
        db_index=False,
    )
    client_insight_id = models.TextField(null=True)
    insight_type = models.TextField(null=True)
    action = models.TextField()
    is_helpful = models.BooleanField(null=True)
    comment = models.TextField(null=True)
    context = models.JSONField(default=dict)
    mood = models.TextField(null=True)
    confidence = models.SmallIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "insight_interactions"
        verbose_name = "response to an insight"
        verbose_name_plural = "responses to insights"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(
                fields=("user", "insight", "action"),
                name="insight_interactions_of_one",
                condition=Q(insight__isnull=False),
            ),
            models.Index(fields=("user", "-created_at"), name="insight_interactions_newest"),
            # Which kinds of insights help, and in what mood.
            models.Index(
                fields=("tenant", "insight_type", "-created_at"), name="insight_interactions_type"
            ),
        )

    def __str__(self) -> str:
        return self.action


class AnalyticsEvent(PersonRow):
    """What an old client reports of its own use: an event type, and data word for word."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event_type = models.TextField()
    event_data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "analytics_events"
        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=("user", "-created_at"), name="analytics_events_newest"),)

    def __str__(self) -> str:
        return self.event_type


class InsightCursor(models.Model):
    """How far the event log has been read for insights: transactions below `position`. One row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    position = TransactionId()

    class Meta:
        db_table = "insight_cursors"
        constraints = (models.CheckConstraint(condition=Q(id=1), name="insight_cursors_one_row"),)

    def __str__(self) -> str:
        return self.position
