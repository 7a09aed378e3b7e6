"""The console plans ramps, lets a second person agree, and takes flags in and out."""

import datetime as dt
import json
import re
import uuid
from typing import Any

import msgspec
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from flags import services
from flags.allocation import resize
from flags.health_gate import Guard
from flags.models import FeatureFlag, FeatureFlagChangeRequest, FeatureFlagRamp
from flags.services import approving, ramping
from flags.services.ramping import RampStep
from flags.types import Condition, Operator, Variant
from tests.factories import make_user

RAMPS = "/admin/flags/featureflagramp/"
REQUESTS = "/admin/flags/featureflagchangerequest/"
IMPORT = "/admin/flags/featureflag/import/"


@pytest.fixture
def anna(db: None) -> User:
    return make_user(email="anna@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def ben(db: None) -> User:
    return make_user(email="ben@example.com", is_staff=True, is_superuser=True)


def console_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def form(*steps: tuple[float, float, str], **told: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "variant": "on",
        "is_guarded": "on",
        "max_error_points": "1",
        "max_latency_ratio": "1.5",
        "min_requests": "50",
        "reason": "The new search.",
        "steps-TOTAL_FORMS": "8",
        "steps-INITIAL_FORMS": "0",
    }
    for index, (percentage, amount, unit) in enumerate(steps):
        fields |= {
            f"steps-{index}-percentage": str(percentage),
            f"steps-{index}-amount": str(amount),
            f"steps-{index}-unit": unit,
        }
    return fields | told


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_shows_a_plan_in_words_before_it_is_made(flags: Any, anna: User) -> None:
    flags.make("search")
    steps = [(5, 1, "60"), (25, 2, "1440"), (100, 0, "1")]

    looked = console_of(anna).post(f"{RAMPS}add/?flag=search", form(*steps) | {"_look": "1"})

    assert looked.status_code == 200
    words = "It begins at once: 5 %, held for 1 hour; then 25 %, held for 2 days; then 100 %."
    assert words in text_of(looked)
    assert not FeatureFlagRamp.objects.exists()


def test_says_when_a_plan_begins(flags: Any, anna: User) -> None:
    flags.make("search")
    then = timezone.now() + dt.timedelta(days=2)
    told = form((5, 1, "60"), starts_at=f"{then:%Y-%m-%dT%H:%M}", _look="1")

    looked = console_of(anna).post(f"{RAMPS}add/?flag=search", told)

    assert f"It begins on {date_format(then, 'N j, Y, H:i')} UTC: 5 %" in text_of(looked)


def test_plans_what_was_typed(flags: Any, anna: User) -> None:
    flags.make("search")
    soon = (timezone.now() + dt.timedelta(days=2)).replace(second=0, microsecond=0)
    steps = [(5, 90, "1"), (100, 0, "1")]

    made = console_of(anna).post(
        f"{RAMPS}add/?flag=search",
        form(*steps, starts_at=f"{soon:%Y-%m-%dT%H:%M}", _plan="1"),
        follow=True,
    )

    ramp = FeatureFlagRamp.objects.get()
    assert ramp.steps == [
        {"percentage": 5.0, "soak_minutes": 90.0},
        {"percentage": 100.0, "soak_minutes": 0.0},
    ]
    assert (ramp.starts_at, ramp.created_by, ramp.is_guarded) == (soon, anna.email, True)
    assert "The ramp of search is planned." in text_of(made)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"steps-0-percentage": "120"}, "less than or equal to 100"),
        ({"steps-0-percentage": ""}, "Give 1 to 50 steps."),
        ({"steps-0-percentage": "0"}, "Is what it was before"),
        ({"starts_at": "2099-01-01T00:00"}, "Must be within a year."),
        ({"starts_at": "2020-01-01T00:00"}, "This time is over."),
        ({"reason": ""}, "This field is required."),
        ({"max_latency_ratio": "0"}, "greater than or equal to 1"),
    ],
)
def test_says_beside_the_field_what_is_wrong(
    flags: Any, anna: User, told: dict[str, str], said: str
) -> None:
    flags.make("search")

    answer = console_of(anna).post(f"{RAMPS}add/?flag=search", form((50, 0, "1"), _plan="1") | told)

    assert said in text_of(answer)
    assert not FeatureFlagRamp.objects.exists()


def test_leaves_the_letters_of_names_as_they_are_in_what_is_wrong(flags: Any, anna: User) -> None:
    flags.make("search", conditions=[Condition("appVersion", Operator.VERSION_AT_LEAST, ["2.1"])])

    answer = console_of(anna).post(f"{RAMPS}add/?flag=search", form((50, 0, "1"), _plan="1"))

    assert "Conditions ask for appVersion, which only apps tell" in text_of(answer)
    assert not FeatureFlagRamp.objects.exists()


def test_leaves_the_letters_of_names_as_they_are_when_it_may_not_go_on(
    flags: Any, anna: User
) -> None:
    flags.make("search")
    ramp = plan()
    ramping.advance_ramps(now=timezone.now())
    told = [Condition("appVersion", Operator.VERSION_AT_LEAST, ["2.1"])]
    flags.change("search", conditions=told)
    ramping.advance_ramps(now=timezone.now())

    answer = console_of(anna).post(
        f"{RAMPS}{ramp.pk}/act/", {"do": "resume", "reason": "Go."}, follow=True
    )

    assert "conditions ask for appVersion, which only apps tell" in text_of(answer)


def test_plans_a_flag_that_is_never_true(flags: Any, anna: User) -> None:
    flags.make("search", variants=[Variant("off", value=False)], allowed_variant="off")

    page = console_of(anna).get(f"{RAMPS}add/?flag=search")

    assert page.status_code == 200
    assert 'name="variant" value="off"' in page.content.decode()


def plan(key: str = "search", **told: Any) -> FeatureFlagRamp:
    fields: dict[str, Any] = {
        "steps": [RampStep(5.0, 60), RampStep(50.0)],
        "guard": Guard(),
        "reason": "The new search.",
        "actor": services.Actor("anna@example.com"),
        "now": timezone.now(),
    }
    return ramping.plan_ramp(key=key, **fields | told)


def test_offers_flags_that_can_be_ramped(flags: Any, anna: User) -> None:
    FeatureFlag.objects.update(is_enabled=False)
    flags.make("search")
    flags.make("color", is_enabled=False)
    console = console_of(anna)

    free = text_of(console.get(f"{RAMPS}add/"))
    plan()
    none = text_of(console.get(f"{RAMPS}add/"))

    assert " search " in free
    assert "color" not in free
    assert "There is no flag to plan a ramp of" in none


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (60, "stands at 60 % now. To go on with this step sets it to 5 % again, and 55 % of the"),
        (0, "sets it to 5 % again, and 5 % of the people gain it."),
        (None, "The flag is switched off. Switch it on before the ramp goes on."),
    ],
)
def test_says_what_it_does_to_go_on(flags: Any, anna: User, now: float | None, said: str) -> None:
    flag = flags.make("search")
    ramp = plan()
    ramping.advance_ramps(now=timezone.now())
    variants = resize(flag.definition.variants, "on", now or 0)
    flags.change("search", **({"is_enabled": False} if now is None else {"variants": variants}))
    running = text_of(console_of(anna).get(f"{RAMPS}{ramp.pk}/change/"))
    ramping.advance_ramps(now=timezone.now())

    paused = text_of(console_of(anna).get(f"{RAMPS}{ramp.pk}/change/"))

    assert said not in running
    assert said in paused


def test_pauses_goes_on_with_a_reason_and_cancels(flags: Any, anna: User) -> None:
    flags.make("search")
    ramp = plan()
    ramping.advance_ramps(now=timezone.now())
    console, page = console_of(anna), f"{RAMPS}{ramp.pk}"

    paused = console.post(f"{page}/act/", {"do": "pause", "reason": "A look."}, follow=True)
    silent = console.post(f"{page}/act/", {"do": "resume", "reason": ""}, follow=True)
    console.post(f"{page}/act/", {"do": "resume", "reason": "All is well."})
    ramp.refresh_from_db()
    state = ramp.state
    console.post(f"{page}/act/", {"do": "cancel", "reason": ""})

    ramp.refresh_from_db()
    assert "Paused. A look." in text_of(paused)
    assert "Say why it may go on." in text_of(silent)
    assert (state, ramp.state) == ("running", "cancelled")
    assert FeatureFlag.objects.get(flag_name="search").rollout_percentage == 5


def test_lets_only_a_second_person_approve_a_plan(flags: Any, anna: User, ben: User) -> None:
    flags.make("search", approval_above=10.0)
    ramp = plan()
    page = f"{RAMPS}{ramp.pk}"

    own = console_of(anna).get(f"{page}/change/")
    refused = console_of(anna).post(f"{page}/act/", {"do": "approve"}, follow=True)
    console_of(ben).post(f"{page}/act/", {"do": "approve"})

    ramp.refresh_from_db()
    assert "Approve the plan" not in text_of(own)
    assert "a second person must approve it" in text_of(refused)
    assert ramp.approved_by == ben.email


def request_change(percentage: float = 50) -> FeatureFlagChangeRequest:
    flag = FeatureFlag.objects.get(flag_name="search")
    variants = resize(flag.definition.variants, "on", percentage)
    return approving.request_change(
        definition=msgspec.structs.replace(flag.definition, variants=variants),
        base_version=flag.version,
        reason="Ready for more.",
        actor=services.Actor("anna@example.com"),
        now=timezone.now(),
    )


def test_shows_a_request_with_what_it_changes_and_whom(flags: Any, anna: User, ben: User) -> None:
    flags.make("search", approval_above=10.0)
    change = request_change(100)

    page = console_of(ben).get(f"{REQUESTS}{change.pk}/change/")

    said = text_of(page)
    assert page.status_code == 200
    assert "Ready for more." in said
    assert "Approve and change the flag" in said
    assert re.search(r"\b2 (people )?gain it", said)


def test_changes_the_flag_when_a_second_person_approves(flags: Any, anna: User, ben: User) -> None:
    flags.make("search", approval_above=10.0)
    change = request_change()
    decide = f"{REQUESTS}{change.pk}/decide/"

    own = console_of(anna).post(decide, {"do": "approve"}, follow=True)
    before = FeatureFlag.objects.get(flag_name="search").rollout_percentage
    console_of(ben).post(decide, {"do": "approve"})

    assert "a second person must approve it" in text_of(own)
    assert before == 0
    assert FeatureFlag.objects.get(flag_name="search").rollout_percentage == 50


def test_says_that_a_request_is_void_when_the_flag_is_another_one(
    flags: Any, anna: User, ben: User
) -> None:
    flags.make("search", approval_above=10.0)
    change = request_change()
    flags.change("search", owner="Search team")

    listed = console_of(ben).get(REQUESTS)
    page = console_of(ben).get(f"{REQUESTS}{change.pk}/change/")
    done = console_of(ben).post(f"{REQUESTS}{change.pk}/decide/", {"do": "approve"}, follow=True)

    assert "Out of date" in text_of(listed)
    assert "The flag was changed after this was asked for." in text_of(page)
    assert "The request is void." in text_of(done)
    assert FeatureFlag.objects.get(flag_name="search").rollout_percentage == 0


def test_needs_a_note_to_reject(flags: Any, anna: User, ben: User) -> None:
    flags.make("search")
    change = request_change()
    decide = f"{REQUESTS}{change.pk}/decide/"

    silent = console_of(ben).post(decide, {"do": "reject", "note": ""}, follow=True)
    told = console_of(ben).post(decide, {"do": "reject", "note": "Too early."}, follow=True)

    assert "Say why not" in text_of(silent)
    assert "Too early." in text_of(told)
    change.refresh_from_db()
    assert change.state == "rejected"


def document(*flags: dict[str, Any]) -> str:
    made = [{"salt": one["key"]} | one for one in flags]
    return json.dumps({"format": "novara-flags/1", "flags": made})


@pytest.mark.parametrize("as_file", [True, False])
def test_imports_what_was_looked_at_first(flags: Any, anna: User, *, as_file: bool) -> None:
    flags.make("known")
    told = document({"key": "known", "owner": "Me", "is_enabled": True}, {"key": "fresh"})
    sent: dict[str, Any] = (
        {"file": SimpleUploadedFile("flags.json", told.encode())} if as_file else {"document": told}
    )
    console = console_of(anna)

    looked = console.post(IMPORT, sent | {"reason": "From test.", "_look": "1"})
    is_there = FeatureFlag.objects.filter(flag_name="fresh").exists()
    hidden = looked.context["form"]
    again = {name: hidden[name].value() for name in ("document", "reason", "seen")}
    done = console.post(IMPORT, again | {"_import": "1"}, follow=True)

    assert "1 created, 1 changed and 0 unchanged" in text_of(looked)
    assert not is_there
    assert "Imported: 1 created, 1 changed and 0 unchanged." in text_of(done)
    assert FeatureFlag.objects.get(flag_name="known").owner == "Me"


def test_imports_nothing_when_a_flag_was_changed_after_the_look(flags: Any, anna: User) -> None:
    flags.make("known")
    told = document({"key": "known", "owner": "Me", "is_enabled": True})
    console = console_of(anna)
    looked = console.post(IMPORT, {"document": told, "reason": "From test.", "_look": "1"})
    hidden = looked.context["form"]
    again = {name: hidden[name].value() for name in ("document", "reason", "seen")}
    flags.change("known", owner="You")

    late = console.post(IMPORT, again | {"_import": "1"})

    assert "known was changed meanwhile" in text_of(late)
    assert FeatureFlag.objects.get(flag_name="known").owner == "You"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"document": "{"}, "is not JSON"),
        ({"document": document({"key": "Wrong Key"})}, "/flags/0/key"),
        ({"document": ""}, "Give a file or its text."),
        ({"file": SimpleUploadedFile("x.json", b"\xff\xfe\xff")}, "not text in UTF-8"),
        ({"file": SimpleUploadedFile("x.json", b"x" * 1_000_001)}, "too large"),
    ],
)
def test_says_what_is_wrong_with_an_import(
    flags: Any, anna: User, sent: dict[str, Any], said: str
) -> None:
    for file in (one for one in sent.values() if not isinstance(one, str)):
        file.seek(0)

    answer = console_of(anna).post(IMPORT, sent | {"reason": "From test.", "_look": "1"})

    assert answer.status_code == 200
    assert said in text_of(answer)


def test_downloads_the_chosen_flags(flags: Any, anna: User) -> None:
    flags.make("search")
    flags.make("color")

    answer = console_of(anna).get("/admin/flags/featureflag/export/?flag=search")

    assert answer.headers["Content-Disposition"].startswith('attachment; filename="novara-flags-')
    assert [one["key"] for one in json.loads(answer.content)["flags"]] == ["search"]


def test_shows_the_ramp_and_the_request_on_the_page_of_the_flag(flags: Any, anna: User) -> None:
    flag = flags.make("search")
    plan()
    request_change()

    said = text_of(console_of(anna).get(f"/admin/flags/featureflag/{flag.pk}/change/"))

    assert "Look after the ramp" in said
    assert "A ramp of this flag is planned. Whatever is saved here pauses it." in said
    assert "Look at the request" in said
    assert "anna@example.com asked for waits for a second person. Whatever is saved" in said


def test_says_nothing_on_the_page_of_a_flag_about_a_request_that_is_out_of_date(
    flags: Any, anna: User
) -> None:
    flag = flags.make("search")
    request_change()
    flags.change("search", owner="Search team")

    said = text_of(console_of(anna).get(f"/admin/flags/featureflag/{flag.pk}/change/"))

    assert "waits for a second person" not in said.lower()


def test_is_for_superusers_alone(flags: Any, anna: User) -> None:
    flags.make("search")
    ramp, change = plan(), request_change()
    staff = console_of(make_user(is_staff=True))
    paths = [
        *(RAMPS, f"{RAMPS}add/?flag=search", f"{RAMPS}{ramp.pk}/change/", f"{RAMPS}{ramp.pk}/act/"),
        *(REQUESTS, f"{REQUESTS}{change.pk}/change/", f"{REQUESTS}{change.pk}/decide/"),
        *(IMPORT, "/admin/flags/featureflag/export/"),
    ]

    statuses = {path: staff.get(path).status_code for path in paths}
    posts = {path: staff.post(path, {"do": "cancel"}).status_code for path in paths}

    for page, row in ((RAMPS, ramp), (REQUESTS, change)):
        for kind in ("history", "delete"):
            assert staff.get(f"{page}{row.pk}/{kind}/").status_code in {302, 403}
    assert set(statuses.values()) == {403}
    assert set(posts.values()) <= {403, 405}
    ramp.refresh_from_db()
    assert ramp.state == "planned"


@pytest.mark.parametrize("path", [RAMPS, REQUESTS, IMPORT, f"{RAMPS}add/", f"{RAMPS}add/?flag=x"])
def test_shows_its_pages_also_when_there_is_nothing(db: None, anna: User, path: str) -> None:
    assert console_of(anna).get(path).status_code == 200


def test_knows_no_page_of_what_is_not_there(db: None, anna: User) -> None:
    console = console_of(anna)

    for path in (f"{RAMPS}{uuid.uuid4()}/change/", f"{REQUESTS}nonsense/change/"):
        assert console.get(path).status_code == 404
