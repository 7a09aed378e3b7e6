"""Documents, what was made of them, and who did what with them.

What says something of a document's content is in `sealed` columns: see encryption.py.
"""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import PersonRow
from core.models import Row, uuid7
from documents.statuses import STAGES, Status

# What says something of a document, or could be compared: not for pages of the queue.
NOT_SHOWN = ("original_filename", "metadata", "document_type", "file_hash", "storage_path")
LARGEST_BYTES = 50 * 1024 * 1024


class Document(PersonRow):
    """A file of a person, and where it is on its way. States and transitions: statuses.py.

    `fence` rises with each claim and each change of state: who holds an older one may write
    nothing more. `due_at` is when a worker may take it: now, after a pause, or, while
    `leased_by` names somebody, when they have not been heard of for too long.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    original_filename = models.TextField()
    file_size = models.BigIntegerField(help_text="In bytes.")
    content_type = models.TextField(help_text="As found in the bytes.")
    file_hash = models.TextField(help_text="SHA-256 of the bytes, hexadecimal.")
    storage_path = models.TextField(help_text="The key in the storage. Never changed.")
    document_type = models.TextField(default="", blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    status = models.TextField(choices=Status, default=Status.PENDING.value)
    progress_percentage = models.SmallIntegerField(default=0)
    run = models.IntegerField(default=1, help_text="Counts the retries that people asked for.")
    fence = models.BigIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    leased_by = models.TextField(default="", blank=True)
    tries = models.SmallIntegerField(default=0, help_text="Failed tries of this stage.")
    losses = models.SmallIntegerField(default=0, help_text="Workers lost in this stage.")
    progress_at = models.DateTimeField(db_default=Now(), help_text="Last went on.")
    stage_started_at = models.DateTimeField(db_default=Now())
    processing_started_at = models.DateTimeField(null=True)
    processing_completed_at = models.DateTimeField(null=True)

    error_code = models.TextField(default="", blank=True, help_text="See failures.py.")
    error_message = models.TextField(default="", blank=True, help_text="Detail for staff.")
    failed_stage = models.TextField(default="", blank=True)
    failed_at = models.DateTimeField(null=True)

    page_count = models.IntegerField(null=True)
    extracted_text_length = models.IntegerField(null=True, help_text="In characters.")
    warnings = models.JSONField(default=list, blank=True)
    total_chunks = models.IntegerField(null=True)
    processed_chunks = models.IntegerField(default=0, help_text="Chunks that have a vector.")
    failed_chunks = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "documents"
        ordering = ("-created_at", "-id")
        constraints = (
            # The same file again is the same document; somebody else's is nobody's business.
            models.UniqueConstraint(
                fields=("user", "file_hash", "tenant"), name="documents_one_of_each_file"
            ),
            models.UniqueConstraint(
                fields=("storage_path", "tenant"), name="documents_one_of_each_path"
            ),
            models.CheckConstraint(
                condition=Q(file_size__range=(1, LARGEST_BYTES)), name="documents_size"
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="documents_known_status"
            ),
            models.CheckConstraint(
                condition=Q(progress_percentage__range=(0, 100)), name="documents_progress"
            ),
            models.CheckConstraint(
                condition=Q(
                    Q(total_chunks__isnull=True, processed_chunks=0, failed_chunks=0)
                    # Said though the rest implies it: a null makes a check true.
                    | Q(
                        total_chunks__isnull=False,
                        total_chunks__gte=models.F("processed_chunks") + models.F("failed_chunks"),
                        processed_chunks__gte=0,
                        failed_chunks__gte=0,
                    )
                ),
                name="documents_chunk_counts",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.COMPLETED.value)
                | Q(
                    progress_percentage=100,
                    total_chunks__gt=0,
                    processed_chunks=models.F("total_chunks"),
                    error_code="",
                    processing_completed_at__isnull=False,
                ),
                name="documents_completed_is_whole",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status=Status.FAILED.value, failed_at__isnull=False) & ~Q(error_code="")
                )
                | ~Q(status=Status.FAILED.value),
                name="documents_failed_has_code",
            ),
        )
        indexes = (
            models.Index(fields=("user", "-created_at", "-id"), name="documents_newest"),
            # The console's list. Not by tenant: row security would lead people's queries to it.
            models.Index(fields=("-created_at", "-id"), name="documents_newest_of_all"),
            # What workers take next: few of all documents.
            models.Index(
                fields=("due_at",),
                name="documents_due",
                condition=Q(status__in=[stage.value for stage in STAGES]),
            ),
            # The queue of the staff, and what is on its way at all.
            models.Index(
                fields=("error_code", "-failed_at"),
                name="documents_failed",
                condition=Q(status=Status.FAILED.value),
            ),
            models.Index(
                fields=("status", "due_at"),
                name="documents_on_the_way",
                condition=~Q(status__in=["completed", "failed", "cancelled"]),
            ),
        )

    def __str__(self) -> str:
        return f"Document {str(self.id)[-12:]}"


class DocumentAttempt(PersonRow):
    """One try of one stage. An attempt that pauses (`paused`) is taken up again, not repeated."""

    class Outcome(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        LOST = "lost"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document = models.ForeignKey(
        Document,
        on_delete=models.DO_NOTHING,
        related_name="attempts",
        db_constraint=False,
        db_index=False,
    )
    run = models.IntegerField()
    stage = models.TextField(choices=Status)
    number = models.SmallIntegerField(help_text="Counts the tries of a stage in a run.")
    fence = models.BigIntegerField()
    worker = models.TextField(help_text="Host and process.")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.TextField(choices=Outcome, default=Outcome.RUNNING.value)
    error_code = models.TextField(default="")
    detail = models.TextField(default="")
    retry_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "document_attempts"
        ordering = ("started_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("document", "run", "stage", "number", "tenant"),
                name="document_attempts_one_each",
            ),
        )
        indexes = (
            # Throughput and durations of the last hours.
            models.Index(fields=("-ended_at",), name="document_attempts_ended"),
            # What failed lately, and why: few of all attempts.
            models.Index(
                fields=("-ended_at",), name="document_attempts_failed", condition=~Q(error_code="")
            ),
        )

    def __str__(self) -> str:
        return f"{self.stage} {self.number}"


class EncryptionKey(PersonRow):
    """A person's data key, wrapped by a key of the environment. See keys.py.

    `active` seals, `rotated` still opens, `retired` is gone: its material is wiped.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        ROTATED = "rotated"
        RETIRED = "retired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key_version = models.IntegerField()
    key_status = models.TextField(choices=Status, default=Status.ACTIVE.value)
    wrapped_key = models.BinaryField(null=True)
    kek_id = models.TextField(help_text="Which key of the environment wraps it.")
    created_at = models.DateTimeField(db_default=Now())
    rotated_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "encryption_keys"
        ordering = ("user_id", "key_version")
        constraints = (
            models.UniqueConstraint(
                fields=("user", "key_version", "tenant"), name="encryption_keys_one_of_each_version"
            ),
            models.UniqueConstraint(
                fields=("user", "tenant"),
                name="encryption_keys_one_active",
                condition=Q(key_status="active"),
            ),
            models.CheckConstraint(
                condition=Q(key_status="retired", wrapped_key__isnull=True)
                | Q(key_status__in=["active", "rotated"], wrapped_key__isnull=False),
                name="encryption_keys_retired_is_wiped",
            ),
        )

    def __str__(self) -> str:
        return f"Key {self.key_version}"


class SealedRow(PersonRow):
    """A row of a document with a sealed blob; `key` is null where the blob is plain."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document: Any = models.ForeignKey(
        Document,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    key = models.ForeignKey(
        EncryptionKey,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_constraint=False,
        db_index=False,
    )
    sealed = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True


class DocumentText(SealedRow):
    """The pages of a document, as one blob: MessagePack of types.Parsed."""

    parser_name = models.TextField()
    parser_version = models.TextField()

    class Meta:
        db_table = "document_texts"
        constraints = (
            models.UniqueConstraint(fields=("document", "tenant"), name="document_texts_one_each"),
        )
        indexes = (models.Index(fields=("key",), name="document_texts_by_key"),)


class DocumentTerms(SealedRow):
    """The lexical index of a document's chunks, as one blob: see lexical.py."""

    index_version = models.TextField()

    class Meta:
        db_table = "document_terms"
        constraints = (
            models.UniqueConstraint(fields=("document", "tenant"), name="document_terms_one_each"),
        )
        indexes = (
            models.Index(fields=("user",), name="document_terms_of_one"),
            models.Index(fields=("key",), name="document_terms_by_key"),
        )


class DocumentChunk(SealedRow):
    """A piece of a document. The blob is MessagePack of [heading path, text]."""

    ordinal = models.IntegerField()
    chunker_name = models.TextField()
    chunker_version = models.TextField()
    start = models.IntegerField(help_text="In characters of the whole text.")
    end = models.IntegerField()
    first_page = models.IntegerField()
    last_page = models.IntegerField()

    class Meta:
        db_table = "document_chunks"
        constraints = (
            models.UniqueConstraint(
                fields=("document", "ordinal", "tenant"), name="document_chunks_one_each"
            ),
            models.CheckConstraint(
                condition=Q(ordinal__gte=0, end__gt=models.F("start")),
                name="document_chunks_offsets",
            ),
        )
        indexes = (models.Index(fields=("key",), name="document_chunks_by_key"),)


class EmbeddingModel(Row):
    """A model whose vectors are stored. Vectors of different models are never compared."""

    name = models.TextField()
    version = models.TextField()
    dimensions = models.IntegerField()

    class Meta:
        db_table = "embedding_models"
        constraints = (
            models.UniqueConstraint(fields=("name", "version"), name="embedding_models_one_each"),
            models.CheckConstraint(
                condition=Q(dimensions__range=(1, 8192)), name="embedding_models_dimensions"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class UserDocumentVectors(SealedRow):
    """Vectors of a document's chunks from `first_ordinal` on, by one model.

    The blob is little-endian float32, [vector_count, dimensions], each vector of length 1.
    """

    model = models.ForeignKey(
        EmbeddingModel, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    first_ordinal = models.IntegerField()
    vector_count = models.IntegerField()

    class Meta:
        db_table = "user_document_vectors"
        constraints = (
            models.UniqueConstraint(
                fields=("document", "model", "first_ordinal", "tenant"),
                name="user_document_vectors_one_each",
            ),
            models.CheckConstraint(
                condition=Q(vector_count__gt=0, first_ordinal__gte=0),
                name="user_document_vectors_counts",
            ),
        )
        indexes = (
            models.Index(fields=("user", "model"), name="user_document_vectors_of_one"),
            models.Index(fields=("key",), name="user_document_vectors_by_key"),
        )


class DocumentAction(PersonRow):
    """Who did what with a document, and why. Append-only, and it outlives the document.

    `actor_id` is the owner's or a staff member's; null for the system.
    """

    class Action(models.TextChoices):
        UPLOADED = "uploaded"
        CHANGED = "changed"
        CANCELLED = "cancelled"
        RETRIED = "retried"
        DELETED = "deleted"
        ACKNOWLEDGED = "acknowledged"
        DISCLOSED = "disclosed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document_id = models.UUIDField()
    action = models.TextField(choices=Action)
    actor_id = models.UUIDField(null=True)
    reason = models.TextField(default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "document_actions"
        ordering = ("created_at", "id")
        indexes = (
            models.Index(fields=("document_id", "created_at"), name="document_actions_of_one"),
        )

    def __str__(self) -> str:
        return self.action


class LlamaParseJob(PersonRow):
    """A job at the parsing service: meant first, then submitted, so that none is made twice.

    There while its document is parsed. A trigger hands a row that is deleted to the table of jobs
    that are to be forgotten.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No key: the job of a document that is gone must still be called off.
    document_id = models.UUIDField()
    run = models.IntegerField()
    vendor_job_id = models.TextField(null=True, help_text="Null: not known to be submitted.")
    submitted_at = models.DateTimeField(null=True)
    polls = models.IntegerField(default=0)
    webhook_at = models.DateTimeField(null=True, help_text="The first valid call of the service.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "llama_parse_jobs"
        constraints = (
            models.UniqueConstraint(
                fields=("document_id", "run", "tenant"), name="llama_parse_jobs_one_each"
            ),
        )

    def __str__(self) -> str:
        return self.vendor_job_id or "not submitted"


class AbandonedLlamaJob(models.Model):
    """A job that the parsing service is to stop and forget. A trigger writes it, a task empties it.

    It has no person: it outlives their erasure.
    """

    id = models.UUIDField(primary_key=True)
    vendor_job_id = models.TextField(null=True)
    meant_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        db_table = "abandoned_llama_jobs"
        indexes = (models.Index(fields=("due_at",), name="abandoned_llama_jobs_due"),)

    def __str__(self) -> str:
        return self.vendor_job_id or "not submitted"


class DeletedBlob(models.Model):
    """A path in the storage whose document is gone. Written by a trigger, emptied by a task.

    Deleted twice: an upload that was on its way may have stored its bytes after the first time.
    """

    storage_path = models.TextField(primary_key=True)
    created_at = models.DateTimeField(db_default=Now())
    deleted_at = models.DateTimeField(null=True, help_text="When it was deleted first.")

    class Meta:
        db_table = "deleted_blobs"

    def __str__(self) -> str:
        return self.storage_path
