"""The console in a real browser, served by a real web process."""

import pytest
from playwright.sync_api import Error, Page, expect


def test_shows_the_overview_to_a_superuser_who_logs_in(live_console: Page) -> None:
    complaints: list[str] = []
    live_console.on("pageerror", lambda error: complaints.append(str(error)))
    live_console.on("console", lambda said: complaints.append(said.text))

    live_console.reload()

    expect(live_console.get_by_role("heading", name="Overview")).to_be_visible()
    expect(live_console.get_by_text("You look after the whole installation")).to_be_visible()
    assert complaints == []


def test_lets_nobody_in_without_a_log_in(web_url: str, page: Page) -> None:
    page.goto(f"{web_url}/admin/accounts/user/")

    expect(page).to_have_url(f"{web_url}/admin/login/?next=/admin/accounts/user/")
    expect(page.get_by_text("This console is for staff.")).to_be_visible()


@pytest.mark.parametrize("elsewhere", ["http://example.org/", "http://192.0.2.1/"])
def test_reaches_nothing_beyond_this_machine(page: Page, elsewhere: str) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto(elsewhere)
