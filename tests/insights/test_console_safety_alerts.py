"""The queue of safety alerts in the console: open ones first, until somebody acknowledges them."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as accounts
from accounts.models import User
from insights import services
from insights.models import Insight, InsightAcknowledgement, SafetyAlert
from tests.assessments.answers import complete
from tests.conftest import client_of
from tests.factories import make_user
from tests.health.threads import at_once

QUEUE = "/admin/insights/safetyalert/"
NOTE = "Called at 10:30, is safe."


@pytest.fixture
def nurse(alice: User) -> User:
    return make_user(tenant=alice.tenant, email="nurse@example.com", is_staff=True)


@pytest.fixture
def superuser(db: None) -> User:
    return make_user(email="super@example.com", is_staff=True, is_superuser=True)


def console_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def alert_of(user: User) -> SafetyAlert:
    client = client_of(user)
    assert complete(client, "phq9", {"self_harm_thoughts": 1, "q1": 2}).status_code == 201
    client.call("POST", "/api/v2/insights/generate", {})
    return SafetyAlert.objects.filter(user_id=user.id, insight_type="safety_alert").latest(
        "created_at"
    )


def text_of(client: Client, address: str, **query: Any) -> str:
    answer: Any = client.get(address, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def acknowledge(client: Client, alert: Insight, note: str = NOTE) -> Any:
    return client.post(f"{QUEUE}{alert.pk}/acknowledge/", {"note": note})


def test_shows_staff_the_alerts_of_their_own_clinic_alone(nurse, superuser, alice, charlie):
    hers, his = alert_of(alice), alert_of(charlie)
    nurses, every = text_of(console_of(nurse), QUEUE), text_of(console_of(superuser), QUEUE)

    assert alice.email in nurses
    assert charlie.email not in nurses
    assert str(his.pk) not in nurses
    assert charlie.email in every
    for address in (f"{QUEUE}{his.pk}/change/", f"{QUEUE}{his.pk}/acknowledge/"):
        assert console_of(nurse).get(address).status_code == 302
    assert acknowledge(console_of(nurse), his).status_code == 403
    assert not InsightAcknowledgement.objects.exists()
    assert text_of(console_of(nurse), f"{QUEUE}{hers.pk}/change/")


def test_has_alerts_of_this_kind_alone(nurse, alice):
    client_of(alice).call(
        "POST", "/api/checkins", {"mood_today": "very tough", "confidence_today": 2}
    )
    alert_of(alice)
    other = Insight.objects.get(user_id=alice.id, insight_type="support_needed")

    assert "1 safety alert" in text_of(console_of(nurse), QUEUE)
    assert console_of(nurse).get(f"{QUEUE}{other.pk}/change/").status_code == 302
    assert acknowledge(console_of(nurse), other).status_code == 403
    assert not InsightAcknowledgement.objects.exists()


def test_is_closed_to_people_without_rights(alice, as_alice):
    alert = alert_of(alice)

    for client in (Client(), console_of(alice)):
        for address in (QUEUE, f"{QUEUE}{alert.pk}/acknowledge/"):
            assert client.get(address).status_code == 302
        assert acknowledge(client, alert).status_code == 302
    assert not InsightAcknowledgement.objects.exists()


def test_has_the_open_ones_first(nurse, alice, bob):
    old, new = alert_of(alice), alert_of(bob)
    Insight.objects.filter(id=old.pk).update(created_at=timezone.now() - dt.timedelta(days=9))
    console = console_of(nurse)
    before = text_of(console, QUEUE)

    acknowledge(console, new)

    after = text_of(console, QUEUE)
    assert before.index(bob.email) < before.index(alice.email)
    assert after.index(alice.email) < after.index(bob.email)
    assert bob.email not in text_of(console, QUEUE, state="open")
    assert alice.email not in text_of(console, QUEUE, state="acknowledged")


def test_says_who_saw_to_it_when_and_what_they_did(nurse, alice):
    alert, console = alert_of(alice), console_of(nurse)

    done = acknowledge(console, alert)

    row = InsightAcknowledgement.objects.get()
    assert done["Location"] == QUEUE
    assert (row.insight_id, row.acknowledged_by, row.note) == (alert.id, nurse.id, NOTE)
    assert (row.user_id, row.tenant_id) == (alice.id, alice.tenant_id)
    page = text_of(console, f"{QUEUE}{alert.pk}/change/")
    assert NOTE in page
    assert nurse.email in page
    assert "Nobody yet" not in page
    assert nurse.email in text_of(console, QUEUE)
    entry = LogEntry.objects.get()
    assert NOTE not in entry.change_message + entry.object_repr


@pytest.mark.parametrize("note", ["", "   ", "x" * 2001])
def test_asks_for_a_note(note, nurse, alice):
    alert = alert_of(alice)

    refused = acknowledge(console_of(nurse), alert, note)

    assert refused.status_code == 200
    assert "errorlist" in refused.content.decode()
    assert not InsightAcknowledgement.objects.exists()


def test_keeps_the_word_of_whoever_was_first(nurse, superuser, alice):
    alert = alert_of(alice)
    acknowledge(console_of(nurse), alert)

    again = acknowledge(console_of(superuser), alert, "Me, too.")

    assert again.status_code == 302
    assert InsightAcknowledgement.objects.get().note == NOTE
    assert again["Location"] == f"{QUEUE}{alert.pk}/change/"


def test_is_acknowledged_once_by_two_at_once(committed_db):
    user = make_user()
    alert = alert_of(user)

    def press() -> str:
        try:
            services.acknowledge(alert=alert, by=user.id, note=NOTE, now=timezone.now())
        except services.AlreadyAcknowledged as error:
            return error.code
        return "done"

    assert sorted(at_once(press, press, press)) == ["already-acknowledged"] * 2 + ["done"]


@pytest.mark.parametrize("how", ["expired", "retracted"])
def test_keeps_an_alert_that_has_ended(how, nurse, alice):
    alert, console = alert_of(alice), console_of(nurse)
    if how == "expired":
        long_ago = timezone.now() - dt.timedelta(days=20)
        Insight.objects.filter(id=alert.pk).update(
            created_at=long_ago, expires_at=long_ago + dt.timedelta(days=14)
        )
    else:
        event = f"/api/v2/health/events/{alert.evidence[0]['id']}"
        client_of(alice).call("POST", f"{event}/retractions", {"reason": "a slip"})
        client_of(alice).call("POST", "/api/v2/insights/generate", {})

    page = text_of(console, QUEUE, state="open")

    assert alice.email in page
    said = "was shown for two weeks" if how == "expired" else "the answer was taken back"
    assert said in page
    assert acknowledge(console, alert)["Location"] == QUEUE


def test_names_colleagues_of_other_clinics_to_nobody(nurse, superuser, alice, charlie):
    elsewhere = make_user(
        tenant=charlie.tenant, email="far@example.com", is_superuser=True, is_staff=True
    )
    alert = alert_of(alice)
    acknowledge(console_of(elsewhere), alert)

    page = text_of(console_of(nurse), f"{QUEUE}{alert.pk}/change/")

    assert elsewhere.email not in page
    assert "somebody outside of this clinic" in page
    assert elsewhere.email in text_of(console_of(superuser), f"{QUEUE}{alert.pk}/change/")


def test_shows_nothing_that_the_person_wrote(nurse, alice):
    event = {
        "event_type": "assessment",
        "event_subtype": "phq9",
        "event_data": {"self_harm_thoughts": 3, "note": "words of her own", "q9": 2},
    }
    client_of(alice).call("POST", "/api/v2/health/events", event)
    alert = alert_of(alice)
    console = console_of(nurse)

    for address in (QUEUE, f"{QUEUE}{alert.pk}/change/", f"{QUEUE}{alert.pk}/acknowledge/"):
        assert "words of her own" not in text_of(console, address)


def test_links_to_the_person_and_to_what_it_rests_on(nurse, alice):
    alert = alert_of(alice)

    page = text_of(console_of(nurse), f"{QUEUE}{alert.pk}/change/")

    assert f"/admin/accounts/user/{alice.pk}/change/" in page
    assert f"/admin/health/healthevent/{alert.evidence[0]['id']}/change/" in page


def test_costs_the_same_for_a_long_queue(nurse, alice, bob):
    console = console_of(nurse)
    alert_of(alice)
    with CaptureQueriesContext(connection) as short:
        text_of(console, QUEUE)
    for _ in range(5):
        acknowledge(console, alert_of(bob))

    with CaptureQueriesContext(connection) as long:
        text_of(console, QUEUE)

    assert len(long) == len(short)


def test_goes_with_its_person(superuser, nurse, alice):
    acknowledge(console_of(nurse), alert_of(alice))

    accounts.erase_person(user_id=alice.id, requested_by="test", reason="asked for it")

    assert not InsightAcknowledgement.objects.exists()
    assert not SafetyAlert.objects.filter(user_id=alice.id).exists()


def test_stands_first_on_the_home_page(nurse):
    page = text_of(console_of(nurse), "/admin/")

    assert page.index("Safety alerts") < page.index("People")
