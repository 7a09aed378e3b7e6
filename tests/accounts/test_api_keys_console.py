"""The console's pages about keys of servers: who opens them, and what they show once and never."""

import datetime as dt
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import ApiKey
from accounts.queries import find_api_key
from tests.factories import make_tenant, make_user

KEYS = "/admin/accounts/apikey/"
SECRET = re.compile(r"nvk_[0-9a-z]{8}_[0-9A-Za-z]{49}")


@pytest.fixture
def superuser(db):
    return make_user(email="super@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def console(superuser):
    client = Client()
    client.force_login(superuser)
    return client


@pytest.fixture
def nurse(db):
    client = Client()
    client.force_login(make_user(tenant=make_tenant(), is_staff=True))
    return client


def make_key(**changes):
    told = {
        "name": "Web server",
        "scopes": ["flags:evaluate"],
        "tenant_id": None,
        "environment": "",
        "expires_at": None,
        "created_by_id": None,
    }
    return services.create_api_key(**told | changes)


def form_of(**changes):
    """Give what the browser sends when the form is saved as it is shown, with a name."""
    year = timezone.now() + dt.timedelta(days=365)
    fields = {
        "name": "Web server",
        "scopes": ["flags:evaluate"],
        "tenant": "",
        "environment": "",
        "expires": year.date().isoformat(),
    }
    return fields | changes


def text_of(response):
    page = re.sub(r"(?s)<(script|style).*?</\1>", "", response.content.decode())
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def errors_of(response):
    return dict(response.context["form"].errors)


# Who opens them


def test_is_closed_to_staff(nurse):
    key, _ = make_key()

    for path in (
        "",
        "add/",
        f"{key.pk}/change/",
        f"{key.pk}/history/",
        f"{key.pk}/revoke/",
        f"{key.pk}/delete/",
    ):
        assert nurse.get(KEYS + path).status_code == 403, path
    assert nurse.post(f"{KEYS}add/", form_of()).status_code == 403
    assert nurse.post(f"{KEYS}{key.pk}/revoke/").status_code == 403

    key.refresh_from_db()
    assert key.revoked_at is None
    assert ApiKey.objects.count() == 1
    assert "API keys" not in text_of(nurse.get("/admin/"))


def test_is_closed_to_everybody_else(db):
    assert Client().get(KEYS)["Location"].startswith("/admin/login/")


def test_refuses_a_form_from_another_site(superuser):
    key, _ = make_key()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(superuser)

    assert strict.post(f"{KEYS}add/", form_of()).status_code == 403
    assert strict.post(f"{KEYS}{key.pk}/revoke/").status_code == 403

    assert list(ApiKey.objects.values_list("revoked_at", flat=True)) == [None]


# Making a key


def test_offers_to_make_the_first_key(console):
    assert "There is no key yet" in text_of(console.get(KEYS))

    make_key()

    assert "There is no key yet" not in text_of(console.get(KEYS))
    assert "There is no key yet" not in text_of(console.get(f"{KEYS}?q=nothing"))


def test_suggests_a_year_and_the_smaller_right(console):
    form = console.get(f"{KEYS}add/").context["form"]

    assert form["expires"].value() == (timezone.now() + dt.timedelta(days=365)).date()
    assert form["scopes"].value() == ["flags:evaluate"]


def test_makes_a_key_that_works(console, superuser):
    clinic = make_tenant(name="North Clinic")

    page = console.post(
        f"{KEYS}add/",
        form_of(
            name="  Web server of North Clinic ",
            scopes=["flags:evaluate", "flags:explain"],
            tenant=clinic.pk,
            environment="staging",
            expires="2099-02-28",
        ),
    )

    (secret,) = set(SECRET.findall(page.content.decode()))
    key = ApiKey.objects.get()
    holder = find_api_key(secret, timezone.now())
    assert holder is not None
    assert holder.id == key.pk
    assert (key.name, key.environment) == ("Web server of North Clinic", "staging")
    assert key.scopes == ["flags:evaluate", "flags:explain"]
    assert (key.tenant, key.created_by) == (clinic, superuser)
    assert key.expires_at == dt.datetime(2099, 2, 28, 23, 59, 59, 999999, dt.UTC)


def test_makes_a_key_without_an_end_for_the_houses_own_servers(console):
    console.post(f"{KEYS}add/", form_of(expires=""))

    key = ApiKey.objects.get()
    assert (key.tenant, key.expires_at) == (None, None)


def test_shows_the_key_once_and_nowhere_else(console):
    page = console.post(f"{KEYS}add/", form_of())

    (secret,) = set(SECRET.findall(page.content.decode()))
    assert page.status_code == 200
    assert page.content.decode().count(secret) == 1
    assert "no-store" in page["Cache-Control"]
    hidden = secret[13:]
    assert hidden not in str(page.headers)
    assert hidden not in page.cookies.output() + console.cookies.output()
    assert hidden not in str(dict(console.session))
    key = ApiKey.objects.get()
    for path in (KEYS, f"{KEYS}{key.pk}/change/", f"{KEYS}{key.pk}/history/", "/admin/"):
        shown = console.get(path).content.decode()
        assert "Web server" in shown
        assert hidden not in shown
        assert key.secret_hash not in shown


def test_makes_nothing_of_a_form_with_faults(console):
    off = make_tenant(is_active=False)
    yesterday = (timezone.now() - dt.timedelta(days=1)).date().isoformat()

    for field, value in {
        "name": " ",
        "scopes": [],
        "tenant": off.pk,
        "environment": "x" * 51,
        "expires": yesterday,
    }.items():
        page = console.post(f"{KEYS}add/", form_of(**{field: value}))
        assert list(errors_of(page)) == [field]
        assert not SECRET.search(page.content.decode())
    assert "scopes" in errors_of(console.post(f"{KEYS}add/", form_of(scopes=["flags:write"])))

    assert not ApiKey.objects.exists()


def test_takes_today_as_the_last_day(console):
    console.post(f"{KEYS}add/", form_of(expires=timezone.now().date().isoformat()))

    assert ApiKey.objects.filter(expires_at__gt=timezone.now()).exists()


# What is known of a key


def test_lists_keys_in_words(console):
    now = timezone.now()
    clinic, off = make_tenant(name="North Clinic"), make_tenant(name="Closed", is_active=False)
    day = dt.timedelta(days=1)
    made = {
        "Active": make_key(expires_at=now + 31 * day, scopes=["flags:explain"])[0],
        "Expiring soon": make_key(expires_at=now + 29 * day, tenant_id=clinic.pk)[0],
        "Expired": make_key(expires_at=now - day)[0],
        "Clinic is off": make_key(tenant_id=off.pk)[0],
        "Revoked": make_key(expires_at=now - day)[0],
    }
    services.revoke_api_key(key_id=made["Revoked"].pk, now=now)

    page = console.get(KEYS)

    rows = {
        re.findall(r"<code>(nvk_\w{8})…", row)[0]: row
        for row in re.findall(r"(?s)<tr>.*?</tr>", page.content.decode())
        if "<code>" in row
    }
    for state, key in made.items():
        assert f">{state}</span>" in rows[key.prefix]
        assert "Never" in rows[key.prefix]
    assert "Explain why somebody gets a flag" in rows[made["Active"].prefix]
    assert "Evaluate flags for anybody" in rows[made["Expired"].prefix]
    assert "North Clinic" in rows[made["Expiring soon"].prefix]


def test_finds_keys_by_state_clinic_and_start(console):
    now = timezone.now()
    clinic = make_tenant()
    kept, _ = make_key(name="kept", expires_at=None)
    soon, _ = make_key(name="soon", expires_at=now + dt.timedelta(days=1), tenant_id=clinic.pk)
    over, _ = make_key(name="over", expires_at=now - dt.timedelta(days=1))
    gone, _ = make_key(name="gone")
    services.revoke_api_key(key_id=gone.pk, now=now)

    def found(query):
        return set(console.get(f"{KEYS}?{query}").context["cl"].queryset)

    assert found("state=open") == {kept, soon}
    assert found("state=soon") == {soon}
    assert found("state=over") == {over, gone}
    assert found("") == found("state=else") == {kept, soon, over, gone}
    assert found(f"clinic={clinic.pk}") == {soon}
    assert found(f"q={over.prefix}") == {over}


def test_lists_many_keys_with_no_more_queries_than_one(console, django_assert_num_queries):
    make_key(tenant_id=make_tenant().pk)
    console.get(KEYS)
    with django_assert_num_queries(8):
        console.get(KEYS)
    for _ in range(8):
        make_key(tenant_id=make_tenant().pk)

    with django_assert_num_queries(8):
        console.get(KEYS)


def test_tells_who_made_a_key(console, superuser):
    key, _ = make_key(created_by_id=superuser.pk, environment="staging")

    page = text_of(console.get(f"{KEYS}{key.pk}/change/"))

    assert "by super@example.com" in page
    assert "staging" in page


def test_does_without_who_made_a_key_when_they_are_erased(console):
    maker = make_user()
    key, _ = make_key(created_by_id=maker.pk)
    maker.profile.delete()
    maker.delete()

    page = console.get(f"{KEYS}{key.pk}/change/")

    assert page.status_code == 200
    assert " by " not in page.context["adminform"].model_admin.made(page.context["original"])


def test_lets_nobody_change_or_delete_a_key(console):
    key, _ = make_key()

    assert console.post(f"{KEYS}{key.pk}/change/", {"name": "other"}).status_code == 403
    assert console.post(f"{KEYS}{key.pk}/delete/", {"post": "yes"}).status_code == 403

    key.refresh_from_db()
    assert key.name == "Web server"


# Revoking a key


def test_asks_before_it_revokes(console):
    key, secret = make_key()

    page = console.get(f"{KEYS}{key.pk}/revoke/")

    assert "This cannot be undone." in text_of(page)
    assert find_api_key(secret, timezone.now())


def test_revokes_a_key(console):
    key, secret = make_key()
    assert f"{KEYS}{key.pk}/revoke/" in console.get(f"{KEYS}{key.pk}/change/").content.decode()

    answer = console.post(f"{KEYS}{key.pk}/revoke/", follow=True)

    assert "The key is revoked." in text_of(answer)
    assert f"{KEYS}{key.pk}/revoke/" not in answer.content.decode()
    assert find_api_key(secret, timezone.now() + dt.timedelta(seconds=5)) is None


def test_revokes_a_key_once(console):
    key, _ = make_key()
    console.post(f"{KEYS}{key.pk}/revoke/")
    key.refresh_from_db()
    first = key.revoked_at

    for answer in (
        console.post(f"{KEYS}{key.pk}/revoke/", follow=True),
        console.get(f"{KEYS}{key.pk}/revoke/", follow=True),
    ):
        assert "was revoked before" in text_of(answer)

    key.refresh_from_db()
    assert key.revoked_at == first
    assert LogEntry.objects.filter(object_id=str(key.pk)).count() == 1


def test_knows_no_other_keys(console):
    for key_id in (make_tenant().pk, "word"):
        assert console.get(f"{KEYS}{key_id}/revoke/")["Location"] == "/admin/"
        assert console.post(f"{KEYS}{key_id}/revoke/").status_code == 403


def test_writes_down_who_did_what_without_the_key(console, superuser):
    page = console.post(f"{KEYS}add/", form_of())
    (secret,) = set(SECRET.findall(page.content.decode()))
    key = ApiKey.objects.get()
    console.post(f"{KEYS}{key.pk}/revoke/")

    entries = LogEntry.objects.filter(object_id=str(key.pk)).order_by("id")

    assert [entry.get_change_message() for entry in entries] == ["Added.", "Revoked."]
    for entry in entries:
        assert entry.user_id == superuser.pk
        assert secret[13:] not in str(vars(entry))
    assert "Revoked." in text_of(console.get(f"{KEYS}{key.pk}/history/"))


def test_is_named_beside_clinics(console):
    page = text_of(console.get("/admin/"))

    assert page.index("Clinics") < page.index("API keys") < page.index("Erasure certificates")
