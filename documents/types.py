"""What parsers, the chunker and the embedders hand on: plain values."""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec


@dataclass(frozen=True, slots=True)
class Page:
    """One page as Markdown. Numbers begin with 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser made of a file.

    A format without pages (HTML, text, …) is one page with `is_paged` False. `metadata` holds plain
    JSON about the file (such as its title), `warnings` kebab-case words about what was left out.
    """

    pages: tuple[Page, ...]
    parser: str
    version: str
    is_paged: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The whole text, to which the offsets of chunks refer (in code points)."""
        return PAGE_BREAK.join(page.text for page in self.pages)


PAGE_BREAK = "\n\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child process may use."""

    memory_bytes: int = 2 * 1024**3
    cpu_seconds: int = 240
    wall_seconds: int = 300
    pages: int = 5_000
    characters: int = 20_000_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document. `start` and `end` are offsets into Parsed.text; pages begin with 1.

    `heading` is the path of headings that it stands under, outermost first.
    """

    ordinal: int
    start: int
    end: int
    first_page: int
    last_page: int
    heading: tuple[str, ...]
    text: str


# What comes in and goes out of the doors.

DocumentType = Annotated[str, msgspec.Meta(max_length=50, examples=["policy"])]
_OnTheWay = Literal["pending", "uploading", "processing", "chunking", "embedding"]
StatusName = Literal[_OnTheWay, "completed", "failed", "cancelled"]


class UploadIn(msgspec.Struct):
    """A form. `filename` stands in for the one of the file's part; `metadata` is JSON."""

    file: Annotated[str, msgspec.Meta(extra_json_schema={"format": "binary"})]
    filename: str = ""
    document_type: DocumentType = ""
    metadata: dict[str, Any] = {}


class DocumentChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays. `metadata` is replaced as a whole."""

    filename: str | msgspec.UnsetType = msgspec.UNSET
    document_type: DocumentType | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class DocumentsQuery(msgspec.Struct, forbid_unknown_fields=True):
    status: StatusName | None = None
    document_type: DocumentType | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    cursor: str | None = None


class DocumentErrorOut(msgspec.Struct):
    """Why the last try failed, and what to do. `retryable`: POST …/retry can help."""

    code: str
    title: str
    advice: str
    retryable: bool


class DocumentChunksOut(msgspec.Struct):
    """Counts of the pieces of the text; null before it is cut. `processed` have a vector."""

    total: int | None
    processed: int
    failed: int


class DocumentOut(msgspec.Struct):
    """A document and how far it is.

    `stage` is what is done now, or what failed or was cancelled; null when all is done. `error`
    beside a `next_retry_at` is that of a try which is followed by another one by itself.
    """

    id: uuid.UUID
    filename: str
    document_type: str
    metadata: dict[str, Any]
    content_type: str
    size_bytes: int
    sha256: str
    status: StatusName
    stage: str | None
    progress: int
    error: DocumentErrorOut | None
    next_retry_at: dt.datetime | None
    stage_started_at: dt.datetime
    processing_started_at: dt.datetime | None
    processing_completed_at: dt.datetime | None
    page_count: int | None
    text_length: int | None
    warnings: list[str]
    chunks: DocumentChunksOut
    created_at: dt.datetime
    updated_at: dt.datetime


class UploadedDocumentOut(DocumentOut):
    """`duplicate`: the file was known already, and this is the document that it is."""

    duplicate: bool


class AttemptOut(msgspec.Struct):
    """One try of one stage; `run` counts the retries that somebody asked for."""

    run: int
    stage: str
    number: int
    outcome: Literal["running", "paused", "succeeded", "failed", "lost", "cancelled"]
    started_at: dt.datetime
    ended_at: dt.datetime | None
    error_code: str | None
    retry_at: dt.datetime | None


class DocumentWithAttemptsOut(DocumentOut):
    """With the tries of each stage, oldest first."""

    attempts: list[AttemptOut]


class DocumentsOut(msgspec.Struct):
    documents: list[DocumentOut]
    next: str | None


class ContentLinkOut(msgspec.Struct):
    """An address that gives the file to whoever has it, until then. Don't keep it."""

    url: str
    expires_at: dt.datetime


class SearchIn(msgspec.Struct, forbid_unknown_fields=True):
    """What to look for. Ids of documents that are nobody's, or another person's, find nothing."""

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10
    document_ids: Annotated[list[uuid.UUID], msgspec.Meta(min_length=1, max_length=1000)] | None = (
        None
    )
    document_type: DocumentType | None = None
    content_type: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class SearchScoresOut(msgspec.Struct):
    """From 0 to 1: BM25 of the words, and cosine of the meaning; null where one says nothing."""

    lexical: float | None
    vector: float | None


class SearchResultOut(msgspec.Struct):
    """A piece of a document. Pages are null where the file has none.

    `highlights` are [start, end] of words in `snippet`, in code points. `score` is the mean of both
    scores, or that of the words if meaning was not asked; it compares results of one search.
    """

    document_id: uuid.UUID
    filename: str
    document_type: str
    chunk: int
    page: int | None
    last_page: int | None
    heading: list[str]
    snippet: str
    highlights: list[tuple[int, int]]
    score: float
    scores: SearchScoresOut


class SearchedOut(msgspec.Struct):
    """What was looked at: `embedded_chunks` by their meaning, too.

    `left_out_documents` are too many for one search, and older than those searched.
    `unreadable_documents` are damaged on our side, whole or in a piece that was found.
    """

    documents: int
    chunks: int
    embedded_chunks: int
    left_out_documents: int
    unreadable_documents: int


SearchReason = Literal[
    "unreadable", "too-many-documents", "embedder-away", "not-yet-embedded", "other-model"
]


class SearchOut(msgspec.Struct):
    """`mode` is `lexical` where nothing was searched by meaning.

    `reason` says why not all was, and is the first of these: documents can't be read; there are too
    many for one search; the embedder does not answer; documents have vectors of another model, or
    have none as they are on their way or failed there.
    """

    results: list[SearchResultOut]
    mode: Literal["hybrid", "lexical"]
    reason: SearchReason | None
    searched: SearchedOut
