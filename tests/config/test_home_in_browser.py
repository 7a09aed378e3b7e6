"""The console's home as people use it: from a row that needs them to the queue behind it."""

import re

from django.contrib.auth.hashers import Argon2PasswordHasher
from playwright.sync_api import Page, expect

from tests.browser import PASSWORD, browsing, chromium, live_console, page, web_url
from tests.config.home_data import make_everything
from tests.documents.console.filed import make_failed
from tests.factories import make_tenant, make_user

__all__ = ["browsing", "chromium", "live_console", "page", "web_url"]


def test_leads_from_a_row_to_its_queue_until_nothing_is_left(committed_db, web_url, page):
    clinic = make_tenant(name="North Clinic")
    nurse, patient = make_user(tenant=clinic, is_staff=True), make_user(tenant=clinic)
    nurse.password = Argon2PasswordHasher().encode(PASSWORD, "a-salt-of-tests")
    nurse.save(update_fields=["password"])
    make_failed(patient)
    log_in(page, web_url, nurse.email)

    page.get_by_role("link", name="Failed documents: Storage is away").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Storage is away")
    page.get_by_role("link", name=re.compile(r"^[0-9a-f]{12}$")).click()
    page.get_by_label("Why").first.fill("Known, the storage is being mended.")
    page.get_by_role("button", name="Acknowledge").click()
    page.goto(f"{web_url}/admin/")

    expect(page.get_by_text("Nothing needs you now.")).to_be_visible()


def test_shows_the_numbers_and_other_periods_on_a_phone(live_console: Page):
    patient = make_user(tenant=make_tenant())
    make_everything(patient)
    live_console.set_viewport_size({"width": 390, "height": 844})
    live_console.reload()

    chart = live_console.locator("section.chart", has_text="Health events")
    chart.locator("summary").click()
    expect(chart.get_by_role("row")).to_have_count(29)
    live_console.get_by_role("link", name="24 hours").click()

    expect(live_console.get_by_role("heading", name="The last 24 hours")).to_be_visible()
    assert live_console.evaluate("document.documentElement.scrollWidth") == 390


def log_in(page: Page, web_url: str, email: str) -> None:
    page.goto(f"{web_url}/admin/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{web_url}/admin/")
