"""LlamaParse, a parsing service, spoken to with the vendor's SDK (version 2 of its interface).

Every function is one or two calls with time-outs, never repeated here: a repeated submission would
be a second job that is paid for. What goes wrong is a StepFailed of codes and numbers, as messages
of the service may quote the document.
"""

import datetime as dt
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import httpx
import msgspec
from django.conf import settings
from django.utils import timezone

from documents.failures import Code, StepFailed
from documents.parsers import cleaning
from documents.types import Limits, Page, Parsed

if TYPE_CHECKING:
    from llama_cloud import APIResponse, APIStatusError, LlamaCloud

NAME: Final = "llama-parse"
TIER: Final = "cost_effective"
# Dated, so that the same file gives the same text next month.
TIER_VERSION: Final = "2026-09-28"
VERSION: Final = f"{TIER}/{TIER_VERSION}"

# What it is sent, under names that say nothing. Text is read better, and at home, by our own.
FILE_NAMES: Final = {
    "application/pdf": "document.pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "document.docx",
}
# The tag by which our job is found again at the service.
TAG: Final = "novara_job"
EVENTS: Final = ("parse.success", "parse.partial_success", "parse.error", "parse.cancelled")

TIMEOUT: Final = httpx.Timeout(60, connect=5)
# A whole answer; the time-out above is for each piece of it.
ANSWER_SECONDS: Final = 180
LARGEST_ANSWER: Final = 64 * 1024 * 1024
PAGE_SIZE: Final = 100
MOST_PAGES: Final = 200
# Of the clocks, theirs and ours.
CLOCK_DIFFERENCE: Final = dt.timedelta(minutes=10)
# How a service says that a job is over and cannot be cancelled.
OVER: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the service calls us when a job is over, and what it signs the call with."""

    url: str
    secret: str


class Job(msgspec.Struct, frozen=True):
    id: str
    status: Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
    user_metadata: dict[str, str] | None = None


class JobPage(msgspec.Struct, frozen=True):
    items: list[Job]
    next_page_token: str | None = None


class MarkdownPage(msgspec.Struct, frozen=True):
    page_number: int
    success: bool
    markdown: str = ""


class Markdown(msgspec.Struct, frozen=True):
    pages: list[MarkdownPage]


class Result(msgspec.Struct, frozen=True):
    job: Job
    markdown: Markdown | None = None


def submit(*, job_id: uuid.UUID, path: Path, media_type: str, webhook: Webhook | None) -> str:
    """Make a job of a file; give the service's id of it.

    After PROVIDER_UNAVAILABLE nobody knows whether there is a job: look with `find`.
    """
    wish: dict[str, Any] = {
        "tier": TIER,
        "version": TIER_VERSION,
        "user_metadata": {TAG: str(job_id)},
    }
    if webhook:
        wish["webhook_configurations"] = [
            {
                "webhook_url": webhook.url,
                "webhook_events": EVENTS,
                "webhook_signing_secret": webhook.secret,
                "webhook_output_format": "json",
            }
        ]
    with _failures(), path.open("rb") as file:
        answer = _client().parsing.with_raw_response.create(
            tier=TIER,
            version=TIER_VERSION,
            upload_file=(FILE_NAMES[media_type], file, media_type),
            # The SDK leaves user_metadata out of uploads.
            extra_body={"configuration": json.dumps(wish)},
        )
        return _read(answer, Job).id


def find(job_id: uuid.UUID, *, since: dt.datetime) -> list[str]:
    """Give the service's ids of our job: none, one, or, after a mishap, several.

    The service cannot search by tag, so its jobs since then are read.
    """
    found: list[str] = []
    token: str | None = None
    for _ in range(MOST_PAGES):
        with _failures():
            answer = _client().parsing.with_raw_response.list(
                created_at_on_or_after=since - CLOCK_DIFFERENCE,
                page_size=PAGE_SIZE,
                page_token=token,
            )
            page = _read(answer, JobPage)
        found += [job.id for job in page.items if (job.user_metadata or {}).get(TAG) == str(job_id)]
        token = page.next_page_token
        if not token:
            return found
    raise StepFailed(Code.PROVIDER_UNAVAILABLE, f"Its list of jobs has over {MOST_PAGES} pages.")


def result(vendor_job_id: str, limits: Limits) -> Parsed | None:
    """Give what a job has made; None while it is at work."""
    with _failures(missing=Code.PROVIDER_LOST):
        answer = _client().parsing.with_raw_response.get(vendor_job_id, expand=["markdown"])
        found = _read(answer, Result)
    status = found.job.status
    if status in {"PENDING", "RUNNING"}:
        return None
    if status == "FAILED":
        raise StepFailed(Code.PROVIDER_REJECTED, f"Job {vendor_job_id} failed.")
    if status == "CANCELLED":
        raise StepFailed(Code.PROVIDER_LOST, f"Job {vendor_job_id} was cancelled there.")
    if found.markdown is None:
        raise StepFailed(Code.PROVIDER_UNAVAILABLE, f"Job {vendor_job_id} came without its text.")
    return _parsed(sorted(found.markdown.pages, key=lambda page: page.page_number), limits)


def forget(vendor_job_id: str) -> None:
    """Stop a job and delete what the service keeps of it; one that is gone is forgotten already."""
    parsing = _client().parsing
    with _failures(missing=None):
        try:
            parsing.with_raw_response.cancel(vendor_job_id)
        except _sdk().APIStatusError as refused:
            if refused.status_code not in OVER:
                raise
        parsing.with_raw_response.delete(vendor_job_id)


def _parsed(pages: list[MarkdownPage], limits: Limits) -> Parsed:
    failed = [page.page_number for page in pages if not page.success]
    if failed and len(failed) == len(pages):
        raise StepFailed(Code.PROVIDER_REJECTED, f"All {len(failed)} pages failed.")
    if len(pages) > limits.pages:
        raise StepFailed(Code.RESOURCE_LIMIT, f"{len(pages)} pages.")
    numbers = [page.page_number for page in pages]
    if len(set(numbers)) < len(numbers) or (numbers and numbers[0] < 1):
        raise StepFailed(Code.PROVIDER_UNAVAILABLE, "The numbers of its pages are wrong.")
    parsed = Parsed(
        pages=tuple(Page(page.page_number, page.markdown) for page in pages if page.success),
        parser=NAME,
        version=VERSION,
        metadata={"failed_pages": failed} if failed else {},
        warnings=("page-failed",) if failed else (),
    )
    return cleaning.cleaned(parsed, limits)


def _sdk() -> ModuleType:
    """Loaded when it is first used: it is large, and most installations have no key."""
    return import_module("llama_cloud")


def _client() -> "LlamaCloud":
    return _client_of(settings.LLAMA_CLOUD_API_KEY, settings.LLAMA_CLOUD_BASE_URL)


@lru_cache(maxsize=1)
def _client_of(key: str, base_url: str) -> "LlamaCloud":
    client: LlamaCloud = _sdk().LlamaCloud(
        api_key=key,
        base_url=base_url,
        max_retries=0,
        timeout=TIMEOUT,
        http_client=_sdk().DefaultHttpxClient(
            # A document goes where the settings say, and nowhere else.
            follow_redirects=False,
            # So that what is counted is what is held.
            headers={"Accept-Encoding": "identity"},
            timeout=TIMEOUT,
            event_hooks={"response": [_bound]},
        ),
    )
    return client


def _bound(response: httpx.Response) -> None:
    assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101  The client is not async.
    response.stream = _Bounded(response.stream)


class _TooMuch(httpx.DecodingError):
    pass


class _Bounded(httpx.SyncByteStream):
    """An answer that does not come drop by drop for ever, and does not fill the memory."""

    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        ends_at, size = time.monotonic() + ANSWER_SECONDS, 0
        for piece in self._stream:
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise _TooMuch(f"More than {LARGEST_ANSWER} bytes.")
            if time.monotonic() > ends_at:
                raise httpx.ReadTimeout(f"More than {ANSWER_SECONDS} seconds.")
            yield piece

    def close(self) -> None:
        self._stream.close()


Shape = TypeVar("Shape")


def _read(answer: "APIResponse[Any]", shape: type[Shape]) -> Shape:
    """Read the parts of an answer that count. The SDK's own types let anything pass."""
    return msgspec.json.decode(answer.http_response.content, type=shape)


@contextmanager
def _failures(*, missing: Code | None = Code.PROVIDER_UNAVAILABLE) -> Iterator[None]:
    """Turn what goes wrong into a StepFailed; `missing` is what a 404 means, None: nothing."""
    sdk = _sdk()
    try:
        yield
    except sdk.NotFoundError:
        if missing:
            raise StepFailed(missing, "It answered 404.") from None
    except sdk.APIStatusError as error:
        raise _of_status(error) from None
    except (sdk.APIConnectionError, httpx.HTTPError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, _TooMuch):
            raise StepFailed(Code.RESOURCE_LIMIT, str(cause)) from None
        kind = type(cause).__name__
        raise StepFailed(Code.PROVIDER_UNAVAILABLE, f"No answer: {kind}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise StepFailed(Code.PROVIDER_UNAVAILABLE, "Its answer can't be understood.") from None


CODES: Final[dict[int, Code]] = {
    HTTPStatus.UNAUTHORIZED: Code.PROVIDER_AUTH,
    HTTPStatus.PAYMENT_REQUIRED: Code.PROVIDER_QUOTA,
    HTTPStatus.TOO_MANY_REQUESTS: Code.PROVIDER_BUSY,
    HTTPStatus.BAD_REQUEST: Code.PROVIDER_REJECTED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.PROVIDER_REJECTED,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Code.PROVIDER_REJECTED,
    HTTPStatus.UNPROCESSABLE_ENTITY: Code.PROVIDER_REJECTED,
}
# Some plans' limits are a 403, like a key without the right.
ABOUT_QUOTA: Final = ("credit", "quota", "limit", "plan", "billing")


def _of_status(error: "APIStatusError") -> StepFailed:
    status = error.status_code
    code = CODES.get(status, Code.PROVIDER_UNAVAILABLE)
    if status == HTTPStatus.FORBIDDEN:
        text = error.response.text.lower()
        is_quota = any(word in text for word in ABOUT_QUOTA)
        code = Code.PROVIDER_QUOTA if is_quota else Code.PROVIDER_AUTH
    return StepFailed(
        code,
        f"It answered {status}.",
        retry_after=_seconds(error.response.headers.get("Retry-After")),
    )


def _seconds(retry_after: str | None) -> float | None:
    """Read Retry-After: a number of seconds, or a date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (until - timezone.now()).total_seconds()) if until.tzinfo else None
