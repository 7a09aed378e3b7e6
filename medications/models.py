"""What people take, and every version of how they are to take it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models import PersonRow
from core.models import uuid7
from medications.types import TOLERANCE_MINUTES


class UserMedication(PersonRow):
    """A medication of a person. How it is taken, and whether it still is, its regimens say."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    medication_name = models.TextField()
    medication_type = models.TextField(null=True, help_text="Such as tablet or injection.")
    notes = models.TextField(null=True)
    idempotency_key = models.TextField(null=True, help_text="Of the call that added it.")
    request_digest = models.BinaryField(null=True, help_text="SHA-256 of what that call said.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "user_medications"
        verbose_name = "medication"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("user", "-created_at", "-id"), name="user_medications_newest"),
        )
        constraints = (
            # Partial, as many clients send no key.
            models.UniqueConstraint(
                fields=("user", "idempotency_key", "tenant"),
                name="user_medications_idempotency_key_unique",
                condition=Q(idempotency_key__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.medication_name


class MedicationRegimen(PersonRow):
    """A version of how a medication is to be taken. Rows are added and never changed.

    It holds from `effective_from` until any newer version does. The states are FHIR's
    MedicationStatement.status: active ⇄ on-hold; both → stopped → active;
    any → entered-in-error (the end). A course that is over reads as completed.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        ON_HOLD = "on-hold"
        COMPLETED = "completed"
        STOPPED = "stopped"
        ENTERED_IN_ERROR = "entered-in-error"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    medication = models.ForeignKey(
        UserMedication,
        on_delete=models.PROTECT,
        related_name="regimens",
        db_constraint=False,
        db_index=False,
    )
    version = models.SmallIntegerField()
    effective_from = models.DateTimeField()
    status = models.TextField(choices=Status)
    dosage = models.TextField(null=True)
    as_needed = models.BooleanField(default=False)
    times_of_day = ArrayField(models.TimeField(), default=list)
    every_n_days = models.SmallIntegerField(default=1, help_text="Counted from the start date.")
    start_date = models.DateField()
    end_date = models.DateField(null=True, help_text="The last day of a course.")
    tolerance_minutes = models.SmallIntegerField(
        default=TOLERANCE_MINUTES, help_text="A dose this early or late is on time."
    )
    reason = models.TextField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "medication_regimens"
        ordering = ("medication", "version")
        constraints = (
            # Two changes at the same moment cannot both be the next version. Also finds all
            # versions of a person's medications.
            models.UniqueConstraint(
                fields=("user", "medication", "version", "tenant"),
                name="medication_regimens_version_unique",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=("active", "on-hold", "completed", "stopped", "entered-in-error")
                ),
                name="medication_regimens_status_known",
            ),
            models.CheckConstraint(
                condition=Q(every_n_days__gte=1), name="medication_regimens_every_n_days"
            ),
            models.CheckConstraint(
                condition=Q(tolerance_minutes__range=(1, 720)),
                name="medication_regimens_tolerance",
            ),
            models.CheckConstraint(
                condition=Q(end_date__isnull=True) | Q(end_date__gte=F("start_date")),
                name="medication_regimens_end_after_start",
            ),
        )

    def __str__(self) -> str:
        return f"version {self.version}"
