"""Both storages: a folder, and a bucket of a server that speaks S3."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from documents import storage


class S3:
    """A server of buckets, in a thread of this process."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"

    def options(self, **changes: str) -> dict[str, str]:
        return {
            "bucket": "papers",
            "endpoint": self.url,
            "region": "us-east-1",
            "key_id": "a-key",
            "secret": "a-secret",
        } | changes

    def make_bucket(self) -> None:
        self._call("PUT", "/papers")

    def ask_for_keys(self, *, wanted: bool) -> None:
        self._call("POST", "/moto-api/reset-auth", b"0" if wanted else b"inf")

    def forget(self) -> None:
        self.ask_for_keys(wanted=False)
        self._call("POST", "/moto-api/reset")

    def stop(self) -> None:
        self._server.stop()

    def _call(self, method: str, path: str, body: bytes = b"") -> None:
        kind = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(self.url + path, body, kind, method=method)  # noqa: S310
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    server = S3()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server: S3) -> Iterator[S3]:
    s3_server.make_bucket()
    yield s3_server
    s3_server.forget()


def use_bucket(settings: Any, options: dict[str, str]) -> storage.Storage:
    backend = {"BACKEND": "documents.storage.bucket.Bucket", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"documents": backend}
    return storage.current()


def use_folder(settings: Any, folder: Path, *, is_made: bool = False) -> storage.Storage:
    backend = {
        "BACKEND": "documents.storage.folder.Folder",
        "OPTIONS": {"location": folder, "is_made": is_made},
    }
    settings.STORAGES = settings.STORAGES | {"documents": backend}
    return storage.current()


@pytest.fixture(params=["folder", "bucket"])
def each_storage(request: Any, settings: Any, tmp_path: Path) -> storage.Storage:
    if request.param == "folder":
        return use_folder(settings, tmp_path)
    return use_bucket(settings, request.getfixturevalue("s3").options())
