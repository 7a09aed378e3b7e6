"""A clinic's own questionnaires, and the completed ones as rows of a view over the log."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import PersonRow, Tenant
from core.models import uuid7


class AssessmentDefinition(models.Model):
    """A version of a questionnaire of a clinic. Only `is_active` ever changes.

    `content` is what assessments.definitions reads. At most one version of a name is active.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    name = models.TextField()
    version = models.PositiveIntegerField()
    title = models.TextField()
    content = models.JSONField()
    is_active = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "assessment_definitions"
        verbose_name = "questionnaire"
        verbose_name_plural = "questionnaires"
        ordering = ("name", "-version")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "name", "version"), name="assessment_definitions_version_unique"
            ),
            models.UniqueConstraint(
                fields=("tenant", "name"),
                name="assessment_definitions_one_active",
                condition=Q(is_active=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.title}, version {self.version}"


class AssessmentResponse(PersonRow):
    """A completed questionnaire: an assessment event that this app wrote and that holds."""

    id = models.UUIDField(primary_key=True)
    assessment_name = models.TextField()
    assessment_version = models.TextField()
    health_event_id = models.UUIDField()
    responses = models.JSONField()
    scores = models.JSONField()
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "assessment_responses"
        ordering = ("-completed_at", "-id")

    def __str__(self) -> str:
        return self.assessment_name
