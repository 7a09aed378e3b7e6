"""A clinic's own questionnaire is read from JSON, and what is wrong in it is named by its path."""

import copy
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from assessments import definitions, queries, services
from assessments.models import AssessmentDefinition
from assessments.scoring import score
from core import gate
from core.errors import InvalidInput
from tests.assessments.answers import SLEEP, make_definition
from tests.factories import make_tenant


def read(content: Any) -> Any:
    return definitions.read(name="sleep_quality", version=1, title="Sleep", content=content)


def changed(path: str, value: Any) -> Any:
    """SLEEP with another value at a path such as questions.0.id."""
    content = copy.deepcopy(SLEEP)
    place: Any = content
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in steps:
        place = place[step]
    place[last] = value
    return content


def test_is_a_questionnaire():
    instrument = read(SLEEP)

    assert (instrument.highest, len(instrument.items), len(instrument.scored)) == (15, 4, 3)
    assert instrument.safety_items == {"felt_unsafe"}
    found = score(instrument, {"q1": 5, "q2": 5, "q3": 5})
    assert (found.total, found.severity) == (15, "severe")
    assert found.flagged == ("felt_unsafe",)


def test_needs_no_more_than_questions_and_options():
    content = {
        "questions": [{"id": "pain", "text": "Pain?", "options": SLEEP["options"]}],
    }

    found = score(read(content), {"pain": 5})

    assert (found.total, found.band) == (5, None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "content: must be an object, not a list."),
        ({}, "questions: Is required."),
        ({"questions": []}, "questions: "),
        (changed("extra", 1), "extra: Unknown field."),
        (changed("questions.1.text", 5), "questions[1].text: must be a text, not a whole number."),
        (changed("questions.1.id", "Woke Up"), "questions[1].id: "),
        (changed("questions.1.id", "hard_to_fall_asleep"), "questions[1].id: another question"),
        (changed("questions.1.id", "feeling_down"), "questions[1].id: feeling_down is kept"),
        (changed("questions.1.id", "total_score"), "questions[1].id: total_score is kept"),
        (changed("options.1.value", "2"), "options[1].value: must be a whole number, not a text."),
        (changed("options.1.value", 2.5), "options[1].value: must be a whole number"),
        (changed("options.1.value", True), "options[1].value: must be a whole number"),
        (changed("options.1.value", -1), "options[1].value: "),
        (changed("options.1.value", 0), "options[1].value: another option has this value."),
        (changed("options", []), "options: a question needs at least two options"),
        (changed("questions.3.options", [{"value": 0, "text": "Few"}]), "questions[3].options: a"),
        (changed("sub_scores.0.questions.1", "hours"), "sub_scores[0].questions[1]: hours is no"),
        (changed("sub_scores.0.questions.1", "nope"), "sub_scores[0].questions[1]: nope is no"),
        (changed("safety.0", "nope"), "safety[0]: nope is no question"),
        (changed("bands.0.low", 1), "bands[0].low: the first band must begin with 0."),
        (changed("bands.1.low", 7), "bands[1].low: must be 6"),
        (changed("bands.1.low", 5), "bands[1].low: must be 6"),
        (changed("bands.1.high", 14), "bands[1].high: must be 15, the highest total"),
        (changed("bands.1.severity", "awful"), "bands[1].severity: "),
    ],
)  # fmt: skip
def test_names_the_path_of_what_is_wrong(content, said):
    with pytest.raises(InvalidInput) as refused:
        read(content)

    assert said in refused.value.detail
    assert refused.value.detail == refused.value.errors[0].detail


def test_names_several_faults_at_once():
    content = changed("questions.1.id", "feeling_down")
    content["safety"] = ["nope"]

    with pytest.raises(InvalidInput) as refused:
        read(content)

    pointers = [fault.pointer for fault in refused.value.errors]
    assert {"/questions/1/id", "/safety/0"} <= set(pointers)


@pytest.mark.parametrize(
    "name", ["phq4", "phq_9", "gad7", "due", "Sleep", "1st", "a", "a-b", "ä" * 3]
)
def test_does_not_take_a_name_of_the_house(name, alice):
    with pytest.raises(InvalidInput) as refused:
        make_definition(alice.tenant, name=name)

    assert refused.value.errors[0].pointer == "/name"


def test_counts_the_versions_of_a_name(alice):
    other = make_tenant()

    rows = [make_definition(alice.tenant), make_definition(other), make_definition(alice.tenant)]

    assert [row.version for row in rows] == [1, 1, 2]
    active = AssessmentDefinition.objects.filter(tenant=alice.tenant, is_active=True)
    assert [row.version for row in active] == [2]


def test_can_go_back_to_a_version(alice):
    first, second = make_definition(alice.tenant), make_definition(alice.tenant)

    services.activate(definition=first)

    rows = AssessmentDefinition.objects.filter(tenant=alice.tenant).order_by("version")
    assert [row.is_active for row in rows] == [True, False]
    services.deactivate(definition=first)
    assert not rows.filter(is_active=True).exists()
    assert second.version == 2


@pytest.mark.parametrize(
    "change", ["content = '{}'", "title = 'x'", "name = 'x'", "version = 9", "created_at = now()"]
)
def test_is_never_changed_by_anybody(change, alice):
    row = make_definition(alice.tenant)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE assessment_definitions SET {change} WHERE id = %s", [row.id])
    with pytest.raises(DatabaseError), transaction.atomic():
        AssessmentDefinition.objects.filter(id=row.id).delete()

    assert AssessmentDefinition.objects.get(id=row.id).content == SLEEP


def test_is_seen_by_a_clinics_own_people_and_asked_while_it_is_active(alice, bob, charlie):
    make_definition(alice.tenant)
    make_definition(alice.tenant, name="not_now", is_active=False)

    seen, asked = {}, {}
    for user in (alice, bob, charlie):
        with gate.as_person(user.id) as person:
            seen[user.email] = [row.name for row in AssessmentDefinition.objects.all()]
            asked[user.email] = [each.name for each in queries.instruments(person)][3:]

    every, active = ["not_now", "sleep_quality"], ["sleep_quality"]
    assert seen == {alice.email: every, bob.email: every, charlie.email: []}
    assert asked == {alice.email: active, bob.email: active, charlie.email: []}


def test_is_not_for_people_to_write(alice):
    row = make_definition(alice.tenant)

    with gate.as_person(alice.id), pytest.raises(DatabaseError), transaction.atomic():
        AssessmentDefinition.objects.filter(id=row.id).update(is_active=False)
