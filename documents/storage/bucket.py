"""Documents in a bucket of S3, or of any server that speaks its protocol."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from django.core.files import File

from core import bucket
from documents.failures import Code, StepFailed

CHUNK_BYTES: Final = 256 * 1024
# Above the largest document: each is one request, read from its file as it is sent.
ONE_REQUEST: Final = 64 * 1024 * 1024
# Without one of their own status.
REFUSALS: Final = {"ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"}


class Bucket(bucket.Bucket):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            **options,
            file_overwrite=True,
            # Nobody's browser is to take a file of somebody else's for a page.
            object_parameters={"ContentType": "application/octet-stream"},
            transfer_config=TransferConfig(multipart_threshold=ONE_REQUEST, use_threads=False),
        )

    def put(self, key: str, content: BinaryIO) -> None:
        with told_apart():
            self.save(key, File(content))

    def size_of(self, key: str) -> int:
        """Ask for the first byte: a mere HEAD does not say if it is the file that is missing."""
        with told_apart():
            first = {"Bucket": self.bucket_name, "Key": key, "Range": "bytes=0-0"}
            answer = self._client.get_object(**first)
            answer["Body"].close()
            return int(answer["ContentRange"].rpartition("/")[2])

    def open_at(self, key: str, start: int, length: int) -> Any:
        with told_apart():
            wanted = {"Range": f"bytes={start}-{start + length - 1}"} if length else {}
            return Body(self._client.get_object(Bucket=self.bucket_name, Key=key, **wanted)["Body"])

    def remove(self, key: str) -> None:
        with told_apart():
            self._client.delete_object(Bucket=self.bucket_name, Key=key)

    @contextmanager
    def local_copy(self, key: str) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(prefix="novara-") as file:
            with closing(self.open_at(key, 0, 0)) as body:
                shutil.copyfileobj(body, file, CHUNK_BYTES)
            file.flush()
            yield Path(file.name)

    @property
    def _client(self) -> Any:
        """Each thread has its own."""
        return self.connection.meta.client


class Body:
    """What an answer holds. It may break off while it is read."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def read(self, size: int, /) -> bytes:
        with told_apart():
            piece: bytes = self._inner.read(size)
            return piece

    def close(self) -> None:
        self._inner.close()


@contextmanager
def told_apart() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _told(error) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StepFailed(Code.STORAGE_FORBIDDEN, "There are no credentials.") from error
    except BotoCoreError as error:
        raise StepFailed(Code.STORAGE_UNAVAILABLE, type(error).__name__) from error


def _told(error: ClientError) -> StepFailed:
    word = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    detail = f"The bucket answered {status} {word}."
    if word == "NoSuchKey":
        return StepFailed(Code.FILE_MISSING, detail)
    if status in {401, 403} or word in REFUSALS:
        return StepFailed(Code.STORAGE_FORBIDDEN, detail)
    # A bucket that is missing is no file that is missing: sending it again would not help.
    return StepFailed(Code.STORAGE_UNAVAILABLE, detail)
