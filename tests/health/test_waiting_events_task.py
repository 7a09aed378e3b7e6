"""The task that writes the events of check-ins stored in V1 mode."""

from health.models import DailyCheckin, HealthEvent
from health.tasks import write_waiting_events
from tests.conftest import client_of
from tests.factories import make_tenant, make_user

FORM = {"mood_today": "hopeful", "confidence_today": 5, "side_effects": ["Headache"]}


def test_writes_them_once_for_everybody(db, settings):
    people = [make_user(), make_user(tenant=make_tenant())]
    settings.USE_SCHEMA_V2 = False
    for person in people:
        client_of(person).call("POST", "/api/checkins", FORM)
    settings.USE_SCHEMA_V2 = True
    assert not HealthEvent.objects.filter(user__in=people).exists()

    first, second = write_waiting_events(), write_waiting_events()

    assert (first, second) == (2, 0)
    for person in people:
        row = DailyCheckin.objects.get(user=person)
        events = HealthEvent.objects.filter(user=person, correlation_id=row.id)
        assert {event.event_type for event in events} == {"mood", "symptom"}
        assert row.revision == row.events_revision


def test_leaves_them_alone_while_events_are_off(db, settings):
    person = make_user()
    settings.USE_SCHEMA_V2 = False
    client_of(person).call("POST", "/api/checkins", FORM)

    assert write_waiting_events() == 0

    assert not HealthEvent.objects.filter(user=person).exists()
