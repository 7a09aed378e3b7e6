"""The queue in a real browser: a document fails, is retried by the staff, and completes."""

import datetime as dt
import io
import uuid

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from core import gate
from documents import pipeline, storage
from documents.models import Document
from documents.services import staff
from documents.statuses import STAGES
from tests.documents import papers
from tests.documents.console.filed import acted, make_stuck, story_of
from tests.factories import make_user


@pytest.fixture
def document(live_console: Page) -> Document:
    """Its file is away, so a worker that took it failed for good."""
    later = timezone.now() + dt.timedelta(days=1)
    Document.objects.filter(status__in=STAGES).update(due_at=later)
    made = papers.make_document(make_user(), is_stored=False)
    work_off()
    made.refresh_from_db()
    assert (made.status, made.error_code) == ("failed", "file_missing")
    return made


def work_off() -> None:
    """Do what a worker does, until nothing is due."""
    while pipeline.advance():
        pass


def bring_back_file(document: Document) -> None:
    content = io.BytesIO(papers.TEXT)
    storage.put(document.storage_path, content, size=len(papers.TEXT))


def open_queue(console: Page) -> list[str]:
    """Go to the queue as people do; give the list of what goes wrong in its pages."""
    faults: list[str] = []
    console.on("pageerror", lambda error: faults.append(str(error)))
    console.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    console.get_by_role("navigation", name="Pages").get_by_role("link", name="Documents").click()
    expect(console.get_by_role("heading", level=1)).to_have_text("Documents")
    console.get_by_role("link", name="Look after them").click()
    return faults


def test_retries_a_failed_document_and_sees_it_complete(live_console, document):
    faults = open_queue(live_console)

    live_console.get_by_role("link", name="Stored file is missing").click()
    live_console.get_by_role("checkbox", name=str(document.id)[-12:]).check()
    expect(live_console.get_by_text("With the 1 chosen:")).to_be_visible()
    live_console.get_by_role("button", name="Retry …").click()
    live_console.get_by_label("Why").fill("The file is back from the backup.")
    live_console.get_by_role("button", name="Retry 1 document").click()
    expect(live_console.get_by_text("1 document is started again.")).to_be_visible()

    bring_back_file(document)
    work_off()
    live_console.goto(live_console.url.split("/admin/")[0] + story_of(document))

    expect(
        live_console.get_by_role("heading", name="Completed It can be searched.")
    ).to_be_visible()
    expect(live_console.get_by_text("The file is back from the backup.")).to_be_visible()
    expect(live_console.get_by_role("heading", name="Indexing, try 1 Succeeded")).to_be_visible()
    document.refresh_from_db()
    assert (document.status, document.run) == ("completed", 2)
    assert faults == []


def test_retries_from_the_story(live_console, document):
    live_console.goto(live_console.url.split("/admin/")[0] + story_of(document))

    live_console.get_by_label("Why", exact=True).fill("Back.")
    live_console.get_by_role("button", name="Retry from “Reading”").click()
    expect(live_console.get_by_text("The document is started again.")).to_be_visible()
    bring_back_file(document)
    work_off()
    live_console.reload()

    expect(
        live_console.get_by_role("heading", name="Completed It can be searched.")
    ).to_be_visible()


def test_shows_the_content_for_a_reason(live_console, document):
    bring_back_file(document)
    with gate.as_system():
        staff.retry(documents=[document.id], actor_id=uuid.uuid4(), reason="x", at_a_time=5)
    work_off()
    live_console.goto(live_console.url.split("/admin/")[0] + story_of(document))
    expect(live_console.get_by_text("progesterone")).to_have_count(0)
    button = live_console.get_by_role("button", name="Note it and show the content")

    live_console.get_by_label("Why must you see it?").fill("short")
    button.click()
    expect(live_console.get_by_role("heading", level=1)).to_contain_text("Document")
    live_console.get_by_label("Why must you see it?").fill("\u200b" * 12)
    button.click()
    expect(live_console.get_by_text("Say why, in at least 10 characters.")).to_be_visible()
    live_console.get_by_label("Why must you see it?").fill("The person asked on the phone.")
    button.click()

    expect(live_console.get_by_text("progesterone every evening")).to_be_visible()
    assert [why for deed, _, why in acted(document) if deed == "disclosed"] == [
        "The person asked on the phone."
    ]
    live_console.get_by_role("link", name="Back to the story").click()
    expect(live_console.get_by_text("looked into it")).to_be_visible()


def test_chooses_all_of_a_page_at_once(live_console, document):
    open_queue(live_console)
    live_console.get_by_role("link", name="Stored file is missing").click()
    expect(live_console.get_by_role("button", name="Retry …")).to_be_hidden()

    live_console.get_by_role("checkbox", name="All of this page").check()

    boxes = live_console.locator("input[name=document]")
    expect(live_console.locator("input[name=document]:checked")).to_have_count(boxes.count())
    expect(live_console.get_by_role("button", name="Retry …")).to_be_visible()
    boxes.first.uncheck()
    expect(live_console.get_by_role("checkbox", name="All of this page")).not_to_be_checked()


@pytest.mark.parametrize("name", ["overview", "queue", "group", "confirm", "list", "story"])
def test_documents_fit_a_phone(live_console, document, name):
    make_stuck(make_user())
    live_console.set_viewport_size({"width": 390, "height": 844})
    root = live_console.url + "documents/document/"
    paths = {
        "overview": "",
        "queue": "queue/",
        "list": "all/",
        "story": f"{document.id}/change/",
    }
    live_console.goto(root + paths.get(name, "queue/failed/file_missing/"))
    if name == "confirm":
        live_console.get_by_role("button", name="Retry all …").click()
        expect(live_console.get_by_role("heading", level=1)).to_contain_text("Retry")

    live_console.wait_for_load_state()
    wider = live_console.evaluate("document.documentElement.scrollWidth - window.innerWidth")

    assert wider <= 0
    here = live_console.get_by_role("navigation", name="Pages").locator("[aria-current]")
    expect(here).to_have_text("Documents")
    expect(here).to_be_in_viewport(ratio=1)


def test_keeps_the_links_of_a_story_below_the_tabs(live_console, document):
    live_console.goto(live_console.url.split("/admin/")[0] + story_of(document))

    tabs = live_console.get_by_role("navigation", name="Documents", exact=True).bounding_box()
    links = [
        live_console.get_by_role("link", name=name).bounding_box()
        for name in ("All documents of this person", "Others with this trouble")
    ]

    assert all(link["y"] >= tabs["y"] + tabs["height"] for link in links)
