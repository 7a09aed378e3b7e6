"""The cast and their clients. Alice and Bob are of one tenant, Charlie is of another.

`db` tests run in a transaction that is rolled back. Tests of races, crashes and the API role
need committed rows: they use `committed_db`, which leaves its rows behind (nothing truncates the
append-only log), and make people of their own.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.test.utils import setup_databases
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from config import lately
from flags import rules
from tests.factories import make_tenant, make_user
from tests.flag_sets import Flags


@pytest.fixture(autouse=True)
def fast_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def fresh_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests ask /readyz and /metrics again at once."""
    monkeypatch.setattr(lately, "SECONDS", 0.0)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any
) -> None:
    """Make the test database, also where pytest-django sees no test that it knows to need it.

    It is not dropped: the throwaway server goes with it, another one makes it anew next time.
    """
    with django_db_blocker.unblock():
        setup_databases(verbosity=0, interactive=False)


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
        # A test that ended connections at the server may have ended this one with them.
        connection.close()


@pytest.fixture
def alice(db: None) -> User:
    return make_user(email="alice@example.com")


@pytest.fixture
def bob(alice: User) -> User:
    return make_user(tenant=alice.tenant, email="bob@example.com")


@pytest.fixture
def charlie(db: None) -> User:
    return make_user(tenant=make_tenant(), email="charlie@example.com")


@pytest.fixture
def flags(db: None) -> Iterator[Flags]:
    before = rules.replace(None)
    yield Flags()
    rules.replace(before)


class ApiClient(Client):
    """A client that sends JSON, or a form if there is a file, with a person's token."""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent: Any = {}
        if isinstance(body, dict) and any(isinstance(one, UploadedFile) for one in body.values()):
            form = encode_multipart(BOUNDARY, body)
            sent = {"data": form, "content_type": MULTIPART_CONTENT}
        elif body is not None:
            data = body if isinstance(body, bytes | str) else json.dumps(body)
            sent = {"data": data, "content_type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response: Any = self.generic(method, path, headers=named, **sent)
        return response


def token_of(user: User) -> str:
    """Make a V1 token, which both versions accept."""
    return tokens.v1_token(user_id=user.id, email=user.email, nickname="Alex", now=timezone.now())


def client_of(user: User) -> ApiClient:
    return ApiClient(headers={"authorization": f"Bearer {token_of(user)}"})


@pytest.fixture
def as_alice(alice: User) -> ApiClient:
    return client_of(alice)


@pytest.fixture
def as_bob(bob: User) -> ApiClient:
    return client_of(bob)


@pytest.fixture
def as_charlie(charlie: User) -> ApiClient:
    return client_of(charlie)


@pytest.fixture
def nobody() -> ApiClient:
    return ApiClient()


@pytest.fixture(scope="session")
def database_url() -> str:
    """The address of the test database, for connections beside Django's."""
    address = settings.DATABASES["default"]
    host = address["HOST"] or address["OPTIONS"].get("host", "")
    parts = {
        "dbname": address["NAME"],
        "user": address["USER"],
        "password": address["PASSWORD"],
        "host": host,
        "port": address["PORT"],
    }
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)
