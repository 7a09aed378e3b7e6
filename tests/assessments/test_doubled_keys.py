"""A key that stands twice in one object: a reader of JSON would keep the last one alone."""

import pytest
from django.test import Client

from assessments.admin import EXAMPLE
from assessments.definitions import doubled
from assessments.models import AssessmentDefinition
from health.models import HealthEvent
from tests.factories import make_user


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"answers": {"q9": 3, "q9": 0}}', "/answers/q9"),
        ('{"answers": {"q9": 0, "q1": 1, "q9": 0}}', "/answers/q9"),
        ('{"answers": {"a/b": 0, "a/b": 0}}', "/answers/a~1b"),
        ('{"answers": {"q9": 3}, "answers": {"q9": 0}}', "/answers"),
        ('{"version": "1", "answers": {"q9": 3}, "version": "1"}', "/version"),
    ],
)
@pytest.mark.parametrize("root", ["/api/v2/assessments", "/api/assessments"])
def test_is_refused_among_answers(root, body, pointer, alice, as_alice):
    refused = as_alice.call("POST", f"{root}/phq9/complete", body)

    assert refused.status_code == 400
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]
    assert "stands there twice" in refused.json()["detail"]
    assert not HealthEvent.objects.filter(user_id=alice.id).exists()


def test_is_no_key_of_another_object(as_alice):
    body = '{"answers": {"q9": 1}, "client_event_id": "q9"}'

    assert as_alice.call("POST", "/api/v2/assessments/phq9/complete", body).status_code == 201


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 2}]}', None),
        ('{"a": 1, "b": [{"c": 1, "c": 1}]}', "c"),
        ('{"\\u0061": 1, "a": 1}', "a"),
        ("[" * 100_000, None),
        (f'{{"a": {"9" * 10_000}}}', None),
        ("nonsense", None),
    ],
)
def test_is_found_wherever_it_stands(text, name):
    assert doubled(text) == name
    assert doubled(text.encode()) == name


def test_is_refused_in_a_questionnaire(alice):
    nurse = make_user(tenant=alice.tenant, email="nurse@example.com", is_staff=True)
    console = Client()
    console.force_login(nurse)
    content = EXAMPLE.replace('"safety"', '"intro": "Another one",\n  "safety"')

    answer = console.post(
        "/admin/assessments/assessmentdefinition/add/",
        {"name": "sleep_quality", "title": "Sleep", "content": content, "_save": "Save"},
    )

    assert "“intro” stands twice" in answer.content.decode()
    assert not AssessmentDefinition.objects.exists()
