"""The console's pages about people: who sees and changes whom."""

import re
import uuid
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import ErasureCertificate, RefreshFamily, Tenant, User, UserProfile
from tests.factories import make_tenant, make_user

PASSWORD = "tidal-lantern-42"
PEOPLE = "/admin/accounts/user/"


def console_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def superuser(db: None) -> User:
    return make_user(email="super@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def clinic(db: None) -> Tenant:
    return make_tenant(name="North Clinic")


@pytest.fixture
def nurse(clinic: Tenant) -> User:
    return make_user(tenant=clinic, email="nurse@example.com", is_staff=True)


@pytest.fixture
def dana(clinic: Tenant) -> User:
    return make_user(tenant=clinic, email="dana@example.com", profile={"nickname": "Dana"})


def page_of(person: User | uuid.UUID, page: str = "change") -> str:
    key = person if isinstance(person, uuid.UUID) else person.pk
    return f"{PEOPLE}{key}/{page}/"


def form_of(person: User, **changes: Any) -> dict[str, Any]:
    """Give what the browser sends back when the page is saved as it was shown."""
    profile = person.profile
    fields = {
        "email": person.email,
        "is_active": "on" if person.is_active else "",
        "profile-TOTAL_FORMS": 1,
        "profile-INITIAL_FORMS": 1,
        "profile-0-user": person.pk,
        "profile-0-nickname": profile.nickname,
        "profile-0-timezone": profile.timezone,
        "profile-0-email_opt_in": "on" if profile.email_opt_in else "",
        "profile-0-baseline_completed": "on" if profile.baseline_completed else "",
        "profile-0-confidence_meds": profile.confidence_meds,
        "profile-0-confidence_costs": profile.confidence_costs,
        "profile-0-confidence_overall": profile.confidence_overall,
        "profile-0-cycle_stage": profile.cycle_stage or "",
        "profile-0-medication_status": profile.medication_status or "",
        "profile-0-primary_need": profile.primary_need or "",
        "profile-0-top_concern": profile.top_concern or "",
    }
    return {name: value for name, value in (fields | changes).items() if value != ""} | {
        name: value for name, value in changes.items() if name.startswith("profile")
    }


def log_in(client: Client, user: User, password: str) -> Any:
    fields = {"username": user.email, "password": password, "next": "/admin/"}
    return client.post("/admin/login/", fields)


# Log-in


def test_says_what_this_is_before_anybody_logs_in(db):
    page = Client().get("/admin/login/").content.decode()

    assert "Health tracking for people in fertility treatment" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_lets_staff_in_whatever_case_they_type_their_address_in(clinic):
    nurse = make_user(tenant=clinic, password=PASSWORD, email="n@example.com", is_staff=True)
    client = Client()

    fields = {"username": " N@Example.com", "password": PASSWORD, "next": "/admin/"}
    assert client.post("/admin/login/", fields)["Location"] == "/admin/"

    assert "North Clinic" in client.get("/admin/").content.decode()
    nurse.refresh_from_db()
    assert nurse.last_login is not None


def test_keeps_people_in_treatment_out(clinic):
    dana = make_user(tenant=clinic, password=PASSWORD)

    assert "may not open this console" in log_in(Client(), dana, PASSWORD).content.decode()
    assert console_of(dana).get("/admin/").status_code == 302


def test_keeps_staff_of_a_tenant_that_is_off_out(clinic):
    nurse = make_user(tenant=clinic, password=PASSWORD, is_staff=True)
    inside = console_of(nurse)
    Tenant.objects.filter(pk=clinic.pk).update(is_active=False)

    assert log_in(Client(), nurse, PASSWORD).status_code == 200
    assert inside.get("/admin/")["Location"].startswith("/admin/login/")


def test_stops_guessing_of_passwords(clinic):
    nurse = make_user(tenant=clinic, password=PASSWORD, is_staff=True)
    client = Client()

    for _ in range(9):
        log_in(client, nurse, "wrong")
    log_in(client, nurse, "")
    answer = log_in(client, nurse, PASSWORD)

    assert answer.status_code == 200
    assert "Too many attempts" in answer.content.decode()


# What staff of a clinic see


def seen(answer: Any, key: uuid.UUID) -> str:
    """Give a page without the key in its address and the form token and the time, which differ."""
    page = answer.content.decode().replace(str(key), "")
    page = re.sub(r"\d\d:\d\d:\d\d UTC", "", page)
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r"\1", page)


def test_shows_staff_the_people_of_their_own_clinic_alone(nurse, dana, alice):
    shown = console_of(nurse).get(PEOPLE).content.decode()

    assert dana.email in shown
    assert alice.email not in shown
    assert str(alice.tenant_id) not in shown


def test_shows_superusers_everybody_with_their_clinic(superuser, dana, alice):
    shown = console_of(superuser).get(PEOPLE).content.decode()

    assert dana.email in shown
    assert alice.email in shown
    assert "North Clinic" in shown


@pytest.mark.parametrize("page", ["change", "history", "password", "erase", "delete"])
def test_answers_for_people_of_another_clinic_as_for_nobody(nurse, alice, page):
    console, nobody = console_of(nurse), uuid.uuid4()

    theirs = console.get(page_of(alice, page), follow=True)
    unknown = console.get(page_of(nobody, page), follow=True)

    assert theirs.redirect_chain == unknown.redirect_chain
    assert theirs.status_code == unknown.status_code
    assert alice.email not in theirs.content.decode()
    assert seen(theirs, alice.pk) == seen(unknown, nobody)


def test_offers_staff_no_one_elses_people_to_choose_from(nurse, dana, alice):
    fields = {"app_label": "health", "model_name": "healthevent", "field_name": "user"}

    answer = console_of(nurse).get("/admin/autocomplete/", {**fields, "term": "example.com"})

    assert {found["text"] for found in answer.json()["results"]} == {nurse.email, dana.email}


def test_refuses_to_filter_by_passwords(superuser):
    answer = console_of(superuser).get(PEOPLE, {"password__startswith": "a"})

    assert answer.status_code == 400


LISTS = ("accounts_user", "health_healthevent", "health_dailycheckin", "insights_insight")


@pytest.mark.parametrize("page", LISTS)
@pytest.mark.parametrize("lookup", ["user__email", "email__startswith", "id__gt", "data__a"])
def test_refuses_to_filter_by_what_is_no_filter_of_the_page(nurse, page, lookup):
    address = reverse(f"admin:{page}_changelist")

    answer = console_of(nurse).get(address, {lookup: "a"})

    assert answer.status_code == 400


def test_keeps_clinics_for_superusers(superuser, nurse, dana):
    page = f"/admin/accounts/tenant/{nurse.tenant_id}/change/"

    assert console_of(nurse).get("/admin/accounts/tenant/").status_code == 403
    assert console_of(nurse).get(page).status_code == 403
    shown = console_of(superuser).get("/admin/accounts/tenant/").content.decode()
    assert f'?clinic={dana.tenant_id}">2</a>' in shown


# What staff of a clinic change


def test_gives_nobody_rights_or_another_clinic_at_the_wish_of_staff(nurse, dana, alice):
    wish = {
        "is_staff": "on",
        "is_superuser": "on",
        "tenant": alice.tenant_id,
        "groups": 1,
        "user_permissions": 1,
        "profile-0-tenant": alice.tenant_id,
        "email": "dana.new@example.com",
    }

    answer = console_of(nurse).post(page_of(dana), form_of(dana, **wish))

    assert answer.status_code == 302
    dana = User.objects.get(pk=dana.pk)
    assert dana.email == "dana.new@example.com"
    assert (dana.is_staff, dana.is_superuser, dana.tenant) == (False, False, nurse.tenant)
    assert dana.profile.tenant == nurse.tenant
    assert not dana.groups.exists()
    assert not dana.user_permissions.exists()


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_keeps_staff_away_from_the_accounts_of_colleagues(nurse, rights):
    colleague = make_user(tenant=nurse.tenant, password=PASSWORD, **rights)
    console = console_of(nurse)

    password = {"password1": "other-words-77", "password2": "other-words-77"}
    assert console.post(page_of(colleague, "password"), password).status_code == 403
    changed = form_of(colleague, email="taken@example.com")
    assert console.post(page_of(colleague), changed).status_code == 403
    chosen = {"action": "deactivate", "_selected_action": [colleague.pk, nurse.pk]}
    console.post(PEOPLE, chosen)

    colleague.refresh_from_db()
    nurse.refresh_from_db()
    assert colleague.is_active
    assert nurse.is_active
    assert colleague.check_password(PASSWORD)


def new_person(email: str, **more: Any) -> dict[str, Any]:
    return {
        "email": email,
        "password1": PASSWORD,
        "password2": PASSWORD,
        "profile-TOTAL_FORMS": 1,
        "profile-INITIAL_FORMS": 0,
        "profile-0-nickname": "Eve",
        "profile-0-timezone": "Europe/Berlin",
        **more,
    }


def test_adds_a_person_who_can_log_in(nurse, alice, nobody):
    sent = new_person("Eve@Example.com", tenant=alice.tenant_id)
    answer = console_of(nurse).post(f"{PEOPLE}add/", sent)

    assert answer.status_code == 302
    eve = User.objects.get(email="eve@example.com")
    assert eve.tenant == nurse.tenant
    assert (eve.profile.timezone, eve.profile.tenant) == ("Europe/Berlin", nurse.tenant)
    words = {"email": "eve@example.com", "password": PASSWORD}
    assert nobody.call("POST", "/api/v2/auth/login", words).status_code == 200


def test_lets_superusers_choose_the_clinic(superuser, clinic):
    sent = new_person("eve@example.com", tenant=clinic.pk)

    console_of(superuser).post(f"{PEOPLE}add/", sent)

    assert User.objects.get(email="eve@example.com").tenant == clinic


def test_says_that_an_address_of_another_clinic_is_taken(nurse, alice):
    answer = console_of(nurse).post(f"{PEOPLE}add/", new_person(alice.email), follow=True)

    assert answer.status_code == 200
    assert "has an account already" in answer.content.decode()
    assert User.objects.get(email=alice.email).tenant == alice.tenant


def test_says_that_an_address_is_taken_when_it_is_changed(nurse, dana, alice):
    changed = form_of(dana, email=alice.email)

    answer = console_of(nurse).post(page_of(dana), changed, follow=True)

    assert "has an account already" in answer.content.decode()
    assert User.objects.get(pk=dana.pk).email == dana.email


def test_keeps_words_of_the_journey_that_it_does_not_know(nurse, clinic):
    told = {"cycle_stage": "adjusting", "primary_need": "egg_quality", "top_concern": None}
    dana = make_user(tenant=clinic, profile=told)

    shown = console_of(nurse).get(page_of(dana)).content.decode()
    console_of(nurse).post(page_of(dana), form_of(dana, **{"profile-0-nickname": "D."}))

    assert "adjusting (sent by an app)" in shown
    profile = UserProfile.objects.get(user=dana)
    assert profile.nickname == "D."
    assert (profile.cycle_stage, profile.primary_need) == ("adjusting", "egg_quality")
    assert profile.top_concern is None
    assert profile.cycle_stage_updated is None


def test_dates_a_change_of_stage(nurse, dana):
    console_of(nurse).post(page_of(dana), form_of(dana, **{"profile-0-cycle_stage": "tww"}))

    profile = UserProfile.objects.get(user=dana)
    assert profile.cycle_stage == "tww"
    assert profile.cycle_stage_updated is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("confidence_meds", 11),
        ("timezone", "Moon/Base"),
        ("cycle_stage", "dancing"),
        ("nickname", "n" * 51),
    ],
)
def test_refuses_answers_that_cannot_be(nurse, dana, field, value):
    answer = console_of(nurse).post(page_of(dana), form_of(dana, **{f"profile-0-{field}": value}))

    assert answer.status_code == 200
    assert "Please correct" in answer.content.decode()


def has_session(person: User) -> bool:
    return RefreshFamily.objects.filter(user=person, revoked_at=None).exists()


def begin_session(person: User) -> None:
    RefreshFamily.objects.create(user=person, tenant=person.tenant, created_at=timezone.now())


@pytest.mark.parametrize("who", ["nurse", "superuser"])
def test_ends_all_sessions_when_a_password_is_set(request, who, dana):
    console = console_of(request.getfixturevalue(who))
    begin_session(dana)
    before = dana.tokens_valid_from

    answer = console.post(page_of(dana, "password"), {"password1": PASSWORD, "password2": PASSWORD})

    assert answer.status_code == 302
    dana.refresh_from_db()
    assert dana.check_password(PASSWORD)
    assert dana.tokens_valid_from > before
    assert not has_session(dana)


@pytest.mark.parametrize("who", ["nurse", "superuser"])
def test_deactivates_and_activates_people(request, who, dana):
    console = console_of(request.getfixturevalue(who))
    begin_session(dana)

    console.post(PEOPLE, {"action": "deactivate", "_selected_action": [dana.pk]})

    dana.refresh_from_db()
    assert not dana.is_active
    assert not has_session(dana)
    console.post(PEOPLE, {"action": "activate", "_selected_action": [dana.pk]})
    dana.refresh_from_db()
    assert dana.is_active


def test_deactivates_on_the_persons_page_by_the_same_rule(superuser, dana):
    begin_session(dana)

    console_of(superuser).post(page_of(dana), form_of(dana, is_active=""))

    dana.refresh_from_db()
    assert not dana.is_active
    assert not has_session(dana)


def test_does_not_deactivate_people_of_another_clinic(nurse, alice):
    console_of(nurse).post(PEOPLE, {"action": "deactivate", "_selected_action": [alice.pk]})

    alice.refresh_from_db()
    assert alice.is_active


def test_keeps_superusers_from_locking_themselves_out(superuser):
    answer = console_of(superuser).post(page_of(superuser), form_of(superuser))

    assert "You cannot take this away from yourself" in answer.content.decode()
    superuser.refresh_from_db()
    assert superuser.is_superuser


@pytest.mark.parametrize("who", ["nurse", "superuser"])
def test_lets_staff_change_their_own_password_and_log_out(request, who):
    user = request.getfixturevalue(who)
    user.set_password(PASSWORD)
    user.save()
    console = console_of(user)

    words = {
        "old_password": PASSWORD,
        "new_password1": "other-words-77",
        "new_password2": "other-words-77",
    }
    assert console.post("/admin/password_change/", words).status_code == 302
    assert console.get("/admin/").status_code == 200
    assert console.post("/admin/logout/").status_code == 200
    assert console.get("/admin/").status_code == 302

    user.refresh_from_db()
    assert user.check_password("other-words-77")


# Nothing is deleted; people are erased


def test_deletes_nobody(superuser, dana):
    console = console_of(superuser)

    assert console.post(page_of(dana, "delete"), {"post": "yes"}).status_code == 403
    console.post(PEOPLE, {"action": "delete_selected", "_selected_action": [dana.pk], "post": "y"})

    assert User.objects.filter(pk=dana.pk).exists()


def test_erases_for_good_and_shows_the_certificate(superuser, dana):
    console = console_of(superuser)
    console.post(
        page_of(dana),
        form_of(dana, email="dana.b@example.com", **{"profile-0-nickname": "Danny"}),
    )

    sent = {"reason": "Asked for it by letter.", "email": "Dana.B@example.com"}
    answer = console.post(page_of(dana, "erase"), sent, follow=True)

    shown = answer.content.decode()
    certificate = ErasureCertificate.objects.get(subject_id=dana.pk)
    assert certificate.requested_by == superuser.email
    assert "Asked for it by letter." in shown
    assert str(certificate.pk) in shown
    assert not User.objects.filter(pk=dana.pk).exists()
    log = " ".join(f"{e.object_repr} {e.change_message}" for e in LogEntry.objects.all())
    assert "dana" not in log.lower()
    assert "danny" not in log.lower()
    assert "dana" not in console.get("/admin/").content.decode().lower()


@pytest.mark.parametrize(
    "sent",
    [
        {"reason": "", "email": "dana@example.com"},
        {"reason": "Asked for it.", "email": ""},
        {"reason": "Asked for it.", "email": "alice@example.com"},
        {"reason": "dana@example.com asked for it.", "email": "dana@example.com"},
    ],
)
def test_erases_nobody_without_a_reason_and_the_address(superuser, dana, sent):
    answer = console_of(superuser).post(page_of(dana, "erase"), sent)

    assert answer.status_code == 200
    assert User.objects.filter(pk=dana.pk).exists()


def test_erases_no_staff(superuser, nurse):
    sent = {"reason": "Left the clinic.", "email": nurse.email}

    answer = console_of(superuser).post(page_of(nurse, "erase"), sent)

    assert "Take the staff rights away first" in answer.content.decode()
    assert User.objects.filter(pk=nurse.pk).exists()


def test_lets_superusers_alone_erase(nurse, dana):
    sent = {"reason": "Asked for it.", "email": dana.email}

    assert console_of(nurse).post(page_of(dana, "erase"), sent).status_code == 403
    assert User.objects.filter(pk=dana.pk).exists()


def test_keeps_certificates_as_they_are(superuser, nurse, dana, alice):
    ours, theirs = (
        services.erase_person(user_id=person.pk, requested_by="test", reason="test")
        for person in (dana, alice)
    )
    page = reverse("admin:accounts_erasurecertificate_change", args=[ours])
    foreign = reverse("admin:accounts_erasurecertificate_change", args=[theirs])

    assert console_of(superuser).post(page, {"reason": "changed"}).status_code == 403
    assert console_of(superuser).get("/admin/accounts/erasurecertificate/add/").status_code == 403
    assert console_of(nurse).get(page).status_code == 200
    assert console_of(nurse).get(foreign).status_code == 302
    assert ErasureCertificate.objects.get(pk=ours).reason == "test"


# manage.py erase_person


def test_erases_from_the_command_line(dana):
    out = StringIO()

    call_command("erase_person", "Dana@example.com", reason="By letter.", yes=True, stdout=out)

    certificate = ErasureCertificate.objects.get(subject_id=dana.pk)
    assert str(certificate.pk) in out.getvalue()
    assert certificate.reason == "By letter."


@pytest.mark.parametrize(
    ("email", "reason"),
    [
        ("nobody@example.com", "By letter."),
        ("nurse@example.com", "By letter."),
        ("dana@example.com", " "),
        ("dana@example.com", "dana@example.com wrote."),
    ],
)
def test_refuses_on_the_command_line_what_cannot_be_erased(nurse, dana, email, reason):
    with pytest.raises(CommandError):
        call_command("erase_person", email, reason=reason, yes=True)

    assert User.objects.filter(pk__in=[nurse.pk, dana.pk]).count() == 2
