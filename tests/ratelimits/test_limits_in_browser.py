"""The page of a rule in a real browser: typing, the preview, the reason, saving."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from ratelimits import services, traffic
from ratelimits.models import ApiTrafficHour, RateLimitRule, RateLimitTraffic
from tests.browser import browsing, chromium, live_console, page, web_url
from tests.factories import make_user

__all__ = ["browsing", "chromium", "live_console", "page", "web_url"]

LIST = "/admin/ratelimits/ratelimitrule/"


@pytest.fixture
def rule(live_console: Page) -> RateLimitRule:
    """A rule of its own, and somebody who asked 30 times within a minute an hour ago."""
    name = f"rule-{uuid.uuid4().hex[:12]}"
    route = f"/api/v2/{name}"
    minute = timezone.now().replace(second=0, microsecond=0) - dt.timedelta(hours=1)
    user = make_user()
    ApiTrafficHour.objects.create(
        hour=minute.replace(minute=0),
        route=route,
        method="GET",
        status_class=2,
        request_count=30,
        total_ms=30,
        histogram=[30] + [0] * 10,
    )
    RateLimitTraffic.objects.create(
        minute=minute,
        user_id=user.id,
        tenant_id=user.tenant_id,
        routes=[traffic.route_id("GET", route)],
        requests=[30],
        request_count=30,
    )
    values = {"scope": "user", "paths": [route], "capacity": 60, "refill": 60}
    return services.create_rule(
        values=values | {"name": name, "window_seconds": 60}, by="tester@example.com"
    )


def open_page(console: Page, rule: RateLimitRule) -> list[str]:
    """Go to the rule's page as people do; give the list of what goes wrong in it."""
    faults: list[str] = []
    console.on("pageerror", lambda error: faults.append(str(error)))
    console.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    console.goto(console.url.replace("/admin/", LIST))
    console.get_by_role("link", name=rule.name).click()
    expect(console.get_by_role("heading", level=1)).to_have_text(rule.name)
    return faults


def test_types_reads_the_preview_gives_a_reason_and_saves(live_console, rule):
    faults = open_page(live_console, rule)
    preview, needed = live_console.locator("#preview"), live_console.locator(".needed")

    live_console.get_by_role("spinbutton", name="At once").fill("10")
    expect(preview).to_contain_text("would have been limited")
    expect(preview).to_contain_text("1 person")
    expect(preview.get_by_role("row", name="As it stands")).to_contain_text("0 people")
    live_console.get_by_role("spinbutton", name="Refill").fill("5")
    expect(preview.get_by_role("row", name="As typed")).to_contain_text("16 to 20")
    expect(needed).to_be_visible()
    live_console.get_by_role("button", name="Save").click()
    expect(live_console.get_by_text("Say why")).to_be_visible()
    rule.refresh_from_db()
    assert rule.capacity == 60
    live_console.get_by_label("Reason").fill("A program asks in a loop.")
    live_console.get_by_role("button", name="Save").click()

    expect(live_console.get_by_text("It holds within two seconds.")).to_be_visible()
    expect(
        live_console.get_by_text("Each person: 10 requests at once, then 5 a minute.")
    ).to_be_visible()
    rule.refresh_from_db()
    assert (rule.capacity, rule.refill, rule.version) == (10, 5, 2)
    assert faults == []


def test_needs_no_reason_for_more_room(live_console, rule):
    open_page(live_console, rule)
    preview = live_console.locator("#preview")

    live_console.get_by_role("spinbutton", name="At once").fill("100")
    expect(preview.get_by_role("row", name="As typed")).to_contain_text("0 people")

    expect(live_console.locator(".needed")).to_be_hidden()


@pytest.mark.parametrize("path", ["", "add/", "now/", "refused/"])
def test_pages_fit_a_phone(live_console, rule, path):
    live_console.set_viewport_size({"width": 390, "height": 844})
    live_console.goto(live_console.url.replace("/admin/", f"{LIST}{path}"))

    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert live_console.evaluate(wide) is False
