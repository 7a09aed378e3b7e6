"""Staff of two clinics, and who looks after all of them."""

import pytest

from accounts.models import User
from tests.browser import browsing, chromium, live_console, page, web_url
from tests.factories import make_user

__all__ = ["browsing", "chromium", "live_console", "page", "web_url"]


@pytest.fixture
def nurse(alice: User) -> User:
    return make_user(tenant=alice.tenant, email="nurse@example.com", is_staff=True)


@pytest.fixture
def other_nurse(charlie: User) -> User:
    return make_user(tenant=charlie.tenant, email="other@example.com", is_staff=True)


@pytest.fixture
def superuser(db: None) -> User:
    return make_user(email="super@example.com", is_staff=True, is_superuser=True)
