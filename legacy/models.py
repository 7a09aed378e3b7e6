"""What was brought over from an old database, person by person, and what has no other place."""

from django.db import models

from accounts.models import PersonRow, Tenant, User
from core.models import uuid7


class LegacyImport(PersonRow):
    """One person who was brought over. Written in the same transaction as all their rows.

    `source_digest` is a SHA-256 over everything the old database held of the person, so that a
    second run knows what it need not do again. `counts` are the rows that came, by table;
    `after` is what stood here right after, so that undoing can tell whether something new was
    written since.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.TextField(help_text="Which database, without its password.")
    source_key = models.TextField(help_text="The person's id there.")
    source_digest = models.TextField()
    counts = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    imported_at = models.DateTimeField()

    class Meta:
        db_table = "legacy_imports"
        ordering = ("imported_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("user", "tenant"), name="legacy_imports_one_a_person"),
        )

    def __str__(self) -> str:
        return self.source_key


class LegacyRecord(models.Model):
    """A row of an old table that has no other place here, word for word."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    user = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        null=True,
        help_text="Null for rows of no person, such as the old feature flags.",
    )
    source_table = models.TextField()
    source_key = models.TextField()
    content = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "legacy_records"
        ordering = ("source_table", "source_key")
        constraints = (
            models.UniqueConstraint(
                fields=("source_table", "source_key", "tenant"), name="legacy_records_one_a_row"
            ),
        )
        indexes = (models.Index(fields=("user",), name="legacy_records_of_person"),)

    def __str__(self) -> str:
        return f"{self.source_table} {self.source_key}"
