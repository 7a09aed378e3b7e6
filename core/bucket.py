"""A bucket of S3, or of a server that speaks its protocol, as our storages reach it."""

from typing import Any

from botocore.config import Config
from storages.backends.s3 import S3Storage


class Bucket(S3Storage):  # type: ignore[misc]  # It has no types.
    def __init__(
        self, *, bucket: str, endpoint: str, region: str, key_id: str, secret: str, **more: Any
    ) -> None:
        super().__init__(
            bucket_name=bucket,
            endpoint_url=endpoint or None,
            region_name=region,
            access_key=key_id or None,
            secret_key=secret or None,
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
            **more,
        )
