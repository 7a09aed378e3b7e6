"""The same file, sent by many at once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from documents import storage
from documents.models import Document, DocumentAction
from tests.conftest import client_of
from tests.documents.uploads.conftest import use_folder
from tests.documents.uploads.sending import PATH, form
from tests.factories import make_tenant, make_user

AT_ONCE = 20


@pytest.fixture
def folder(settings, tmp_path):
    use_folder(settings, tmp_path)
    return tmp_path


def sent_at_once(users, content):
    ready = Barrier(len(users))

    def send(user):
        try:
            client = client_of(user)
            ready.wait(30)
            return client.call("POST", PATH, form(content))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(users)) as threads:
        return list(threads.map(send, users))


def test_is_one_document_of_one_person(committed_db, folder):
    person, content = make_user(), uuid.uuid4().bytes.hex().encode() * 20_000

    answers = sent_at_once([person] * AT_ONCE, content)

    (row,) = Document.objects.filter(user=person)
    assert sorted(answer.status_code for answer in answers) == [200] * (AT_ONCE - 1) + [201]
    assert {answer.json()["id"] for answer in answers} == {str(row.id)}
    assert row.status == "processing"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [str(row.id)]
    with storage.local_copy(row.storage_path) as path:
        assert path.read_bytes() == content
    uploads = DocumentAction.objects.filter(document_id=row.id)
    assert [one.action for one in uploads] == ["uploaded"]


def test_is_one_document_of_each_person(committed_db, folder):
    people, content = [make_user(), make_user(tenant=make_tenant())], uuid.uuid4().bytes.hex()

    answers = sent_at_once(people * 10, content.encode())

    mine, theirs = (Document.objects.get(user=person) for person in people)
    assert mine.id != theirs.id
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 2
    for person, row in zip(people, (mine, theirs), strict=True):
        own = [answer for answer, user in zip(answers, people * 10, strict=True) if user == person]
        assert {answer.json()["id"] for answer in own} == {str(row.id)}
        assert sorted(answer.status_code for answer in own) == [200] * 9 + [201]


def test_says_nothing_of_who_has_it_already(committed_db, folder):
    content = uuid.uuid4().bytes.hex().encode()
    first, second = (client_of(make_user()) for _ in range(2))

    answers = [client.call("POST", PATH, form(content)) for client in (first, second)]

    known, new = (answer.json() for answer in answers)
    different = {"id", "created_at", "updated_at", "stage_started_at", "processing_started_at"}
    assert {name for name in known if known[name] != new[name]} == different
    assert [answer.status_code for answer in answers] == [201, 201]


def test_is_stored_though_all_may_be_kept_but_one(committed_db, folder, settings):
    settings.DOCUMENTS_PER_PERSON = 3
    person = make_user()
    contents = [f"{n} {uuid.uuid4()}".encode() for n in range(8)]
    ready = Barrier(len(contents))

    def send(content):
        try:
            ready.wait(30)
            return client_of(person).call("POST", PATH, form(content)).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(contents)) as threads:
        answers = list(threads.map(send, contents))

    assert sorted(answers) == [201] * 3 + [409] * 5
    assert Document.objects.filter(user=person).count() == 3
