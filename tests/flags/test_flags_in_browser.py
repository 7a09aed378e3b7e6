"""The page of a flag in a real browser: the slider, the preview, saving, going back."""

import uuid

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from flags import services
from flags.allocation import resize
from flags.models import FeatureFlag
from flags.types import Definition, Variant
from tests.factories import make_user


@pytest.fixture
def flag(live_console: Page) -> FeatureFlag:
    """A flag of its own that 25 of 100 people have, and somebody more to see a change."""
    for _ in range(20):
        make_user()
    key = f"calm_{uuid.uuid4().hex[:12]}"
    variants = resize([Variant("on", value=True), Variant("off", value=False)], "on", 25)
    return services.create_flag(
        definition=Definition(key=key, salt=key, is_enabled=True, variants=variants),
        actor=services.Actor("tester@example.com"),
        now=timezone.now(),
    )


def open_page(console: Page, flag: FeatureFlag) -> list[str]:
    """Go to the flag's page as people do; give the list of what goes wrong in it."""
    faults: list[str] = []
    console.on("pageerror", lambda error: faults.append(str(error)))
    console.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    console.get_by_role("navigation", name="Pages").get_by_role(
        "link", name="Feature flags"
    ).click()
    console.get_by_role("link", name=flag.flag_name).click()
    expect(console.get_by_role("heading", level=1)).to_have_text(flag.flag_name)
    return faults


def move_slider(console: Page, steps: int) -> None:
    slider = console.get_by_role("slider", name="Share of people")
    slider.focus()
    for _ in range(abs(steps)):
        slider.press("ArrowRight" if steps > 0 else "ArrowLeft")


def test_moves_the_slider_reads_the_preview_saves_and_reverts(live_console, flag):
    faults = open_page(live_console, flag)
    preview = live_console.locator("#preview")

    move_slider(live_console, 35)
    expect(live_console.get_by_role("spinbutton", name="Share of people")).to_have_value("60")
    expect(preview.locator(".is-lose")).to_have_text("0 people lose it")
    expect(preview).to_contain_text("This may move 35 % of all people: give a reason below.")
    gained = preview.locator(".is-gain strong").inner_text()
    live_console.get_by_label("Reason").fill("The first week went well.")
    live_console.get_by_role("button", name="Save").click()

    expect(live_console.get_by_text(f"now 60 %; {gained} gained it.")).to_be_visible()
    expect(live_console.get_by_text("60 % of the people of all clinics get it.")).to_be_visible()

    live_console.get_by_role("link", name="History").click()
    expect(live_console.get_by_text("The first week went well.")).to_be_visible()
    live_console.get_by_role("link", name="Go back to this version").click()
    expect(live_console.locator(".is-lose strong")).to_have_text(gained)
    live_console.get_by_label("Reason").fill("Too early.")
    live_console.get_by_role("button", name="Go back to version 1").click()

    expect(live_console.get_by_text(f"now 25 %; {gained} lost it.")).to_be_visible()
    flag.refresh_from_db()
    assert (flag.version, flag.definition.percentage) == (3, 25)
    assert faults == []


def test_couples_the_slider_and_the_number(live_console, flag):
    open_page(live_console, flag)
    number = live_console.get_by_role("spinbutton", name="Share of people")
    slider = live_console.get_by_role("slider", name="Share of people")

    number.fill("30.125")
    expect(slider).to_have_value("30")
    move_slider(live_console, -1)

    expect(number).to_have_value("29")


def test_marks_the_reason_as_needed_only_where_it_is(live_console, flag):
    open_page(live_console, flag)
    number = live_console.get_by_role("spinbutton", name="Share of people")
    mark = live_console.locator(".needed")

    number.fill("60")
    expect(mark).to_be_visible()
    number.fill("26")

    expect(mark).to_be_hidden()


def test_adds_rows_of_conditions(live_console, flag):
    open_page(live_console, flag)
    live_console.get_by_text("Conditions", exact=True).click()
    rows = live_console.locator("[data-rows=condition] .row")

    rows.nth(0).get_by_label("What the app tells").fill("plan")
    rows.nth(0).get_by_label("Values").fill("free, trial")
    live_console.locator("[data-rows=condition] + .add-row").click()
    rows.nth(1).get_by_label("What the app tells").fill("app_version")
    rows.nth(1).get_by_label("How to compare").select_option("is a version from")
    rows.nth(1).get_by_label("Values").fill("2.10")
    live_console.get_by_label("Reason").fill("They asked.")
    live_console.get_by_role("button", name="Save").click()

    said = "25 % of the people of all clinics whose plan is one of free or trial and app_version is"
    expect(live_console.get_by_text(said)).to_be_visible()


@pytest.mark.parametrize("page_name", ["list", "flag", "history", "explain"])
def test_fits_a_phone(live_console, flag, page_name):
    live_console.set_viewport_size({"width": 390, "height": 844})
    open_page(live_console, flag)
    if page_name == "list":
        live_console.go_back()
        expect(live_console.get_by_role("heading", level=1)).to_have_text("Feature flags")
    if page_name == "history":
        live_console.get_by_role("link", name="History").click()
        expect(live_console.get_by_role("heading", level=1)).to_contain_text("History of")
    if page_name == "explain":
        live_console.get_by_role("textbox", name="Person", exact=True).fill(str(make_user().pk))
        live_console.get_by_role("button", name="Tell me").click()
        expect(
            live_console.get_by_text("of 100,000; the rollout reaches to 25,000.")
        ).to_be_visible()

    live_console.wait_for_load_state()
    wider = live_console.evaluate("document.documentElement.scrollWidth - window.innerWidth")

    assert wider <= 0


@pytest.mark.parametrize("width", [1280, 1024, 800])
def test_has_pages_and_switches_in_sight(live_console, flag, width):
    live_console.set_viewport_size({"width": width, "height": 900})
    open_page(live_console, flag)
    live_console.go_back()
    live_console.wait_for_load_state()

    nav = live_console.evaluate("pages.scrollWidth - pages.clientWidth")
    page = live_console.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    table = live_console.evaluate(
        "(all => all.scrollWidth - all.clientWidth)(document.querySelector('.results'))"
    )

    assert (nav, page, table) == (0, 0, 0)


def test_works_without_scripts(live_console, chromium, flag):
    plain = chromium.new_context(java_script_enabled=False)
    plain.add_cookies(live_console.context.cookies())
    page = plain.new_page()
    page.goto(live_console.url + f"flags/featureflag/{flag.pk}/change/")

    page.get_by_role("spinbutton", name="Share of people").fill("100")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".is-lose")).to_have_text("0 people lose it")
    page.get_by_label("Reason").fill("Ready.")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("now 100 %")).to_be_visible()
    plain.close()
