"""What happened, the chain that shows that nothing of it was changed, and what alerts were made.

Nothing here has a foreign key: the log outlives what it tells of. Ids of tenants, people and
objects are plain values; the tenant of the whole house is types.HOUSE.
"""

import datetime as dt
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, HashIndex
from django.db import models
from django.db.models import F, Func, Q

from audit.types import (
    LEAST_DAYS_KEPT,
    ActorKind,
    AlertStatus,
    Category,
    Counts,
    GroupBy,
    Outcome,
    Severity,
)
from core.models import CurrentTransactionId, RandomUuid, Row, StatementTime, TransactionId

BY_OTHERS = ~Q(actor_kind__in=("person", "system"))
NOTABLE = ~Q(category="change") & (~Q(category="access") | ~Q(actor_kind="person"))
# Entries of people that are not under their own record.
ELSEWHERE = Q(actor_kind="person") & Q(
    Func(
        F("subject_id"),
        F("actor_id"),
        arg_joiner=" IS DISTINCT FROM ",
        template="(%(expressions)s)",
        output_field=models.BooleanField(),
    )
)
# The log's own settings, whose history verify reads.
SETTINGS = Q(object_type__in=("audit_retention", "audit_legal_holds"))


class AuditLog(models.Model):
    """One thing that happened. Written by triggers and by services.record; never changed.

    `details` and `network` are the payload: salt + payload make a commitment that the chain
    holds, so that both can be erased with a person and the chain still verifies.
    """

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    recorded_at = models.DateTimeField(db_default=StatementTime())
    tx_id = TransactionId(db_default=CurrentTransactionId())
    category = models.TextField(choices=Category)
    event = models.TextField(help_text="A stable word: row-updated, record-read, log-in.")
    outcome = models.TextField(choices=Outcome, db_default=Outcome.SUCCESS)
    actor_kind = models.TextField(choices=ActorKind)
    actor_id = models.UUIDField(null=True)
    subject_id = models.UUIDField(null=True, help_text="Whose record.")
    object_type = models.TextField(db_default="", help_text="A table, or what was shown.")
    object_id = models.TextField(db_default="")
    object_count = models.IntegerField(db_default=1)
    request_id = models.TextField(db_default="")
    source = models.TextField(db_default="", help_text="The door: api, console, task:…, command:….")
    network = models.TextField(null=True)
    details: models.JSONField[Any, Any] = models.JSONField(null=True)
    salt = models.UUIDField(null=True, db_default=RandomUuid())
    commitment = models.BinaryField(null=True, help_text="Of a payload that was erased.")
    # Neither changes of rows nor looks of people at their own record: rare, and looked for.
    is_notable = models.GeneratedField(
        expression=NOTABLE,  # type: ignore[arg-type]  # A Q is an expression, too.
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        db_table = "audit_logs"
        verbose_name = "entry"
        verbose_name_plural = "audit log"
        ordering = ("-id",)
        indexes = (
            # The sealer's way, in the order of commit.
            models.Index(fields=("tx_id", "id"), name="audit_logs_position"),
            # By time: row security would lead people's queries to an index of their clinic that is
            # in the order they ask for, and so through the log of all of the clinic.
            models.Index(
                fields=("subject_id", "recorded_at", "id"),
                name="audit_logs_of_person",
                condition=Q(subject_id__isnull=False),
            ),
            # What others did with a person's record, neither the person nor Novara itself.
            models.Index(
                fields=("subject_id", "recorded_at", "id"),
                name="audit_logs_by_others",
                condition=BY_OTHERS,
            ),
            # A span of time, of a log that grows at its end.
            BrinIndex(fields=("recorded_at",), name="audit_logs_in_time"),
            models.Index(
                fields=("event", "recorded_at"),
                name="audit_logs_by_event",
                condition=Q(is_notable=True),
            ),
            models.Index(fields=("id",), name="audit_logs_notable", condition=Q(is_notable=True)),
            # Pages of the console: each list walks along one of them, newest first.
            models.Index(fields=("tenant_id", "id"), name="audit_logs_of_tenant"),
            models.Index(
                fields=("category", "id"),
                name="audit_logs_of_category",
                condition=Q(is_notable=True),
            ),
            models.Index(
                fields=("actor_kind", "id"),
                name="audit_logs_of_kind",
                condition=~Q(actor_kind="person"),
            ),
            models.Index(
                fields=("actor_id", "id"),
                name="audit_logs_of_actor",
                condition=~Q(actor_kind="person"),
            ),
            models.Index(
                fields=("id",), name="audit_logs_failures", condition=Q(outcome="failure")
            ),
            # What erasure finds of a person beside their own record.
            models.Index(
                fields=("actor_id",), name="audit_logs_of_person_elsewhere", condition=ELSEWHERE
            ),
            models.Index(fields=("tx_id", "id"), name="audit_logs_settings", condition=SETTINGS),
            # Objects of people are found under their people.
            HashIndex(
                fields=("object_id",),
                name="audit_logs_of_object",
                condition=Q(subject_id__isnull=True),
            ),
            # Requests lie together: it costs a write next to nothing.
            BrinIndex(
                fields=("request_id",),
                name="audit_logs_of_request",
                opclasses=("text_bloom_ops",),
                pages_per_range=32,
                autosummarize=True,
            ),
        )

    def __str__(self) -> str:
        return f"{self.event} {self.object_type}"


class AuditSeal(models.Model):
    """A link of a tenant's chain: its entries from the link before up to a position in the log.

    Positions are (transaction, id) of entries. `leaves` are 32 bytes for each of `entry_ids`; all
    three lists are emptied when retention has deleted the last of the entries, and `root` stays.
    """

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    sequence = models.BigIntegerField(help_text="Counts a tenant's links from 1.")
    entry_count = models.IntegerField()
    entry_ids = ArrayField(models.BigIntegerField())
    leaves = models.BinaryField()
    pruned = ArrayField(
        models.IntegerField(),
        db_default=[],
        help_text="Places in entry_ids that retention deleted; sealed entries say the same.",
    )
    kept = ArrayField(
        models.TextField(),
        null=True,
        help_text="Categories of what retention left; null: it has not looked.",
    )
    root = models.BinaryField(help_text="Of the Merkle tree (RFC 9162) over the leaves.")
    previous_hash = models.BinaryField()
    hash = models.BinaryField()
    before_tx = TransactionId(help_text="All that lies before (before_tx, before_id) is sealed.")
    before_id = models.BigIntegerField()
    next_tx = TransactionId(help_text="Transactions from it on began after this link was made.")
    sealed_at = models.DateTimeField()

    class Meta:
        db_table = "audit_seals"
        constraints = (
            models.UniqueConstraint(
                fields=("tenant_id", "sequence"), name="audit_seals_sequence_unique"
            ),
            # No entry is sealed twice; and an entry's link is found by it.
            models.UniqueConstraint(
                fields=("tenant_id", "before_tx", "before_id"), name="audit_seals_position_unique"
            ),
        )
        indexes = (
            # Retention's way, past links of which nothing is left.
            models.Index(
                fields=("tenant_id", "sealed_at", "sequence"),
                name="audit_seals_not_emptied",
                condition=~Q(entry_ids=[]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.sequence}"


class AuditCheckpoint(models.Model):
    """The last links of all chains that had grown, signed; a copy lies outside the database."""

    number = models.BigIntegerField(primary_key=True)
    statement = models.TextField(help_text="What was signed: chain.Statement as JSON.")
    key_id = models.TextField()
    signature = models.TextField(help_text="Ed25519, in base64.")
    signed_at = models.DateTimeField()
    last_seal_id = models.BigIntegerField(help_text="Links up to it are told of.")
    mirrored_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_checkpoints"
        indexes = (
            models.Index(
                fields=("number",),
                name="audit_checkpoints_to_mirror",
                condition=Q(mirrored_at__isnull=True),
            ),
            models.Index(fields=("signed_at",), name="audit_checkpoints_signed_at"),
        )

    def __str__(self) -> str:
        return f"{self.number}"


class AuditAggregate(models.Model):
    """How often something happened in an hour: counted when sealed, derivable again."""

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    hour = models.DateTimeField()
    category = models.TextField(choices=Category)
    event = models.TextField()
    outcome = models.TextField(choices=Outcome)
    actor_kind = models.TextField(choices=ActorKind)
    entries = models.BigIntegerField()
    objects_touched = models.BigIntegerField()

    class Meta:
        db_table = "audit_aggregates"
        constraints = (
            models.UniqueConstraint(
                fields=("hour", "tenant_id", "category", "event", "outcome", "actor_kind"),
                name="audit_aggregates_unique",
            ),
        )

    def __str__(self) -> str:
        return f"{self.hour} {self.event}"


class AuditAlertRule(Row):
    """When somebody is told: so much of some events within a window, by the same one.

    Only notable entries count (AuditLog.is_notable): no changes of rows, and no looks of people
    at their own record.
    """

    name = models.TextField()
    description = models.TextField(default="", blank=True)
    events = ArrayField(models.TextField(), help_text="Events that count.")
    outcome = models.TextField(choices=Outcome, default="", blank=True)
    actor_kinds = ArrayField(models.TextField(), default=list, blank=True)
    counts = models.TextField(choices=Counts, default=Counts.ENTRIES)
    threshold = models.IntegerField()
    window_minutes = models.IntegerField()
    group_by = models.TextField(choices=GroupBy)
    severity = models.TextField(choices=Severity)
    cool_down_minutes = models.IntegerField()
    is_enabled = models.BooleanField(default=True)
    notify = ArrayField(
        models.EmailField(), default=list, blank=True, help_text="E-mail addresses of staff."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "audit_alert_rules"
        verbose_name = "alert rule"
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("name",), name="audit_alert_rules_name_unique"),
            models.CheckConstraint(
                condition=Q(threshold__gte=1, window_minutes__gte=1, cool_down_minutes__gte=0),
                name="audit_alert_rules_positive",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def window(self) -> dt.timedelta:
        return dt.timedelta(minutes=self.window_minutes)

    @property
    def cool_down(self) -> dt.timedelta:
        return dt.timedelta(minutes=self.cool_down_minutes)


class AuditAlertCursor(models.Model):
    """One row: how far the log has been read for alerts."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    position = TransactionId(help_text="Entries of transactions below it have been looked at.")

    class Meta:
        db_table = "audit_alert_cursor"
        constraints = (
            models.CheckConstraint(condition=Q(id=1), name="audit_alert_cursor_one_row"),
        )

    def __str__(self) -> str:
        return self.position


class AuditAlert(Row):
    """Something that a person should look at. One while it goes on, not one for each entry.

    Of its mail: it is claimed (`mail_claimed_at`) before it is sent, so that it is sent once at
    most; a claim without `notified_at` and without a next try may have been sent, or not.
    """

    tenant_id = models.UUIDField()
    rule_id = models.UUIDField()
    rule_name = models.TextField()
    severity = models.TextField(choices=Severity)
    group_by = models.TextField(choices=GroupBy)
    group_key = models.TextField(help_text="Who or what it is about, as an id.")
    status = models.TextField(choices=AlertStatus, default=AlertStatus.OPEN)
    entry_count = models.IntegerField()
    first_entry_id = models.BigIntegerField()
    last_entry_id = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    acknowledged_by = models.UUIDField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_note = models.TextField(default="")
    resolved_by = models.UUIDField(null=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_note = models.TextField(default="")
    mail_attempts = models.IntegerField(default=0)
    mail_claimed_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(null=True, help_text="The next try; null: none is due.")
    mail_error = models.TextField(default="")
    notified_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_alerts"
        verbose_name = "alert"
        constraints = (
            # De-duplication holds under races.
            models.UniqueConstraint(
                fields=("rule_id", "group_key", "tenant_id"),
                name="audit_alerts_one_unresolved",
                condition=~Q(status="resolved"),
            ),
        )
        indexes = (
            models.Index(
                fields=("mail_due_at",),
                name="audit_alerts_mail_due",
                condition=Q(mail_due_at__isnull=False),
            ),
            # Whether the one before is still in its cool-down.
            models.Index(
                fields=("rule_id", "group_key", "tenant_id", "resolved_at"),
                name="audit_alerts_last_resolved",
                condition=Q(status="resolved"),
            ),
        )

    def __str__(self) -> str:
        return self.rule_name


class AuditRetention(models.Model):
    """How long entries of a category are kept."""

    category = models.TextField(primary_key=True, choices=Category)
    days = models.IntegerField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "audit_retention"
        verbose_name = "retention"
        verbose_name_plural = "retention"
        constraints = (
            # Whoever wants to hide something must wait; and entries of the log itself are kept, as
            # they say what was deleted from it.
            models.CheckConstraint(
                condition=Q(days__gte=LEAST_DAYS_KEPT) & ~Q(category="system"),
                name="audit_retention_least",
            ),
        )

    def __str__(self) -> str:
        return self.category


class AuditLegalHold(Row):
    """Nothing of a clinic, or of one person, is deleted while it stands."""

    tenant_id = models.UUIDField()
    subject_id = models.UUIDField(null=True, blank=True, help_text="Empty: the whole clinic.")
    reason = models.TextField()
    placed_by = models.UUIDField(null=True)
    released_at = models.DateTimeField(null=True)
    released_by = models.UUIDField(null=True)

    class Meta:
        db_table = "audit_legal_holds"
        verbose_name = "legal hold"

    def __str__(self) -> str:
        return self.reason
