"""Checkpoints in a bucket of S3, or of any server that speaks its protocol."""

from botocore.config import Config
from storages.backends.s3 import S3Storage


class Bucket(S3Storage):  # type: ignore[misc]  # It has no types.
    """Objects that are never written over by us; a bucket with object lock keeps others from it."""

    def __init__(
        self, *, bucket: str, endpoint: str, region: str, key_id: str, secret: str
    ) -> None:
        super().__init__(
            bucket_name=bucket,
            endpoint_url=endpoint or None,
            region_name=region,
            access_key=key_id or None,
            secret_key=secret or None,
            file_overwrite=False,
            client_config=Config(
                connect_timeout=3,
                read_timeout=20,
                retries={"mode": "standard", "total_max_attempts": 2},
                # Servers other than Amazon's have no names of hosts for buckets.
                s3={"addressing_style": "path" if endpoint else "virtual"},
                # Nor do all of them know the newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
