"""The console's page of a clinic's own questionnaires: made, seen, chosen, and never changed."""

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from assessments.admin import EXAMPLE
from assessments.models import AssessmentDefinition
from tests.assessments.answers import SLEEP, complete, make_definition
from tests.conftest import client_of
from tests.factories import make_user

LIST = "/admin/assessments/assessmentdefinition/"
ADD = f"{LIST}add/"
FORM = {"name": "sleep_quality", "title": "How did you sleep?", "content": EXAMPLE}


@pytest.fixture
def nurse(alice: User) -> User:
    return make_user(tenant=alice.tenant, email="nurse@example.com", is_staff=True)


@pytest.fixture
def console(nurse: User) -> Client:
    return console_of(nurse)


def console_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_makes_a_questionnaire_that_people_are_asked(console, alice):
    done = console.post(ADD, FORM | {"is_active": "on", "_save": "Save"})

    row = AssessmentDefinition.objects.get()
    assert done["Location"] == LIST
    assert (row.tenant_id, row.version, row.is_active) == (alice.tenant_id, 1, True)
    assert row.content == json.loads(EXAMPLE)
    assert complete(client_of(alice), "sleep-quality", {"felt_unsafe": 1}).status_code == 201


def test_makes_the_next_version_of_a_name(console, alice):
    first = make_definition(alice.tenant)
    page = text_of(console.get(ADD, {"from": str(first.pk)}))

    console.post(ADD, FORM | {"is_active": "on", "_save": "Save"})

    assert "hard_to_fall_asleep" in page
    rows = AssessmentDefinition.objects.order_by("version")
    assert [(row.version, row.is_active) for row in rows] == [(1, False), (2, True)]
    assert rows[0].content == SLEEP


def test_shows_a_preview_and_saves_nothing(console):
    page = text_of(console.post(ADD, FORM | {"_preview": "Preview"}))

    assert "nothing is saved yet" in page
    assert "1. I found it hard to fall asleep" in page
    assert "Raises a safety alert" in page
    assert "Please correct" not in page
    assert not AssessmentDefinition.objects.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"content": "{"}, "not well-formed JSON: line 1, column 2"),
        ({"content": '{"a": NaN}'}, "not well-formed JSON"),
        ({"content": "[]"}, "content: must be an object, not a list."),
        ({"content": '{"questions": [], "intro": "\\u0000"}'}, "NUL"),
        ({"content": EXAMPLE.replace('"high": 6', '"high": 7')}, "bands[1].high: must be 6"),
        ({"content": EXAMPLE.replace('"value": 2', '"value": "2"')}, "options[2].value: must be a"),
        ({"content": ""}, "This field is required."),
        ({"name": "phq9"}, "name: phq9 is a name of the house."),
        ({"name": "Sleep quality"}, "name: must be 2 to 40 small letters"),
        ({"title": ""}, "This field is required."),
    ],
)
@pytest.mark.parametrize("button", ["_save", "_preview"])
def test_names_what_is_wrong(change, said, button, console):
    page = text_of(console.post(ADD, FORM | change | {button: "on"}))

    assert said in page.replace("&#x27;", "'")
    assert "nothing is saved yet" not in page
    assert not AssessmentDefinition.objects.exists()


def test_shows_a_version_as_people_see_it(console, alice):
    row = make_definition(alice.tenant)

    page = text_of(console.get(f"{LIST}{row.pk}/change/"))

    assert "I woke up too early" in page
    assert "Worth a talk" in page
    assert "Do not ask it any more" in page
    assert 'name="_save"' not in page


def test_chooses_which_version_is_asked(console, alice):
    first, second = make_definition(alice.tenant), make_definition(alice.tenant)

    console.post(f"{LIST}{first.pk}/choose/", {"use": "on"})
    chosen = AssessmentDefinition.objects.get(is_active=True)
    console.post(f"{LIST}{first.pk}/choose/", {"stop": "on"})

    assert chosen == first
    assert not AssessmentDefinition.objects.filter(is_active=True).exists()
    for action, active in (("use", second), ("stop", None)):
        console.post(LIST, {"action": action, "_selected_action": [first.pk, second.pk]})
        assert AssessmentDefinition.objects.filter(is_active=True).first() == active


def test_is_not_changed_or_deleted_by_hand(console, alice):
    row = make_definition(alice.tenant)

    changed = console.post(f"{LIST}{row.pk}/change/", FORM | {"title": "Other"})
    deleted = console.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})

    assert (changed.status_code, deleted.status_code) == (403, 403)
    row.refresh_from_db()
    assert row.title == "Sleep"


def test_is_of_its_own_clinic_alone(console, alice, charlie):
    theirs = make_definition(charlie.tenant, title="Their own")
    make_definition(alice.tenant)

    page = text_of(console.get(LIST))

    assert "Their own" not in page
    assert "1 questionnaire" in page
    assert console.get(f"{LIST}{theirs.pk}/change/").status_code == 302
    console.post(f"{LIST}{theirs.pk}/choose/", {"stop": "on"})
    assert "hard_to_fall_asleep" in text_of(console.get(ADD, {"from": str(theirs.pk)}))  # Its own.
    theirs.refresh_from_db()
    assert theirs.is_active
    console.post(ADD, FORM | {"tenant": str(charlie.tenant_id), "is_active": "on"})
    assert AssessmentDefinition.objects.filter(tenant=charlie.tenant).count() == 1


def test_lets_a_superuser_choose_the_clinic(alice, charlie):
    superuser = make_user(email="super@example.com", is_staff=True, is_superuser=True)
    console = console_of(superuser)

    console.post(ADD, FORM | {"tenant": str(charlie.tenant_id), "is_active": "on"})

    assert AssessmentDefinition.objects.get().tenant_id == charlie.tenant_id
    assert charlie.tenant.name in text_of(console.get(LIST))


@pytest.mark.parametrize("content", ["[" * 100_000, "9" * 100_000], ids=["deep", "long"])
def test_refuses_what_no_reader_of_json_can_read(content, console):
    answer = console.post(ADD, FORM | {"content": content, "_save": "Save"})

    assert answer.status_code == 200
    assert "nested too deeply" in text_of(answer)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (EXAMPLE.replace('"Never"}', '"Never"'), "or a closing bracket is missing"),
        (EXAMPLE.replace('"Never"},', '"Never"}'), "a comma or a closing bracket is missing"),
        (EXAMPLE.replace('"Every day"}', '"Every day"},'), "No comma stands before a closing"),
        (EXAMPLE.replace('"text": "Never"', '"text": "Never",'), "No comma stands before a"),
        (EXAMPLE.replace('"options":', "“options”:"), "in straight quotes"),
        (EXAMPLE.replace('"options":', "'options':"), "in straight quotes"),
        (EXAMPLE.replace('"options":', '"options"'), "a colon is missing"),
        (EXAMPLE.replace("how often", "how\noften"), "does not go on in the next line"),
        (EXAMPLE.replace("how often", "how \\often"), "A backslash"),
        (EXAMPLE + "}", "has ended before this"),
        (EXAMPLE + '"', "has ended before this"),
        ('{"intro": "', "has no closing quote"),
    ],
)
def test_says_in_words_what_is_not_well_formed(content, hint, console):
    page = text_of(console.post(ADD, FORM | {"content": content, "_save": "Save"}))

    assert "This is not well-formed JSON: line " in page
    assert hint in page.replace("&#x27;", "'").replace("&quot;", '"')
    assert not AssessmentDefinition.objects.exists()


@pytest.mark.parametrize("button", ["_save", "_preview"])
def test_does_not_take_a_name_that_is_nearly_one_of_the_clinics(button, console, alice, charlie):
    make_definition(alice.tenant, name="sleepquality")

    page = text_of(console.post(ADD, FORM | {button: "on"}))

    assert "name: differs from sleepquality in underscores alone." in page
    assert AssessmentDefinition.objects.count() == 1
    superuser = make_user(email="super@example.com", is_staff=True, is_superuser=True)
    elsewhere = FORM | {"tenant": str(charlie.tenant_id), "_save": "Save"}
    assert console_of(superuser).post(ADD, elsewhere)["Location"] == LIST
