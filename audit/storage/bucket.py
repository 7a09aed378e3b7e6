"""Checkpoints in a bucket of S3, or of any server that speaks its protocol."""

from typing import Any

from core import bucket


class Bucket(bucket.Bucket):
    """Objects that are never written over by us; a bucket with object lock keeps others from it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, file_overwrite=False)
