"""The console's pages about health events and check-ins: read only, and cheap to list."""

import time
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from core import gate
from core.admin import CheapPaginator
from core.gate import Claims
from health import services
from health.models import DailyCheckin, HealthEvent
from health.types import CorrectionIn, EventIn
from tests.factories import make_user

EVENTS = "/admin/health/healthevent/"
CHECKINS = "/admin/health/dailycheckin/"
FORM = {
    "mood_today": "hopeful",
    "confidence_today": 7,
    "missed_doses": 0,
    "partner_involved_today": False,
    "side_effects": ["bloating", "fatigue"],
}


def console_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def superuser(db: None) -> User:
    return make_user(email="super@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def nurse(alice: User) -> User:
    return make_user(tenant=alice.tenant, email="nurse@example.com", is_staff=True)


def record(user: User, event_type: str = "mood", **data: Any) -> HealthEvent:
    key = uuid.uuid4().hex
    event = EventIn(event_type=event_type, event_data=data, client_event_id=key)
    claims = Claims(user_id=str(user.pk), issued_at=time.time())
    services.record_events(
        claims=claims, events=[event], all_or_nothing=True, idempotency_key=None, now=timezone.now()
    )
    return HealthEvent.objects.get(client_event_id=key)


def correct(user: User, event: HealthEvent, **data: Any) -> HealthEvent:
    with gate.as_person(user.pk) as person:
        return services.correct_event(
            person=person,
            event_id=event.pk,
            correction=CorrectionIn(event_data=data, reason="Misread the scale."),
            expected_version=None,
            now=timezone.now(),
        )


def retract(user: User, event: HealthEvent) -> HealthEvent:
    with gate.as_person(user.pk) as person:
        return services.retract_event(
            person=person,
            event_id=event.pk,
            reason="Entered for somebody else.",
            expected_version=None,
            now=timezone.now(),
        )


def check_in(user: User, **changes: Any) -> uuid.UUID:
    claims = Claims(user_id=str(user.pk), issued_at=time.time())
    form = FORM | changes
    return services.submit_checkin(claims=claims, form=form, now=timezone.now()).id


def text_of(client: Client, address: str, **query: Any) -> str:
    answer: Any = client.get(address, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


# Lists


def test_shows_staff_the_events_of_their_own_clinic_alone(nurse, alice, charlie):
    record(alice, mood="hopeful")
    record(charlie, mood="tired")
    check_in(charlie)

    assert alice.email in text_of(console_of(nurse), EVENTS)
    for address in (EVENTS, CHECKINS):
        assert charlie.email not in text_of(console_of(nurse), address)


def test_shows_superusers_the_events_of_all(superuser, alice, charlie):
    record(alice, mood="hopeful")
    record(charlie, mood="tired")

    shown = text_of(console_of(superuser), EVENTS)

    assert alice.email in shown
    assert charlie.email in shown


def test_says_which_versions_were_replaced(superuser, alice):
    weight = {"event_type": "vital", "name": "weight", "unit": "kg"}
    event = record(alice, **weight, value=641)
    correct(alice, event, name="weight", unit="kg", value=64.1)
    retract(alice, record(alice, mood="tired"))

    shown = text_of(console_of(superuser), EVENTS)

    for state in ("Replaced", "Corrected", "Retracted"):
        assert f"{state}</span>" in shown
    assert shown.count("Replaced</span>") == 2


def test_filters_by_type_and_state(superuser, alice):
    record(alice, mood="hopeful")
    retract(alice, record(alice, "note", text="wrong"))
    console = console_of(superuser)

    assert "1 health event" in text_of(console, EVENTS, type="mood")
    assert "1 health event" in text_of(console, EVENTS, state="entered-in-error")
    assert "3 health events" in text_of(console, EVENTS, days="7")
    assert "0 health events" in text_of(console, EVENTS, type="sleep")


def test_finds_events_by_address_and_by_id(nurse, alice, bob, charlie):
    event, theirs = record(alice, mood="hopeful"), record(charlie, mood="tired")
    correction = correct(alice, event, mood="tired")
    record(bob, mood="tired")
    console = console_of(nurse)

    assert "2 health events" in text_of(console, EVENTS, q="Alice@Example.com")
    assert "2 health events" in text_of(console, EVENTS, q=str(event.pk))
    assert "1 health event" in text_of(console, EVENTS, q=str(correction.pk))
    assert "0 health events" in text_of(console, EVENTS, q="alice")
    for term in (charlie.email, str(theirs.pk), "nobody@example.com"):
        assert "0 health events" in text_of(console, EVENTS, q=term)


def test_tells_nothing_about_people_of_another_clinic_by_a_filter(nurse, charlie):
    record(charlie, mood="tired")
    console = console_of(nurse)

    theirs = text_of(console, EVENTS, person=charlie.pk)
    assert charlie.email not in theirs
    assert "unknown person" in theirs
    assert "0 health events" in theirs
    assert "unknown person" in text_of(console, EVENTS, person=uuid.uuid4())
    assert "0 health events" in text_of(console, EVENTS, person="nonsense")


def test_lists_without_counting_the_whole_table_or_asking_row_by_row(superuser, alice, bob):
    for _ in range(5):
        record(alice, mood="hopeful")
    console = console_of(superuser)
    text_of(console, EVENTS)

    with CaptureQueriesContext(connection) as few:
        text_of(console, EVENTS)
    for _ in range(5):
        record(bob, mood="tired")
    with CaptureQueriesContext(connection) as more:
        text_of(console, EVENTS)

    assert len(few) == len(more)
    counts = [query["sql"] for query in more if "COUNT(" in query["sql"].upper()]
    assert counts
    assert all("LIMIT" in sql for sql in counts)


def test_walks_an_index_for_the_newest_and_for_one_person(superuser, alice):
    console = console_of(superuser)
    record(alice, mood="hopeful")

    def plan(**query: Any) -> str:
        with CaptureQueriesContext(connection) as asked:
            text_of(console, EVENTS, **query)
        page = next(q["sql"] for q in asked if 'ORDER BY "health_events"' in q["sql"])
        with connection.cursor() as cursor:
            # A short table is quickly sorted; is there an index that saves it for a long one?
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {page}")
            return "\n".join(line for (line,) in cursor.fetchall())

    newest = plan()
    assert "using health_events_pkey" in newest
    assert "Sort" not in newest
    for of_one in ({"person": alice.pk}, {"q": alice.email}):
        assert "using health_events_timeline" in plan(**of_one)
        assert "Sort" not in plan(**of_one)


class ShortPaginator(CheapPaginator):
    exact_up_to = 3


def test_estimates_long_lists_and_ends_their_pages(alice):
    for _ in range(5):
        record(alice, mood="hopeful")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE health_events")
    rows = HealthEvent.objects.order_by("-id")

    everything = ShortPaginator(rows, 2)
    some = ShortPaginator(rows.filter(user=alice), 2)
    few = ShortPaginator(rows.filter(event_type="sleep"), 2)

    assert everything.count >= 5
    assert everything.count_in_words.startswith("about ")
    assert everything.num_pages == 2
    assert some.count_in_words == "more than 3"
    assert (few.count_in_words, few.num_pages) == ("0", 1)


# One event


def test_tells_the_history_of_an_event(nurse, alice):
    event = record(alice, "vital", name="weight", unit="kg", value=641, cuff=None)
    corrected = correct(alice, event, name="weight", unit="kg", value=64.1, flag=True)
    console = console_of(nurse)

    for version in (event, corrected):
        shown = text_of(console, f"{EVENTS}{version.pk}/change/")

        assert "What holds now" in shown
        assert "<td><del>641</del></td><td><ins>64.1</ins></td>" in shown
        assert "<td><del>asked, not answered</del></td><td><ins>not said</ins></td>" in shown
        assert "<td><del>not said</del></td><td><ins>yes</ins></td>" in shown
        assert "Reason: Misread the scale." in shown
        assert shown.count("All it said, as JSON") == 2


def test_says_that_a_retracted_event_counts_for_nothing(nurse, alice):
    event = record(alice, mood="tired")
    retract(alice, event)

    shown = text_of(console_of(nurse), f"{EVENTS}{event.pk}/change/")

    assert "Retracted: counts for nothing" in shown
    assert "Reason: Entered for somebody else." in shown


def test_shows_what_people_wrote_as_text(nurse, alice):
    event = record(alice, "note", text="<script>alert(1)</script>")

    shown = text_of(console_of(nurse), f"{EVENTS}{event.pk}/change/")

    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


@pytest.mark.parametrize("page", ["change", "history"])
def test_answers_for_records_of_another_clinic_as_for_unknown_ones(nurse, charlie, page):
    event, checkin_id = record(charlie, mood="tired"), check_in(charlie)
    console = console_of(nurse)

    for address, key in ((EVENTS, event.pk), (CHECKINS, checkin_id)):
        theirs = console.get(f"{address}{key}/{page}/", follow=True)
        unknown = console.get(f"{address}{uuid.uuid4()}/{page}/", follow=True)
        assert theirs.redirect_chain == unknown.redirect_chain == [("/admin/", 302)]
        assert charlie.email not in theirs.content.decode()


def test_changes_nothing(superuser, alice):
    event, checkin_id = record(alice, mood="hopeful"), check_in(alice)
    console = console_of(superuser)

    for address, key in ((EVENTS, event.pk), (CHECKINS, checkin_id)):
        sent = {"event_data": "{}", "mood_today": "changed", "post": "yes"}
        assert console.post(f"{address}{key}/change/", sent).status_code == 403
        assert console.post(f"{address}{key}/delete/", sent).status_code == 403
        assert console.post(f"{address}add/", sent).status_code == 403

    assert HealthEvent.objects.get(pk=event.pk).event_data == {"mood": "hopeful"}
    assert DailyCheckin.objects.get(pk=checkin_id).mood_today == "hopeful"


# Check-ins


def test_shows_a_check_in_with_its_events(nurse, alice):
    checkin_id = check_in(alice)
    check_in(alice, date_submitted="2026-01-05")
    record(alice, mood="tired")
    console = console_of(nurse)

    shown = text_of(console, f"{CHECKINS}{checkin_id}/change/")

    assert "<td>bloating, fatigue</td>" in shown
    assert '<th scope="row">Partner involved today</th><td>no</td>' in shown
    assert '<th scope="row">Missed doses</th><td>0</td>' in shown
    query = {"person": alice.pk, "checkin": checkin_id}
    assert f"{EVENTS}?person={alice.pk}&amp;checkin={checkin_id}" in shown
    assert "3 health events" in text_of(console, EVENTS, **query)
    assert "0 health events" in text_of(console, EVENTS, checkin=checkin_id)


def test_says_whether_events_are_waiting(nurse, alice, settings):
    settings.USE_SCHEMA_V2 = False
    checkin_id = check_in(alice)
    console = console_of(nurse)

    assert "Events are waiting" in text_of(console, CHECKINS)
    assert "1 daily check-in" in text_of(console, CHECKINS, state="waiting")
    assert "Its events are waiting" in text_of(console, f"{CHECKINS}{checkin_id}/change/")


def test_says_that_a_check_in_was_deleted(nurse, alice):
    checkin_id = check_in(alice)
    with gate.as_person(alice.pk) as person:
        services.delete_checkin(person=person, checkin_id=checkin_id, now=timezone.now())
    console = console_of(nurse)

    assert "1 daily check-in" in text_of(console, CHECKINS, state="deleted")
    assert "Deleted by the person on" in text_of(console, f"{CHECKINS}{checkin_id}/change/")
