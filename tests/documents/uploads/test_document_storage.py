"""What a storage does, and how its failures are told apart: a folder and a bucket alike."""

import io
import os
import uuid

import pytest

from config.dev.processes import port_is_free
from documents import storage
from documents.failures import Code, StepFailed
from documents.models import Document
from tests.documents.uploads.conftest import use_bucket, use_folder
from tests.documents.uploads.sending import PATH, form
from tests.web import free_port


def key():
    return storage.new_key(uuid.uuid4())


def put(name, content):
    storage.put(name, io.BytesIO(content), size=len(content))


def whole(name, start, length):
    part = storage.read(name, start, length)
    try:
        return b"".join(part)
    finally:
        part.close()


def failure_of(call, *args, **kwargs):
    with pytest.raises(StepFailed) as caught:
        call(*args, **kwargs)
    return caught.value.code


def test_gives_back_what_was_stored(each_storage):
    name, content = key(), os.urandom(700_000)

    put(name, content)

    assert storage.size_of(name) == len(content)
    assert whole(name, 0, len(content)) == content
    assert whole(name, 300_001, 99) == content[300_001:300_100]
    assert whole(name, 699_999, 1) == content[-1:]
    with storage.local_copy(name) as path:
        assert path.read_bytes() == content


def test_stores_again_under_the_same_key(each_storage):
    name = key()

    put(name, b"longer before")
    put(name, b"shorter")

    assert whole(name, 0, 7) == b"shorter"
    assert storage.size_of(name) == 7


def test_reads_a_file_from_its_beginning_wherever_it_stands(each_storage):
    name, file = key(), io.BytesIO(b"all of it")
    file.read()

    storage.put(name, file, size=9)

    assert whole(name, 0, 9) == b"all of it"


def test_notices_when_less_was_stored(each_storage):
    assert failure_of(storage.put, key(), io.BytesIO(b"abc"), size=4) == Code.STORAGE_UNAVAILABLE


def test_removes_and_removes_again(each_storage):
    name = key()
    put(name, b"gone soon")

    storage.remove(name)
    storage.remove(name)

    assert failure_of(storage.read, name, 0, 1) == Code.FILE_MISSING


def test_says_that_a_file_is_missing(each_storage):
    put(key(), b"another")

    assert failure_of(storage.read, key(), 0, 1) == Code.FILE_MISSING
    assert failure_of(storage.size_of, key()) == Code.FILE_MISSING
    with pytest.raises(StepFailed) as caught, storage.local_copy(key()):
        pass
    assert caught.value.code == Code.FILE_MISSING


def test_notices_when_a_file_is_shorter_than_its_row_says(each_storage):
    name = key()
    put(name, b"short")

    assert failure_of(whole, name, 0, 10) == Code.STORAGE_UNAVAILABLE


def test_tests_itself_and_leaves_nothing(each_storage, tmp_path):
    storage.test()

    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_takes_no_path_out_of_its_folder(settings, tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()
    use_folder(settings, folder)

    with pytest.raises(Exception, match="outside of the base path"):
        put("../outside", b"x")


def test_keeps_files_of_a_folder_from_others(settings, tmp_path):
    use_folder(settings, tmp_path)
    name = key()

    put(name, b"private")

    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / name).parent.stat().st_mode & 0o777 == 0o700


def test_does_not_make_a_folder_that_is_not_mounted(settings, tmp_path):
    use_folder(settings, tmp_path / "volume")

    assert failure_of(put, key(), b"x") == Code.STORAGE_UNAVAILABLE
    assert failure_of(storage.read, key(), 0, 1) == Code.STORAGE_UNAVAILABLE
    assert not (tmp_path / "volume").exists()


def test_makes_the_folder_that_nobody_named(settings, tmp_path):
    use_folder(settings, tmp_path / "a" / "b", is_made=True)

    storage.test()

    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="Root may write everywhere.")
def test_says_that_a_folder_refuses(settings, tmp_path):
    use_folder(settings, tmp_path)
    tmp_path.chmod(0o500)

    assert failure_of(put, key(), b"x") == Code.STORAGE_FORBIDDEN


def test_says_that_a_folder_is_full(settings, tmp_path):
    class Full(io.BytesIO):
        def read(self, *_):
            raise OSError(28, "No space left on device")

    use_folder(settings, tmp_path)

    with pytest.raises(StepFailed) as caught:
        storage.put(key(), Full(), size=1)

    assert caught.value.code == Code.STORAGE_UNAVAILABLE
    assert str(tmp_path) not in caught.value.detail


def test_says_that_a_bucket_refuses(settings, s3):
    use_bucket(settings, s3.options())
    name = key()
    put(name, b"x")

    s3.ask_for_keys(wanted=True)

    assert failure_of(put, key(), b"x") == Code.STORAGE_FORBIDDEN
    assert failure_of(storage.read, name, 0, 1) == Code.STORAGE_FORBIDDEN
    assert failure_of(storage.size_of, name) == Code.STORAGE_FORBIDDEN
    assert failure_of(storage.remove, name) == Code.STORAGE_FORBIDDEN
    assert failure_of(storage.test) == Code.STORAGE_FORBIDDEN


def test_takes_a_missing_bucket_for_no_missing_file(settings, s3):
    use_bucket(settings, s3.options(bucket="elsewhere"))

    assert failure_of(put, key(), b"x") == Code.STORAGE_UNAVAILABLE
    assert failure_of(storage.read, key(), 0, 1) == Code.STORAGE_UNAVAILABLE
    assert failure_of(storage.size_of, key()) == Code.STORAGE_UNAVAILABLE


def test_says_that_a_bucket_is_away(settings, s3):
    port = free_port()
    assert port_is_free("127.0.0.1", port)
    use_bucket(settings, s3.options(endpoint=f"http://127.0.0.1:{port}"))

    assert failure_of(put, key(), b"x") == Code.STORAGE_UNAVAILABLE
    assert failure_of(storage.read, key(), 0, 1) == Code.STORAGE_UNAVAILABLE


def test_carries_a_document_through_the_api(each_storage, as_alice):
    content = b"A line of this letter.\n" * 40_000
    document = as_alice.call("POST", PATH, form(content)).json()
    where = f"{PATH}/{document['id']}/content"

    assert as_alice.call("GET", where).getvalue() == content
    part = as_alice.call("GET", where, Range="bytes=500000-500009")
    assert (part.status_code, part.getvalue()) == (206, content[500_000:500_010])
    key_of_it = Document.objects.get(id=document["id"]).storage_path
    storage.remove(key_of_it)
    missing = as_alice.call("GET", where)
    assert (missing.status_code, missing.json()["code"]) == (404, "file-missing")
    assert as_alice.call("POST", PATH, form(content)).json()["duplicate"] is True
    assert as_alice.call("GET", where).getvalue() == content
