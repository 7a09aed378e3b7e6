"""An alert in a real browser: found in the queue, acknowledged with a note, resolved."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from audit.models import AuditAlert
from audit.types import HOUSE
from tests.audit.logs import rule
from tests.browser import browsing, chromium, live_console, page, web_url

__all__ = ["browsing", "chromium", "live_console", "page", "web_url"]


@pytest.fixture
def alert(live_console: Page) -> AuditAlert:
    one = rule(name=f"Odd log-ins {uuid.uuid4().hex[:8]}")
    now = timezone.now()
    return AuditAlert.objects.create(
        tenant_id=HOUSE,
        rule_id=one.id,
        rule_name=one.name,
        severity="critical",
        group_by="network",
        group_key="192.0.2.0/24",
        entry_count=31,
        first_entry_id=1,
        last_entry_id=31,
        first_at=now - dt.timedelta(minutes=12),
        last_at=now,
    )


def test_is_acknowledged_on_its_page(live_console: Page, alert: AuditAlert, web_url: str) -> None:
    live_console.goto(f"{web_url}/admin/audit/auditalert/")
    live_console.get_by_role("link", name=alert.rule_name).click()
    expect(live_console.get_by_text("The network 192.0.2.0/24")).to_be_visible()

    live_console.get_by_role("link", name="Acknowledge").first.click()
    live_console.get_by_role("button", name="Acknowledge").click()
    expect(live_console.get_by_text("This field is required.")).to_be_visible()
    live_console.get_by_label("Note").fill("I ask the network's owner.")
    live_console.get_by_role("button", name="Acknowledge").click()

    expect(live_console.get_by_text("The alert is acknowledged.")).to_be_visible()
    alert.refresh_from_db()
    assert (alert.status, alert.acknowledged_note) == (
        "acknowledged",
        "I ask the network's owner.",
    )


def test_is_resolved_from_the_list(live_console: Page, alert: AuditAlert, web_url: str) -> None:
    live_console.goto(f"{web_url}/admin/audit/auditalert/")
    row = live_console.get_by_role("row").filter(has_text=alert.rule_name)

    row.get_by_role("checkbox").check()
    live_console.get_by_label("Action:").select_option(label="Resolve")
    live_console.get_by_role("button", name="Go").click()
    live_console.get_by_label("Note").fill("It was a test of ours.")
    live_console.get_by_role("button", name="Resolve").click()

    expect(live_console.get_by_text("The alert is resolved.")).to_be_visible()
    alert.refresh_from_db()
    assert alert.status == "resolved"
