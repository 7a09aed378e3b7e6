"""The console's pages of flags: who sees them, what they say, and what they change."""

import datetime as dt
import json
import logging
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from flags.admin import words
from flags.allocation import resize, resize_all
from flags.models import (
    FeatureFlag,
    FeatureFlagChangeRequest,
    FeatureFlagCount,
    FeatureFlagExposure,
    FeatureFlagVersion,
)
from flags.targeting import email_hash
from flags.types import Condition, Context, Operator, Prerequisite, ValueType, Variant
from tests.factories import make_tenant, make_user

LIST = "/admin/flags/featureflag/"
ON = [Variant("on", value=True), Variant("off", value=False)]
WORDS = [Variant("usual", "How was today?"), Variant("short", "Two taps?")]
STRINGS = {"value_type": ValueType.STRING, "default_variant": "usual", "allowed_variant": "short"}
HOUR = dt.timedelta(hours=1)


def at(share):
    return resize(ON, "on", share)


def logged_in(**rights):
    client = Client()
    client.force_login(make_user(**rights))
    return client


@pytest.fixture
def console(db):
    return logged_in(email="root@example.com", is_staff=True, is_superuser=True)


def page_of(flag, name="change", *args):
    return reverse(f"admin:flags_featureflag_{name}", args=[flag.pk, *args])


def form_of(flag, **changes):
    """What a browser would send that changed nothing but this; None takes a field out."""
    told = {
        "base_version": flag.version,
        "is_enabled": "on",
        "percentage": f"{flag.rollout_percentage:.3f}",
        "purpose": flag.purpose,
        "condition-0-attribute": "",
        "condition-0-operator": "one_of",
        "condition-0-values": "",
        "prerequisite-0-gate": "",
    } | {name.replace("__", "-"): value for name, value in changes.items()}
    return {name: value for name, value in told.items() if value is not None}


def text_of(answer):
    """What the page says, without its marks."""
    assert answer.status_code == 200
    found = re.sub(
        r"<(script|style).*?</\1>|<[^>]*>", " ", answer.content.decode(), flags=re.DOTALL
    )
    return " ".join(found.replace("&#x27;", "'").replace("&quot;", '"').split())


def said_by(answer):
    return [str(one) for one in get_messages(answer.wsgi_request)]


def newest_of(key):
    return FeatureFlagVersion.objects.filter(flag_name=key).order_by("-version")[0]


def now_of(flag):
    return FeatureFlag.objects.get(pk=flag.pk)


# Who may


def test_is_for_superusers_alone(flags):
    flag = flags.make("calm_timeline")
    pages = [
        *(LIST, f"{LIST}add/", f"{LIST}preview/"),
        *(
            page_of(flag, name)
            for name in ("change", "history", "delete", "switch", "explain", "preview")
        ),
        page_of(flag, "revert", 1),
    ]

    staff = logged_in(is_staff=True)
    person = logged_in()

    for page in pages:
        for method in ("get", "post"):
            assert getattr(staff, method)(page).status_code in {403, 404}, page
            assert getattr(person, method)(page).headers["location"].startswith("/admin/login/")
    assert "Feature flags" not in staff.get("/admin/").content.decode()


def test_changes_nothing_without_the_token_of_its_forms(flags):
    flag = flags.make("calm_timeline")
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(is_staff=True, is_superuser=True))

    answers = [
        client.post(page_of(flag), form_of(flag, percentage="5")),
        client.post(page_of(flag, "switch"), {"base_version": 1, "off": "1"}),
        client.post(page_of(flag, "delete"), {"base_version": 1, "reason": "No."}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert now_of(flag).version == flag.version


@pytest.mark.parametrize("name", ["switch", "delete", "history", "explain"])
def test_changes_nothing_by_looking(console, flags, name):
    flag = flags.make("calm_timeline")

    assert console.get(page_of(flag, name)).status_code == 200

    assert now_of(flag).version == flag.version


def test_has_no_page_for_what_is_not_there(console, flags):
    flag = flags.make("calm_timeline")
    gone = FeatureFlag(flag_name="gone")

    assert console.get(page_of(gone)).status_code == 404
    assert console.get(page_of(flag, "revert", 99)).status_code == 404
    assert console.get(page_of(flag, "preview")).status_code == 404


# The list


def test_lists_what_there_is_to_know_about_a_flag(console, flags):
    flags.make("calm_timeline", description="A calmer timeline.", owner="Dana", variants=at(25))
    now = timezone.now()
    FeatureFlagCount.objects.create(
        flag_name="calm_timeline", variant="on", reason="percentage_in", hour=now - HOUR,
        evaluations=1, last_evaluated_at=now - 5 * HOUR,
    )  # fmt: skip

    said = text_of(console.get(LIST))

    for part in (
        "calm_ timeline",
        "A calmer timeline.",
        "Dana",
        "25 %",
        "Partly",
        "tester@example.com",
    ):
        assert part in said
    assert "5 hours ago" in said


@pytest.mark.parametrize(
    ("state", "fields"),
    [
        ("on", {"variants": at(100)}),
        ("partly", {"variants": at(3)}),
        ("partly", {"variants": at(100), "disabled_user_emails": ["0" * 64]}),
        ("partly", {"enabled_user_emails": ["0" * 64]}),
        ("nobody", {}),
        ("off", {"variants": at(100), "is_enabled": False}),
    ],
)
def test_filters_by_the_state_that_it_shows(console, flags, state, fields):
    flag = flags.make("calm_timeline", **fields)

    named = {
        key: "calm_ timeline" in text_of(console.get(f"{LIST}?state={key}"))
        for key in ("on", "partly", "nobody", "off")
    }

    assert [key for key, is_there in named.items() if is_there] == [state]
    words_of_state = {"on": "On", "partly": "Partly", "nobody": "On for nobody", "off": "Off"}
    assert words.state_of(flag.definition)[1] == words_of_state[state]


def test_finds_by_name_description_and_owner(console, flags):
    flags.make("calm_timeline", description="Fewer numbers.", owner="Dana")
    flags.make("warm_reminder")

    assert "There is no such flag. Show all of them" in text_of(console.get(f"{LIST}?q=zzz"))
    for query in ("calm", "fewer", "dana"):
        said = text_of(console.get(f"{LIST}?q={query}"))

        assert "calm_ timeline" in said
        assert "warm_ reminder" not in said


def test_marks_flags_that_have_served_their_purpose(console, flags):
    flag = flags.make("calm_timeline", variants=at(100))
    FeatureFlag.objects.filter(pk=flag.pk).update(updated_at=timezone.now() - dt.timedelta(days=90))

    said = text_of(console.get(f"{LIST}?q=calm"))

    assert "Stale Nobody has asked for it for 90 days" in said


def test_finds_stale_flags_and_says_why_on_their_pages(console, flags):
    flag, _ = flags.make("calm_timeline", variants=at(100)), flags.make("warm_reminder")
    FeatureFlag.objects.filter(pk=flag.pk).update(updated_at=timezone.now() - dt.timedelta(days=90))

    listed = text_of(console.get(f"{LIST}?state=stale"))
    said = text_of(console.get(page_of(flag)))

    assert "calm_ timeline" in listed
    assert "warm_ reminder" not in listed
    assert "Stale Nobody has asked for it for 90 days" in said


def test_says_so_when_there_is_no_flag(console, flags):
    FeatureFlag.objects.all().delete()

    page = console.get(LIST)

    assert "There is no flag yet" in text_of(page)
    assert "changelist-filter" not in page.content.decode()


# The page of a flag


def test_sums_up_in_words(flags):
    clinic, other = make_tenant(name="North"), make_tenant(name="Harbor")
    flags.make("groundwork")
    flag = flags.make(
        "calm_timeline",
        variants=at(25),
        conditions=[Condition("app_version", Operator.VERSION_AT_LEAST, ["2.10"])],
        prerequisites=[Prerequisite("groundwork", ["on"])],
        enabled_user_emails=[
            email_hash("calm_timeline", one) for one in ("a@example.com", "b@example.com")
        ],
        disabled_tenant_ids=[clinic.pk],
    )
    names = {str(clinic.pk): "North", str(other.pk): "Harbor"}

    said = words.summary(flag.definition, names)

    assert said == [
        "25 % of the people of all clinics whose app_version is at least 2.10 get it.",
        "Only where groundwork gives “on”.",
        "Always: 2 people.",
        "Never: clinic North.",
    ]
    only = [Condition("tenant", Operator.ONE_OF, [str(clinic.pk), str(other.pk)])]
    limited = flags.change("calm_timeline", conditions=only, variants=at(100), prerequisites=[])
    assert words.summary(limited.definition, names)[0] == "Everybody of North and Harbor gets it."


def test_saves_and_says_what_it_did(console, flags):
    people = [make_user() for _ in range(6)]
    flag = flags.make("calm_timeline")

    answer = console.post(page_of(flag), form_of(flag, percentage="100", reason="Ready."))

    # The superuser of this console is a person, too.
    assert said_by(answer) == [
        f"The flag calm_timeline is now 100 %; {len(people) + 1} people gained it."
    ]
    assert answer.headers["location"] == page_of(flag)
    version = newest_of("calm_timeline")
    assert (version.kind, version.reason, version.changed_by) == (
        "edit",
        "Ready.",
        "root@example.com",
    )
    assert now_of(flag).rollout_percentage == 100


def test_takes_steps_of_a_thousandth_of_a_percent(console, flags):
    flag = flags.make("calm_timeline")

    console.post(page_of(flag), form_of(flag, percentage="0.001"))
    refused = text_of(console.post(page_of(flag), form_of(now_of(flag), percentage="0.0001")))

    assert now_of(flag).definition.variant("on").ranges == [(0, 1)]
    assert "the smallest step is 0.001 %" in refused


def test_changes_nothing_when_nothing_is_different(console, flags):
    clinic = make_tenant()
    flags.make("groundwork")
    flag = flags.make(
        "calm_timeline",
        description="A calmer timeline.",
        variants=at(33.333),
        enabled_user_ids=[make_user().pk],
        enabled_user_emails=["0" * 64],
        conditions=[
            Condition("tenant", Operator.ONE_OF, [str(clinic.pk)]),
            Condition("plan", Operator.ONE_OF, ["a, b", "10", 10, 1.5, True, "true", 'say "hi"']),
            Condition("app_version", Operator.VERSION_LESS_THAN, ["3"]),
        ],
        prerequisites=[Prerequisite("groundwork", ["on", "off"])],
        environment_restrictions=["production", "staging"],
        approval_above=12.5,
    )
    form = console.get(page_of(flag)).context["form"]
    sent = {
        name: form[name].value() for name in form.fields if form[name].value() not in (None, False)
    }
    for number, row in enumerate(form.condition_rows):
        for part in ("attribute", "operator", "values"):
            sent[f"condition-{number}-{part}"] = getattr(row, part)
    sent |= {f"prerequisite-{number}-gate": gate for number, gate in enumerate(form.gate_rows)}

    answer = console.post(page_of(flag), sent)

    assert said_by(answer) == ["Nothing was different, so nothing was changed."]
    assert now_of(flag).definition == flag.definition


def test_asks_for_a_reason_above_a_step(console, flags):
    flag = flags.make("calm_timeline")

    answer = console.post(page_of(flag), form_of(flag, percentage="10.001"))

    assert "Say why." in str(answer.context["form"].errors["reason"])
    assert now_of(flag).version == flag.version
    console.post(page_of(flag), form_of(flag, percentage="10"))
    assert now_of(flag).rollout_percentage == 10


def test_keeps_what_was_typed_when_somebody_else_was_faster(console, flags):
    flag = flags.make("calm_timeline")
    flags.change("calm_timeline", description="Theirs.")

    answer = console.post(page_of(flag), form_of(flag, percentage="7", description="Mine."))

    said = text_of(answer)
    assert "tester@example.com changed this flag meanwhile" in said
    assert "Description none Theirs." in said
    form = answer.context["form"]
    assert (form["description"].value(), form["percentage"].value()) == ("Mine.", "7")
    assert now_of(flag).description == "Theirs."
    again = form_of(
        flag, percentage="7", description="Mine.", base_version=form["base_version"].value()
    )
    console.post(page_of(flag), again)
    assert (now_of(flag).description, now_of(flag).rollout_percentage) == ("Mine.", 7)


def test_makes_a_request_where_a_second_person_is_needed(console, flags):
    flag = flags.make("calm_timeline", approval_above=20)

    answer = console.post(
        page_of(flag), form_of(flag, percentage="60", approval_above="20", reason="Ready.")
    )

    assert "needs a second person" in said_by(answer)[0]
    assert now_of(flag).rollout_percentage == 0
    request = FeatureFlagChangeRequest.objects.get(flag_name="calm_timeline")
    assert (request.requested_by, request.definition.percentage) == ("root@example.com", 60)


def test_keeps_addresses_as_hashes_and_never_shows_them(console, flags, caplog):
    flag = flags.make("calm_timeline")
    person = make_user(email="maya@example.com")
    caplog.set_level(logging.DEBUG)

    console.post(
        page_of(flag),
        form_of(flag, always=f"Maya@Example.com\n{person.pk}", never="kim@example.com"),
    )

    kept = now_of(flag).definition
    hashed = email_hash("calm_timeline", "maya@example.com")
    assert kept.enabled_user_emails == [hashed]
    assert kept.enabled_user_ids == [person.pk]
    assert kept.disabled_user_emails == [email_hash("calm_timeline", "kim@example.com")]
    page = console.get(page_of(flag)).content.decode()
    assert "1 address (kept as hashes)" in page
    history = console.get(page_of(flag, "history")).content.decode()
    assert "2 people (2 added)" in history
    assert hashed not in page + history
    assert "kim@example.com" not in page + history + caplog.text


def test_takes_addresses_off_again(console, flags):
    hashes = [email_hash("calm_timeline", f"{name}@example.com") for name in ("a", "b", "c")]
    flag = flags.make("calm_timeline", enabled_user_emails=hashes, disabled_user_emails=hashes[:2])

    console.post(page_of(flag), form_of(flag, always_drop="B@example.com", never_clear="on"))
    refused = console.post(page_of(flag), form_of(now_of(flag), always_drop="x@example.com"))

    assert now_of(flag).enabled_user_emails == [hashes[0], hashes[2]]
    assert now_of(flag).disabled_user_emails == []
    assert "is not on the list" in str(refused.context["form"].errors["always"])


@pytest.mark.parametrize(
    ("changes", "place", "words_"),
    [
        ({"percentage": "101"}, "percentage", "less than or equal to 100"),
        ({"percentage": ""}, "percentage", "required"),
        ({"always": "maya"}, "always", "Line 1 is not"),
        ({"condition__0__attribute": "age", "condition__0__operator": "at_least", "condition__0__values": "many"}, "conditions", "Row 1: must be a number."),
        ({"condition__0__attribute": "age"}, "conditions", "Row 1: name what"),
        ({"condition__0__attribute": "age", "condition__0__operator": "like", "condition__0__values": "1"}, "conditions", "choose how"),
        ({"condition__0__attribute": "age", "condition__0__values": '"1'}, "conditions", "in quotes"),
        ({"prerequisite__0__gate": "calm_timeline=on"}, "prerequisites", "wait for each other"),
        ({"prerequisite__0__gate": "gone=on"}, "prerequisites", "there is no flag gone"),
        ({"base_version": ""}, "base_version", "required"),
        ({"purpose": "fun"}, "purpose", "valid choice"),
        ({"only_clinics": "x"}, "only_clinics", "valid choice"),
    ],
)  # fmt: skip
def test_shows_faults_at_their_fields(console, flags, changes, place, words_):
    flag = flags.make("calm_timeline")

    answer = console.post(page_of(flag), form_of(flag, **changes))

    assert words_ in str(answer.context["form"].errors[place].as_text())
    assert now_of(flag).version == flag.version


def test_counts_rows_as_the_page_does_when_clinics_are_chosen(console, flags):
    clinic = make_tenant()
    flag = flags.make("calm_timeline")
    row = {
        "condition__0__attribute": "age",
        "condition__0__operator": "at_least",
        "condition__0__values": "many",
    }

    answer = console.post(page_of(flag), form_of(flag, only_clinics=str(clinic.pk), **row))

    assert "Row 1: must be a number." in str(answer.context["form"].errors["conditions"])


def test_saves_clinics_conditions_and_needs(console, flags):
    clinic = make_tenant()
    flags.make("groundwork")
    flag = flags.make("calm_timeline")

    console.post(
        page_of(flag),
        form_of(
            flag,
            only_clinics=str(clinic.pk),
            always_clinics=str(clinic.pk),
            condition__0__attribute="plan",
            condition__0__values='free, "10", 10, true',
            condition__1__attribute="app_version",
            condition__1__operator="version_at_least",
            condition__1__values="2.10",
            prerequisite__0__gate="groundwork=on",
            environments="production, staging",
            reason="They asked.",
        ),
    )

    kept = now_of(flag).definition
    assert kept.conditions == [
        Condition("tenant", Operator.ONE_OF, [str(clinic.pk)]),
        Condition("plan", Operator.ONE_OF, ["free", "10", 10, True]),
        Condition("app_version", Operator.VERSION_AT_LEAST, ["2.10"]),
    ]
    assert kept.prerequisites == [Prerequisite("groundwork", ["on"])]
    assert kept.enabled_tenant_ids == [clinic.pk]
    assert kept.environment_restrictions == ["production", "staging"]


# The preview


def test_previews_with_and_without_the_script(console, flags):
    people = [make_user() for _ in range(3)]
    flag = flags.make("calm_timeline", variants=at(100))
    sent = form_of(flag, percentage="0")

    fragment = text_of(console.post(page_of(flag, "preview"), sent))
    whole = text_of(console.post(page_of(flag), sent | {"_preview": "1"}))

    for said in (fragment, whole):
        assert "0 people gain it" in said
        assert f"{len(people) + 1} people lose it" in said
        assert f"Computed for all {len(people) + 1} people who can log in." in said
        assert people[0].email in said
        assert "This may move 100 % of all people: give a reason below." in said
    assert "Feature flags" not in fragment
    assert now_of(flag).version == flag.version


def test_says_that_nobody_loses_it(console, flags):
    flag = flags.make("calm_timeline", variants=at(25))

    said = text_of(console.post(page_of(flag, "preview"), form_of(flag, percentage="30")))

    assert "0 people lose it" in said


def test_says_what_it_cannot_know(console, flags):
    condition = Condition("app_version", Operator.VERSION_AT_LEAST, ["2.10"])
    flag = flags.make("calm_timeline", variants=at(0), conditions=[condition])
    row = {
        "condition__0__attribute": "app_version",
        "condition__0__operator": "version_at_least",
        "condition__0__values": "2.10",
    }

    said = text_of(console.post(page_of(flag, "preview"), form_of(flag, percentage="100", **row)))

    assert "Only apps know app_version." in said
    assert "up to 1 person gains it" in said


def test_previews_a_new_flag(console, flags):
    sent = form_of(FeatureFlag(), key="brand_new", percentage="100", base_version=None)

    said = text_of(console.post(f"{LIST}preview/", sent))

    assert "1 person gains it" in said
    assert not FeatureFlag.objects.filter(flag_name="brand_new").exists()


def test_says_in_the_preview_what_is_wrong(console, flags):
    flag = flags.make("calm_timeline")

    said = text_of(console.post(page_of(flag, "preview"), form_of(flag, percentage="1000")))
    sent = form_of(FeatureFlag(), percentage="0", always="maya", base_version=None)
    fresh = text_of(console.post(f"{LIST}preview/", sent))

    assert "There is no preview yet: Share of people: Ensure this value" in said
    assert "Name: This field is required." in fresh
    assert "Always: Line 1 is not an e-mail address or a person's id." in fresh


def test_says_in_the_preview_that_somebody_else_was_faster(console, flags):
    flag = flags.make("calm_timeline", variants=at(25))
    sent = form_of(flag, percentage="30")

    before = text_of(console.post(page_of(flag, "preview"), sent))
    flags.change("calm_timeline", variants=at(100))
    after = text_of(console.post(page_of(flag, "preview"), sent))

    assert "changed this flag after you opened this page" not in before
    assert "Share of people 25 % 30 %" in before
    assert "Share of people 100 % 30 %" in after
    assert "tester@example.com changed this flag after you opened this page." in after
    assert "0 people gain it" in after


def test_previews_no_request_for_what_is_switched_off_at_once(console, flags):
    flag = flags.make("calm_timeline", variants=at(60), approval_above=20)
    sent = form_of(flag, is_enabled=None, approval_above="20", reason="Errors.")

    said = text_of(console.post(page_of(flag, "preview"), sent))
    console.post(page_of(flag), sent)

    assert "needs a second person" not in said
    assert not now_of(flag).is_enabled


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"percentage": "65.5", "approval_above": "5"}, "A change of 5.5 % needs a second person."),
        ({"approval_above": "6"}, "Asking for a second person less often needs a second person."),
    ],
)
def test_previews_what_a_second_person_must_agree_to(console, flags, changes, said):
    flag = flags.make("calm_timeline", variants=at(60), approval_above=5)
    sent = form_of(flag, **changes)

    preview = console.post(page_of(flag, "preview"), sent)
    silent = console.post(page_of(flag), sent)

    assert said in text_of(preview)
    assert 'data-needs-reason="yes"' in preview.content.decode()
    assert "the second person reads it" in str(silent.context["form"].errors["reason"])


# The switch


def test_switches_off_and_on_again(console, flags):
    flag = flags.make("calm_timeline", variants=at(40))

    off = console.post(
        page_of(flag, "switch"), {"base_version": 1, "off": "1", "reason": "Errors."}
    )
    is_off = not now_of(flag).is_enabled
    on = console.post(page_of(flag, "switch"), {"base_version": 2, "on": "1", "reason": "Mended."})

    assert off.headers["location"] == on.headers["location"] == LIST
    assert is_off
    assert now_of(flag).is_enabled
    assert now_of(flag).rollout_percentage == 40
    told = FeatureFlagVersion.objects.filter(flag_name="calm_timeline").values_list(
        "kind", "reason"
    )
    assert list(told[:2]) == [("restore", "Mended."), ("kill", "Errors.")]


def test_switches_off_what_somebody_else_has_changed_meanwhile(console, flags):
    flag = flags.make("calm_timeline", variants=at(40))
    flags.change("calm_timeline", description="Theirs.")

    console.post(page_of(flag, "switch"), {"base_version": 1, "off": "1"})

    assert not now_of(flag).is_enabled


def test_notes_nothing_when_it_is_off_already(console, flags):
    flag = flags.make("calm_timeline", variants=at(40), is_enabled=False)

    answer = console.post(page_of(flag, "switch"), {"base_version": 1, "off": "1"})

    assert said_by(answer) == ["Nothing was different, so nothing was changed."]
    assert not LogEntry.objects.exists()
    assert now_of(flag).version == flag.version


def test_does_not_switch_on_what_somebody_else_has_changed_meanwhile(console, flags):
    flag = flags.make("calm_timeline", variants=at(40), is_enabled=False)
    flags.change("calm_timeline", description="Theirs.")
    sent = {"base_version": 1, "on": "1", "reason": "Mended."}

    answer = console.post(page_of(flag, "switch"), sent)
    is_on = now_of(flag).is_enabled
    shown = answer.context["form"]["base_version"].value()
    console.post(page_of(flag, "switch"), sent | {"base_version": shown})

    assert "calm_timeline was changed meanwhile by tester@example.com" in text_of(answer)
    assert not is_on
    assert now_of(flag).is_enabled


def test_says_which_flags_go_with_it(console, flags):
    flag = flags.make("groundwork", variants=at(100))
    flags.make("calm_timeline", prerequisites=[Prerequisite("groundwork", ["on"])])

    assert "It is needed by calm_timeline" in text_of(console.get(page_of(flag, "switch")))


def test_shows_why_it_cannot_be_switched_on(console, flags):
    flag = flags.make("calm_timeline", variants=at(40), is_enabled=False)

    answer = console.post(page_of(flag, "switch"), {"base_version": 1, "on": "1"})

    assert "Say why." in str(answer.context["form"].errors["reason"])
    assert not now_of(flag).is_enabled


def test_shows_who_will_have_it_before_it_is_switched_on(console, flags):
    make_user()
    flag = flags.make("calm_timeline", variants=at(100), is_enabled=False)

    said = text_of(console.get(page_of(flag, "switch")))

    assert "Everybody gets it." in said
    assert "2 people gain it" in said
    assert "This may move 100 % of all people: give a reason below." in said


# History


def test_tells_the_history_in_words(console, flags):
    clinic = make_tenant(name="North")
    flag = flags.make("calm_timeline", description="A calmer timeline.")
    flags.change("calm_timeline", variants=at(25), reason="Begin.")
    flags.change("calm_timeline", disabled_tenant_ids=[clinic.pk], reason="They asked.")

    said = text_of(console.get(page_of(flag, "history")))

    assert "Version 3 Changed holds now" in said
    assert "by tester@example.com They asked." in said
    assert "Never: clinics none North" in said
    assert "Share of people 0 % 25 %" in said
    assert "Version 1 Made" in said


def test_tells_what_the_oldest_version_of_a_page_changed(console, flags):
    flag = flags.make("calm_timeline")
    for number in range(1, 25):
        flags.change("calm_timeline", description=f"Number {number}.")

    first, second = (
        text_of(console.get(f"{page_of(flag, 'history')}?page={page}")) for page in (1, 2)
    )

    assert "Description Number 4. Number 5." in first
    assert "Description Number 3. Number 4." in second
    assert "Page 2 of 2" in second


def test_reverts_after_showing_what_that_changes(console, flags):
    make_user()
    flag = flags.make("calm_timeline", variants=at(100))
    flags.change("calm_timeline", variants=at(0), description="Gone.")
    page = page_of(flag, "revert", 1)

    seen = text_of(console.get(page))
    answer = console.post(page, {"base_version": 2, "reason": "Wrong idea."})

    assert "Share of people 0 % 100 %" in seen
    assert "2 people gain it" in seen
    assert said_by(answer) == ["The flag calm_timeline is now 100 %; 2 people gained it."]
    assert now_of(flag).definition == flag.definition
    version = newest_of("calm_timeline")
    assert (version.version, version.kind, version.reason) == (3, "revert", "Wrong idea.")


def test_does_not_revert_what_somebody_else_has_changed_meanwhile(console, flags):
    flag = flags.make("calm_timeline")
    flags.change("calm_timeline", description="One.")
    flags.change("calm_timeline", description="Two.")

    answer = console.post(page_of(flag, "revert", 1), {"base_version": 2})

    assert "was changed meanwhile" in text_of(answer)
    assert now_of(flag).description == "Two."


# Why


def test_says_why_somebody_gets_it(console, flags):
    person = make_user(email="maya@example.com")
    flags.make("groundwork", variants=at(100))
    flag = flags.make(
        "calm_timeline", variants=at(100), prerequisites=[Prerequisite("groundwork", ["on"])]
    )

    for who in ("Maya@example.com", str(person.pk)):
        answer = console.post(page_of(flag, "explain"), {"who": who, "at": ""})

        said = text_of(answer)
        assert "maya@example.com has it: everybody gets the same variant." in said
        assert "groundwork gives “on”; needed is “on”." in said
        assert "maya" not in answer.wsgi_request.get_full_path()


@pytest.mark.parametrize("kind", ["enabled", "disabled"])
def test_says_what_of_somebody_is_on_a_list(console, flags, kind):
    clinic = make_tenant(name="North")
    person = make_user(email="maya@example.com", tenant=clinic)
    lists = {
        "user_ids": ([person.pk], "Their id is on it."),
        "user_emails": (
            [email_hash("calm_timeline", "maya@example.com")],
            "Their e-mail address is on it.",
        ),
        "tenant_ids": ([clinic.pk], "Their clinic is on it: North."),
    }
    flag = flags.make("calm_timeline", variants=at(50))

    said = []
    for name, (members, _) in lists.items():
        flags.change("calm_timeline", **{f"{kind}_{one}": [] for one in lists})
        flags.change("calm_timeline", **{f"{kind}_{name}": members})
        said.append(text_of(console.post(page_of(flag, "explain"), {"who": "maya@example.com"})))

    for place, (_, words_) in enumerate(lists.values()):
        assert [words_ in one for one in said] == [other == place for other in range(len(lists))]


def test_says_where_somebody_stands(console, flags):
    person = make_user(email="maya@example.com")
    flag = flags.make("calm_timeline", variants=at(50))

    said = text_of(console.post(page_of(flag, "explain"), {"who": str(person.pk)}))

    place = re.search(r"Place ([\d,]+) of 100,000; the rollout reaches to 50,000\.", said)
    assert place
    context = Context(str(person.pk))
    has_it = flags.load().ask("calm_timeline", context).value
    assert has_it == (int(place[1].replace(",", "")) <= 50_000)
    assert ("maya@example.com has it: inside" in said) == has_it


def test_says_why_somebody_got_it_then(console, flags):
    make_user(email="maya@example.com")
    flags.make("groundwork", variants=at(100))
    flag = flags.make(
        "calm_timeline", variants=at(100), prerequisites=[Prerequisite("groundwork", ["on"])]
    )
    then = timezone.now() - 10 * HOUR
    flags.change("groundwork", variants=at(0))
    flags.change("calm_timeline", prerequisites=[], variants=at(0))
    between = dt.datetime.now(tz=dt.UTC)

    def ask(moment):
        sent = {
            "who": "maya@example.com",
            "at": moment.strftime("%Y-%m-%dT%H:%M:%S.%f") if moment else "",
        }
        return text_of(console.post(page_of(flag, "explain"), sent))

    assert "There was no flag calm_timeline" in ask(then)
    assert "maya@example.com does not have it: the rollout is at 0 %." in ask(None)
    assert "Answered by version 2" in ask(between)
    first = FeatureFlagVersion.objects.get(flag_name="calm_timeline", version=1).changed_at
    said = ask(first)
    assert "maya@example.com has it" in said
    assert "groundwork gives “on”" in said
    assert "Clinics of people are those of now." in said


def test_knows_nothing_of_times_to_come(console, flags):
    flag = flags.make("calm_timeline")
    then = timezone.now() + HOUR

    answer = console.post(
        page_of(flag, "explain"), {"who": "server-7", "at": f"{then:%Y-%m-%dT%H:%M:%S}"}
    )

    assert "This time has not come yet." in str(answer.context["form"].errors["at"])
    assert "answer" not in answer.context


def test_asks_for_what_only_apps_know(console, flags):
    make_user(email="maya@example.com")
    condition = Condition("app_version", Operator.VERSION_AT_LEAST, ["2.10"])
    flag = flags.make("calm_timeline", variants=at(100), conditions=[condition])

    unknown = text_of(console.post(page_of(flag, "explain"), {"who": "maya@example.com"}))
    known = text_of(
        console.post(
            page_of(flag, "explain"), {"who": "maya@example.com", "told_app_version": "2.11"}
        )
    )

    assert "Wanted: app_version is at least 2.10. It is unknown." in unknown
    assert "maya@example.com has it" in known


def test_answers_for_somebody_who_is_not_one_of_ours(console, flags):
    flag = flags.make("calm_timeline", variants=at(100))

    for who in ("nobody@example.com", "6f1c7c1e-0000-4000-8000-000000000000", "server-7"):
        said = text_of(console.post(page_of(flag, "explain"), {"who": who}))

        assert "Nobody of ours has this" in said


@pytest.mark.parametrize("at_", ["2026-13-41T00:00", "soon", "2026-11-21T10:00:00"])
def test_opens_with_whatever_time_the_address_names(console, flags, at_):
    flag = flags.make("calm_timeline")

    assert console.get(f"{page_of(flag, 'explain')}?at={at_}").status_code == 200


def test_links_from_the_history_to_the_question_then(console, flags):
    flag = flags.make("calm_timeline")

    page = console.get(page_of(flag, "history")).content.decode()
    (link,) = re.findall(r'href="([^"]*explain/\?at=[^"]+)"', page)
    (then,) = re.findall(r'name="at" value="([^"]+)"', console.get(link).content.decode())
    said = text_of(console.post(link, {"who": "root@example.com", "at": then}))

    assert "root@example.com does not have it" in said
    assert "Answered by version 1 of the flag" in said


@pytest.mark.parametrize(
    ("microsecond", "said"), [(0, "2026-12-31T23:59:59"), (1, "2027-01-01T00:00:00")]
)
def test_asks_for_no_second_before_the_change(microsecond, said):
    instant = dt.datetime(2026, 12, 31, 23, 59, 59, microsecond, tzinfo=dt.UTC)

    assert words.second_after(instant) == said


# New flags and deleted ones


def test_makes_a_flag(console, flags):
    sent = form_of(
        FeatureFlag(), key="brand_new", percentage="5", base_version=None, reason="An idea."
    )

    answer = console.post(f"{LIST}add/", sent)

    flag = FeatureFlag.objects.get(flag_name="brand_new")
    assert answer.headers["location"] == page_of(flag)
    assert (flag.salt, flag.is_enabled, flag.definition.percentage) == ("brand_new", True, 5)


def test_makes_no_second_flag_of_a_name(console, flags):
    flags.make("calm_timeline")
    sent = form_of(FeatureFlag(), key="calm_timeline", percentage="5", base_version=None)

    answer = console.post(f"{LIST}add/", sent)

    assert "There is a flag calm_timeline already." in str(answer.context["form"].errors["key"])


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("string", "Hi, you", "Hi, you"),
        ("integer", "7", 7),
        ("float", "1", 1.0),
        ("object", '{"a": [1.0]}', {"a": [1.0]}),
    ],
)
def test_makes_flags_of_other_types(console, flags, kind, value, kept):
    sent = {
        "key": "brand_new", "is_enabled": "on", "purpose": "experiment", "default_row": "0", "listed_row": "1",
        "variant-0-name": "usual", "variant-0-value": value, "variant-0-share": "0",
        "variant-1-name": "other", "variant-1-value": value, "variant-1-share": "12.5",
        "variant-2-name": "", "variant-2-value": "", "variant-2-share": "0",
    }  # fmt: skip

    console.post(f"{LIST}add/?type={kind}", sent)

    made = FeatureFlag.objects.get(flag_name="brand_new").definition
    assert [one.name for one in made.variants] == ["usual", "other"]
    assert (made.variants[1].value, type(made.variants[1].value)) == (kept, type(kept))
    assert (made.value_type, made.default_variant, made.allowed_variant) == (kind, "usual", "other")
    assert made.percentage == 12.5


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "1.5"),
        ("integer", "true"),
        ("float", "much"),
        ("object", "[1]"),
        ("object", "{"),
    ],
)
def test_refuses_values_of_another_type(console, flags, kind, value):
    sent = {
        "key": "brand_new", "is_enabled": "on", "purpose": "experiment", "default_row": "0", "listed_row": "0",
        "variant-0-name": "usual", "variant-0-value": value, "variant-0-share": "0",
    }  # fmt: skip

    answer = console.post(f"{LIST}add/?type={kind}", sent)

    assert "usual: the value must be" in str(answer.context["form"].errors["variants"])


def test_changes_shares_of_variants(console, flags):
    flag = flags.make("reminder", variants=resize_all(WORDS, {"short": 20}), **STRINGS)
    rows = {
        "default_row": "0", "listed_row": "1",
        "variant-0-name": "usual", "variant-0-value": "How was today?", "variant-0-share": "0",
        "variant-1-name": "short", "variant-1-value": "Two taps?", "variant-1-share": "25",
        "variant-2-name": "warm", "variant-2-value": "We thought of you.", "variant-2-share": "30",
    }  # fmt: skip

    refused = console.post(
        page_of(flag), form_of(flag, percentage=None, reason="x") | rows | {"variant-2-share": "80"}
    )
    console.post(page_of(flag), form_of(flag, percentage=None, reason="More.") | rows)
    changed = now_of(flag).definition
    console.post(
        page_of(flag),
        form_of(now_of(flag), percentage=None, reason="Less.") | rows | {"variant-2-remove": "1"},
    )

    assert "the rest is taken" in str(refused.context["form"].errors["variants"])
    assert {one.name: one.percentage for one in changed.variants} == {
        "usual": 0,
        "short": 25,
        "warm": 30,
    }
    assert [one.name for one in now_of(flag).definition.variants] == ["usual", "short"]


def test_leaves_blanks_and_lines_of_texts_alone(console, flags):
    texts = ["  Two\nlines, \r\nand one. ", ""]
    variants = [Variant(name, text) for name, text in zip(("usual", "short"), texts, strict=True)]
    flag = flags.make("reminder", variants=variants, description="One.\nTwo.", **STRINGS)
    rows = {"default_row": "0", "listed_row": "1", "description": "One.\r\nTwo."}
    for number, one in enumerate(variants):
        as_sent = one.value.replace("\r\n", "\n").replace("\n", "\r\n")
        rows |= {
            f"variant-{number}-name": one.name,
            f"variant-{number}-value": as_sent,
            f"variant-{number}-share": "0",
        }

    answer = console.post(page_of(flag), form_of(flag, percentage=None) | rows)

    assert said_by(answer) == ["Nothing was different, so nothing was changed."]


def test_deletes_with_a_reason(console, flags):
    flag = flags.make("calm_timeline", variants=at(100))

    without = console.post(page_of(flag, "delete"), {"base_version": 1, "reason": " "})
    seen = text_of(console.get(page_of(flag, "delete")))
    answer = console.post(
        page_of(flag, "delete"), {"base_version": 1, "reason": "Everybody has it."}
    )

    assert without.status_code == 200
    assert "1 person has it now, and gets what is built into the program then" in seen
    assert answer.headers["location"] == LIST
    assert not FeatureFlag.objects.filter(pk=flag.pk).exists()
    last = newest_of("calm_timeline")
    assert (last.kind, last.reason) == ("delete", "Everybody has it.")


def test_does_not_delete_what_somebody_else_has_changed_meanwhile(console, flags):
    flag = flags.make("calm_timeline")
    flags.change("calm_timeline", description="Theirs.")

    answer = console.post(page_of(flag, "delete"), {"base_version": 1, "reason": "Old."})

    assert "calm_timeline was changed meanwhile by tester@example.com" in text_of(answer)
    assert now_of(flag).description == "Theirs."


def test_does_not_delete_what_another_flag_needs(console, flags):
    flag = flags.make("groundwork")
    flags.make("calm_timeline", prerequisites=[Prerequisite("groundwork", ["on"])])

    answer = console.post(page_of(flag, "delete"), {"base_version": 1, "reason": "Old."})

    assert "is needed by calm_timeline" in text_of(answer)
    assert now_of(flag)


# What is alike to Python only

ALIKE = [Variant("usual", {"a": 1}), Variant("short", {"a": 2})]
OTHERWISE = {
    "default_row": "0", "listed_row": "1", "percentage": None,
    "variant__0__name": "usual", "variant__0__value": '{"a": true}', "variant__0__share": "0",
    "variant__1__name": "short", "variant__1__value": '{"a": 2}', "variant__1__share": "0",
}  # fmt: skip


def test_previews_a_value_that_is_another_to_clients_alone(console, flags):
    flag = flags.make("reminder", variants=ALIKE, **STRINGS | {"value_type": ValueType.OBJECT})

    said = text_of(console.post(page_of(flag, "preview"), form_of(flag, **OTHERWISE)))

    assert "1 person gets another variant" in said


def test_asks_a_second_person_for_a_value_that_is_another_to_clients_alone(console, flags):
    kinds = STRINGS | {"value_type": ValueType.OBJECT}
    flag = flags.make("reminder", variants=ALIKE, approval_above=20, **kinds)

    sent = form_of(flag, approval_above="20", reason="Ready.", **OTHERWISE)
    answer = console.post(page_of(flag), sent)

    assert "needs a second person" in said_by(answer)[0]
    request = FeatureFlagChangeRequest.objects.get(flag_name="reminder")
    assert request.definition.variants[0].value == {"a": True}


# Flags brought in


@pytest.mark.parametrize("seen", [None, "", "{}", "[]", '{"other": 1}', '{"known": null}'])
def test_imports_nothing_that_nobody_has_looked_at(console, flags, seen):
    flag = flags.make("known")
    told = {"key": "known", "salt": "known", "owner": "Me", "is_enabled": True}
    sent = {
        "document": json.dumps({"format": "novara-flags/1", "flags": [told]}),
        "reason": "From test.",
        "_import": "1",
    } | ({} if seen is None else {"seen": seen})

    answer = console.post(f"{LIST}import/", sent)

    assert "known was changed meanwhile" in text_of(answer)
    assert now_of(flag).owner == ""


# What programs asked


def test_shows_what_was_asked_within_a_day(console, flags):
    flag = flags.make("calm_timeline", variants=at(50))
    now = timezone.now()
    for back, subjects in ((1, [1, 2, 3]), (2, [3, 4]), (30, [9])):
        FeatureFlagCount.objects.create(
            flag_name="calm_timeline", variant="on", reason="percentage_in", hour=now - back * HOUR,
            evaluations=1000, last_evaluated_at=now,
        )  # fmt: skip
        FeatureFlagExposure.objects.create(
            flag_name="calm_timeline",
            variant="on",
            hour=now - back * HOUR,
            exposures=len(subjects),
            subjects=subjects,
        )

    said = text_of(console.get(page_of(flag)))

    assert "Variant Asked People on 2,000 4" in said
