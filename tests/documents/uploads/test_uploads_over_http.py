"""Uploads and downloads through the web server itself: connections that break, and its memory."""

import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil
import pytest

from documents.models import LARGEST_BYTES, Document
from tests.conftest import token_of
from tests.documents.uploads.sending import PATH, raw
from tests.factories import make_user
from tests.web import free_port, web

BROKER = 14
BOUNDARY = b"a-line"
FILE = 'Content-Disposition: form-data; name="file"; filename="letter.txt"'
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory):
    with web(tmp_path_factory.mktemp("web"), broker=BROKER) as url:
        yield urlsplit(url)


@pytest.fixture
def person(committed_db):
    return make_user()


def headers_for(person, length):
    return {
        "Authorization": f"Bearer {token_of(person)}",
        "Content-Type": "multipart/form-data; boundary=a-line",
        "Content-Length": str(length),
    }


def post(server, person, body, headers=None):
    connection = http.client.HTTPConnection(server.hostname, server.port, timeout=60)
    try:
        connection.request("POST", PATH, body, headers or headers_for(person, len(body)))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def hang_up(server, person, *, after):
    """Announce a whole file, send a part of it, and go."""
    body = raw(BOUNDARY, (FILE, b"x" * (2 * MIB)))
    lines = [f"POST {PATH} HTTP/1.1", f"Host: {server.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers_for(person, len(body)).items()]
    with socket.create_connection((server.hostname, server.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body[:after])


def test_leave_nothing_when_the_client_hangs_up(server, person):
    for after in (0, 1000, MIB):
        for _ in range(3):
            hang_up(server, person, after=after)

    status, document = post(server, person, raw(BOUNDARY, (FILE, b"A whole one.\n")))
    assert status == 201
    assert [str(row.id) for row in Document.objects.filter(user=person)] == [document["id"]]


def test_answer_a_client_that_sends_more_than_is_taken(server, person):
    status, problem = post(server, person, b"x" * (LARGEST_BYTES + 2 * MIB))

    assert (status, problem["code"]) == (413, "file-too-large")


def test_answer_a_client_without_a_token_that_sends_all_the_same(server, person):
    body = raw(BOUNDARY, (FILE, b"x" * (5 * MIB)))
    headers = headers_for(person, len(body)) | {"Authorization": "Bearer nothing"}

    status, problem = post(server, person, body, headers)

    assert (status, problem["code"]) == (401, "token-invalid")


def test_answer_a_client_that_asks_first_before_it_sends(server, person):
    lines = [f"POST {PATH} HTTP/1.1", f"Host: {server.netloc}", "Expect: 100-continue"]
    headers = headers_for(person, 5 * MIB) | {"Authorization": "Bearer nothing"}
    lines += [f"{name}: {value}" for name, value in headers.items()]

    with socket.create_connection((server.hostname, server.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        first = connection.recv(100)

    assert first.startswith(b"HTTP/1.1 401 ")


def test_need_no_broker(person, tmp_path):
    away = f"redis://127.0.0.1:{free_port()}"

    with web(tmp_path, broker=BROKER, REDIS_URL=away) as url:
        status, document = post(urlsplit(url), person, raw(BOUNDARY, (FILE, b"Hello.\n")))

    assert (status, document["status"]) == (201, "processing")


def web_processes():
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "granian" in " ".join(child.cmdline()) or "multiprocessing" in " ".join(child.cmdline())
    ]


class Peak:
    """The most memory that the web processes had at any moment."""

    def __init__(self):
        self.processes = web_processes()
        self.before = self.now()
        self.most = self.before
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def now(self):
        return sum(process.memory_info().rss for process in self.processes)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        while not self._ended.wait(0.02):
            self.most = max(self.most, self.now())


def test_hold_none_of_them_in_memory(server, person):
    line = b"A line of thirty-two characters\n"
    bodies = [
        raw(BOUNDARY, (FILE, b"%d\n" % n + line * (LARGEST_BYTES // len(line) - 1)))
        for n in range(4)
    ]
    post(server, person, raw(BOUNDARY, (FILE, b"warm up\n")))

    with Peak() as memory, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda body: post(server, person, body), bodies))

    assert [status for status, _ in answers] == [201] * 4
    assert memory.processes
    assert memory.most - memory.before < 25 * MIB


def test_give_files_back_without_holding_them_in_memory(server, person):
    line = b"Another line of 32 characters..\n"
    content = line * (LARGEST_BYTES // len(line))
    _, document = post(server, person, raw(BOUNDARY, (FILE, content)))
    path, headers = f"{PATH}/{document['id']}/content", headers_for(person, 0)

    def download(_):
        connection = http.client.HTTPConnection(server.hostname, server.port, timeout=60)
        connection.request("GET", path, headers=headers)
        got = connection.getresponse().read()
        connection.close()
        return got == content

    with Peak() as memory, ThreadPoolExecutor(4) as threads:
        assert all(threads.map(download, range(4)))

    assert memory.most - memory.before < 25 * MIB


def test_goes_on_after_clients_that_leave_in_the_middle_of_a_download(server, person):
    _, document = post(server, person, raw(BOUNDARY, (FILE, b"y" * (20 * MIB))))
    path, headers = f"{PATH}/{document['id']}/content", headers_for(person, 0)

    for _ in range(6):
        connection = http.client.HTTPConnection(server.hostname, server.port, timeout=60)
        connection.request("GET", path, headers=headers)
        connection.getresponse().read(1000)
        connection.close()

    deadline = time.monotonic() + 20
    while open_documents() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not open_documents()
    assert post(server, person, raw(BOUNDARY, (FILE, b"Another.\n")))[0] == 201


def open_documents():
    return [
        file.path
        for process in web_processes()
        for file in process.open_files()
        if "/documents/" in file.path
    ]
