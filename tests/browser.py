"""The machine's own Chromium and a running console, for tests that use pages as people do."""

import os
import shutil
from collections.abc import Iterator

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.factories import make_user
from tests.web import web

BROKER = 10
CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--no-proxy-server"),
    # Nothing beyond this machine is reached. A route of Playwright's would do it too, but would
    # answer the questions that browsers ask of servers before they call across origins.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("There is no chromium on this machine.")
    # While Playwright waits inside an event loop, Django would refuse the database to the test.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def browsing(chromium: Browser) -> Iterator[BrowserContext]:
    """Cookies, storage and pages of one visitor."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(browsing: BrowserContext) -> Page:
    return browsing.new_page()


@pytest.fixture(scope="module")
def web_url(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web process on the test database: it sees only what is committed (`committed_db`)."""
    with web(tmp_path_factory.mktemp("web"), broker=BROKER) as url:
        yield url


@pytest.fixture
def live_console(committed_db: None, web_url: str, page: Page) -> Page:
    """The console's overview, as a superuser sees it who has just logged in."""
    user = make_user(is_staff=True, is_superuser=True)
    # As the running console checks it, whatever hasher the tests use.
    user.password = Argon2PasswordHasher().encode(PASSWORD, "a-salt-of-tests")
    user.save(update_fields=["password"])
    page.goto(f"{web_url}/admin/")
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{web_url}/admin/")
    return page
