"""What happened, the chain that shows that nothing of it was changed, and what alerts were made.

Nothing here has a foreign key: the log outlives what it tells of. Ids of tenants, people and
objects are plain values; the tenant of the whole house is types.HOUSE.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from audit.types import ActorKind, AlertStatus, Category, Outcome, Severity
from core.models import CurrentTransactionId, RandomUuid, Row, StatementTime, TransactionId


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
    details = models.JSONField(null=True)
    salt = models.UUIDField(null=True, db_default=RandomUuid())
    commitment = models.BinaryField(null=True, help_text="Of a payload that was erased.")
    # Neither changes of rows nor looks of people at their own record: rare, and looked for.
    is_notable = models.GeneratedField(
        expression=~Q(category="change") & (~Q(category="access") | ~Q(actor_kind="person")),
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
            models.Index(
                fields=("subject_id", "id"),
                name="audit_logs_of_person",
                condition=Q(subject_id__isnull=False),
            ),
            models.Index(
                fields=("subject_id", "id"),
                name="audit_logs_looks",
                condition=Q(is_notable=True),
            ),
            models.Index(
                fields=("event", "recorded_at"),
                name="audit_logs_by_event",
                condition=Q(is_notable=True),
            ),
            models.Index(fields=("id",), name="audit_logs_notable", condition=Q(is_notable=True)),
        )

    def __str__(self) -> str:
        return f"{self.event} {self.object_type}"


class AuditSeal(models.Model):
    """A link of a tenant's chain: a batch of entries, in the order of commit.

    `leaves` are 32 bytes for each of `entry_ids`; both are emptied when the last of its entries
    was deleted by retention, and `root` stays.
    """

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    sequence = models.BigIntegerField(help_text="Counts a tenant's links from 1.")
    entry_count = models.IntegerField()
    entry_ids = ArrayField(models.BigIntegerField())
    leaves = models.BinaryField()
    root = models.BinaryField(help_text="Of the Merkle tree (RFC 9162) over the leaves.")
    previous_hash = models.BinaryField()
    hash = models.BinaryField()
    before_tx = TransactionId(help_text="Transactions below it are in this chain or before.")
    sealed_at = models.DateTimeField()

    class Meta:
        db_table = "audit_seals"
        constraints = (
            models.UniqueConstraint(
                fields=("tenant_id", "sequence"), name="audit_seals_sequence_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.sequence}"


class AuditCheckpoint(models.Model):
    """The signed head of a chain at a time; a copy lies outside the database."""

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    sequence = models.BigIntegerField()
    hash = models.BinaryField()
    signed_at = models.DateTimeField()
    key_id = models.TextField()
    signature = models.BinaryField(help_text="Ed25519.")
    mirrored_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_checkpoints"
        constraints = (
            models.UniqueConstraint(
                fields=("tenant_id", "sequence"), name="audit_checkpoints_sequence_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.sequence}"


class AuditSealer(models.Model):
    """One row: how far the log has been sealed."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    position = TransactionId(help_text="Entries of transactions below it are sealed.")
    sealed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_sealer"
        constraints = (models.CheckConstraint(condition=Q(id=1), name="audit_sealer_one_row"),)

    def __str__(self) -> str:
        return self.position


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
    """When somebody is told: so many of an event within a window, by the same one."""

    class GroupBy(models.TextChoices):
        ACTOR = "actor", "the same actor"
        SUBJECT = "subject", "the same person's record"
        TENANT = "tenant", "the same clinic"
        NETWORK = "network", "the same network"
        EVERYTHING = "everything", "all together"

    name = models.TextField()
    description = models.TextField(default="", blank=True)
    events = ArrayField(models.TextField(), help_text="Events that count.")
    outcome = models.TextField(choices=Outcome, default="", blank=True)
    actor_kinds = ArrayField(models.TextField(), default=list, blank=True)
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
        constraints = (
            models.UniqueConstraint(fields=("name",), name="audit_alert_rules_name_unique"),
            models.CheckConstraint(
                condition=Q(threshold__gte=1, window_minutes__gte=1, cool_down_minutes__gte=0),
                name="audit_alert_rules_positive",
            ),
        )

    def __str__(self) -> str:
        return self.name


class AuditAlert(Row):
    """Something that a person should look at. One while it goes on, not one for each entry."""

    tenant_id = models.UUIDField()
    rule_id = models.UUIDField()
    rule_name = models.TextField()
    severity = models.TextField(choices=Severity)
    group_key = models.TextField(help_text="Who or what it is about, as an id.")
    status = models.TextField(choices=AlertStatus, default=AlertStatus.OPEN)
    entry_count = models.IntegerField()
    first_entry_id = models.BigIntegerField()
    last_entry_id = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    acknowledged_by = models.UUIDField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    resolved_by = models.UUIDField(null=True)
    resolved_at = models.DateTimeField(null=True)
    note = models.TextField(default="", blank=True)
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
