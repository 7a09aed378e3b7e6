"""Whatever shows something of a person leaves a trace: each view of the API, each page of the
console."""

import re
from typing import Any, Final

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from config import looks
from tests.assessments.answers import complete
from tests.audit.noted import looks_since, newest
from tests.factories import make_tenant, make_user
from tests.house.routes import Life, api_routes, call, live
from tests.house.test_doors import VIEWS, name_of

CHANGES: Final = "it changes a row, which leaves an entry of its own"
NOBODYS: Final = "what it shows is the same for everybody"
OPEN: Final = "it answers people who are not known yet, with nothing of a record"
FLAGS: Final = "flags, which are no part of a record"
# Views that show nothing of a person's record, and why.
SHOW_NOTHING: Final = {
    "accounts.api.v1.users.Baseline": CHANGES,
    "accounts.api.v1.users.CompleteOnboarding": CHANGES,
    "accounts.api.v1.users.CycleStage": CHANGES,
    "accounts.api.v1.users.LogIn": OPEN,
    "accounts.api.v1.users.LogOut": OPEN,
    "accounts.api.v1.users.MedicationStatus": CHANGES,
    "accounts.api.v1.users.SignUp": OPEN,
    "accounts.api.v2.auth.LogIn": OPEN,
    "accounts.api.v2.auth.Password": OPEN,
    "accounts.api.v2.auth.Refresh": OPEN,
    "accounts.api.v2.auth.Revoke": OPEN,
    "accounts.api.v2.auth.SignUp": OPEN,
    "assessments.api.v2.assessments.Completions": CHANGES,
    "assessments.api.v2.assessments.Definition": NOBODYS,
    "config.legacy_pages.CacheClear": NOBODYS,
    "config.legacy_pages.CacheStats": NOBODYS,
    "config.legacy_pages.CheckinsTest": NOBODYS,
    "config.legacy_pages.DetailedHealth": NOBODYS,
    "config.legacy_pages.Health": NOBODYS,
    "documents.api.v2.content.ContentLink": "following the link leaves the entry",
    "documents.api.v2.documents.Cancellation": CHANGES,
    "documents.api.v2.documents.Retry": CHANGES,
    "documents.api.v2.progress.ProgressStream": "opening the stream leaves the entry",
    "documents.api.v2.webhooks.LlamaParse": OPEN,
    "flags.api.ofrep.Evaluation": FLAGS,
    "flags.api.ofrep.Evaluations": FLAGS,
    "flags.api.v2.flags.Flag": FLAGS,
    "flags.api.v2.flags.Flags": FLAGS,
    "health.api.v1.checkins.EnhancedCheckins": CHANGES,
    "health.api.v2.events.Corrections": CHANGES,
    "health.api.v2.events.EventBatch": CHANGES,
    "health.api.v2.events.Events": CHANGES,
    "health.api.v2.events.Retractions": CHANGES,
    "health.api.v2.timeline.EventTypes": NOBODYS,
    "health.api.v2.timeline.Status": NOBODYS,
    "insights.api.v1.analytics.AnalyticsEvents": CHANGES,
    "insights.api.v1.insights.Feedback": CHANGES,
    "insights.api.v2.insights.Feedback": CHANGES,
    "insights.api.v2.insights.Interactions": CHANGES,
    "medications.api.v2.medications.Pause": CHANGES,
    "medications.api.v2.medications.Resume": CHANGES,
    "medications.api.v2.medications.Stop": CHANGES,
    "medications.api.v2.medications.Take": CHANGES,
    "ratelimits.api.v2.limits.MyLimits": "how much somebody may ask is no part of a record",
}
READS: Final = [
    route
    for route in api_routes()
    if not route.view.is_open and (route.method == "GET" or route.method in route.view.shown_by)
]


def test_says_of_each_view_what_it_shows():
    silent = {name_of(view) for _, view in VIEWS if not view.shows}

    assert silent == set(SHOW_NOTHING), "Say what it shows (`shows`), or here why that is nothing."


@pytest.mark.parametrize("route", READS, ids=str)
def test_notes_each_read_of_the_api(route: Any, alice: User):
    life = live(alice)
    before = newest()

    answer = call(route, life)

    text = b"".join(answer) if answer.streaming else answer.content
    found = looks_since(before)
    if route.view.shows and answer.status_code == 200:
        assert [(one.subject_id, one.object_type) for one in found] == [
            (alice.id, route.view.shows)
        ]
    else:
        assert life.marker not in text.decode()


# The console


PERSONAL: Final = [
    model_admin for model, model_admin in admin.site._registry.items() if looks.is_of_person(model)
]


def names_of(model_admin: Any) -> list[str]:
    """Name all pages of a model that have a name."""
    found = [one.name for one in model_admin.get_urls() if getattr(one, "name", None)]
    return [str(name) for name in dict.fromkeys(found)]


def address_of(name: str, key: Any) -> str | None:
    for arguments in ([], [key], ["failed", "damaged"]):
        try:
            return reverse(f"admin:{name}", args=arguments)
        except NoReverseMatch:
            continue
    return None


def is_about(text: str, life: Life, key: Any) -> bool:
    signs = (life.user.email, str(life.user.id), str(key), str(key)[-12:], life.marker[:40])
    return any(sign in text for sign in signs)


def row_of(model_admin: Any, life: Life) -> Any:
    """Give a row of the person's that the pages of a model show."""
    request: Any = RequestFactory().get("/")
    request.user = User(is_superuser=True)
    key = "id" if model_admin.model is User else "user_id"
    found = model_admin.get_queryset(request).filter(**{key: life.user.id}).first()
    assert found is not None, f"Give the person of this test a {model_admin.model.__name__}."
    return found


@pytest.fixture
def life(db: None) -> Life:
    life = live(make_user(tenant=make_tenant()))
    complete(life.client, "phq9", {"self_harm_thoughts": 1, "q1": 2})
    life.client.call("POST", "/api/v2/insights/generate", {})
    return life


@pytest.fixture(params=["staff", "administrator"])
def console(request: Any, life: Life) -> Client:
    rights = {"is_staff": True, "is_superuser": request.param == "administrator"}
    client = Client()
    client.force_login(make_user(tenant=life.user.tenant, **rights))
    return client


@pytest.mark.parametrize("model_admin", PERSONAL, ids=lambda one: one.model.__name__)
def test_notes_each_page_of_the_console_about_a_person(
    model_admin: Any, console: Client, life: Life
):
    row = row_of(model_admin, life)
    shown, untraced = set(), set()

    for name in names_of(model_admin):
        address = address_of(name, row.pk)
        before = newest()
        answer: Any = console.get(address) if address else None
        if answer is None or answer.status_code != 200:
            continue
        # What the person themselves is called is in the page of the log-in, too.
        if is_about(answer.content.decode(), life, row.pk):
            shown.add(name)
            if not looks_since(before, subject_id=life.user.id):
                untraced.add(name)

    base = f"{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    assert untraced == set()
    assert f"{base}_change" in shown
    assert re.compile(rf"{base}_(changelist|all)").search(" ".join(shown))


@pytest.mark.parametrize("model_admin", PERSONAL, ids=lambda one: one.model.__name__)
def test_notes_whom_a_search_finds(model_admin: Any, console: Client, life: Life):
    row = row_of(model_admin, life)
    base = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    listing = "admin:documents_document_all" if "document" in base else f"{base}_changelist"
    before = newest()

    answer = console.get(reverse(listing), {"q": life.user.email})

    assert answer.status_code == 200
    (look,) = looks_since(before, subject_id=life.user.id)
    assert (look.event, look.object_type) == ("records-listed", type(row)._meta.db_table)
    assert look.details == {"page": listing.removeprefix("admin:")}
