"""Every view of the API stands on the base view of its version, and is closed unless named."""

from typing import Final

import pytest
from rest_framework.permissions import IsAuthenticated

from accounts.authentication import BearerAuthentication
from core.api.base import GatedView, HotPath
from core.api.v1 import V1View
from core.api.v2 import V2View
from flags.api.ofrep import OfrepView
from tests.house.routes import APIS, BODIES, api_routes, patterns, view_of

# Views that answer people who are not known yet.
OPEN: Final = {
    "accounts.api.v1.users.LogIn": "gives the token",
    "accounts.api.v1.users.LogOut": "old clients log out with tokens of any age; it does nothing",
    "accounts.api.v1.users.SignUp": "makes the account",
    "accounts.api.v2.auth.LogIn": "gives the tokens",
    "accounts.api.v2.auth.Password": "checks the token itself, as hashing takes long",
    "accounts.api.v2.auth.Refresh": "the refresh token is the proof",
    "accounts.api.v2.auth.Revoke": "the refresh token is the proof",
    "accounts.api.v2.auth.SignUp": "makes the account",
    "config.legacy_pages.CacheClear": "asks for staff itself: the gate's role can't see who is",
    "config.legacy_pages.CacheStats": "asks for staff itself: the gate's role can't see who is",
    "config.legacy_pages.CheckinsTest": "a list of paths, open in the old service",
    "config.legacy_pages.DetailedHealth": "a probe",
    "config.legacy_pages.Health": "a probe",
    "documents.api.v2.webhooks.LlamaParse": "the signature is the proof",
    "flags.api.ofrep.Evaluation": "takes keys of servers beside tokens, and checks either itself",
    "flags.api.ofrep.Evaluations": "takes keys of servers beside tokens, and checks either itself",
    "health.api.v2.timeline.EventTypes": "schemas, the same for everybody",
    "health.api.v2.timeline.Status": "what is switched on, as in the old service",
}
# Views whose SQL function enters the gate, instead of the base view.
HOT: Final = {
    "documents.api.v2.content.Content": "services.entering",
    "documents.api.v2.documents.Documents": "services.entering",
    "documents.api.v2.search.Search": "services.searching",
    "flags.api.ofrep.Evaluation": "callers.find_person",
    "flags.api.ofrep.Evaluations": "callers.find_person",
    "flags.api.v2.flags.Flag": "callers.find_person",
    "flags.api.v2.flags.Flags": "callers.find_person",
    "health.api.v1.checkins.Checkins": "submit_checkin, newest_checkins",
    "health.api.v2.events.EventBatch": "record_events",
    "health.api.v2.events.Events": "record_events",
    "health.api.v2.timeline.HealthEvents": "record_events, read_timeline",
    "health.api.v2.timeline.Timeline": "read_timeline",
}
# Pages about the API that are no views of it.
PAGES: Final = {"api/docs", "api/openapi-<slug:name>.json"}
# Version 2 under a path that the old service had announced.
ANNOUNCED: Final = {
    "api/assessments/<str:assessment>/complete",
    "api/health-events",
    "api/medications/<uuid:medication_id>/take",
}

VIEWS: Final = [
    (template, view_of(callback))
    for template, callback in patterns()
    if template.startswith(APIS) and view_of(callback)
]


def name_of(view):
    return f"{view.__module__}.{view.__qualname__}"


def test_are_all_views_of_a_version():
    others = {
        template
        for template, callback in patterns()
        if template.startswith(APIS) and not view_of(callback)
    }

    assert others == PAGES


@pytest.mark.parametrize(("template", "view"), VIEWS)
def test_stand_on_the_base_view_of_their_version(template, view):
    dialect: str = "v1"
    base: type[GatedView] = V1View
    if template.startswith("ofrep/"):
        dialect, base = "ofrep", OfrepView
    elif template.startswith("api/v2/") or template in ANNOUNCED:
        dialect, base = "v2", V2View

    assert issubclass(view, base)
    if view.__module__ != "config.legacy_pages":
        assert view.__module__.split(".")[1:3] == ["api", dialect]


def test_are_open_only_where_named():
    found = {name_of(view) for _, view in VIEWS if view.is_open}

    assert found == set(OPEN), "Every open view needs its reason in OPEN."


def test_are_hot_only_where_named():
    found = {name_of(view) for _, view in VIEWS if issubclass(view, HotPath)}

    assert found == set(HOT), "A hot view's function must enter the gate by itself."


@pytest.mark.parametrize(
    "view", sorted({view for _, view in VIEWS if not view.is_open}, key=name_of)
)
def test_leave_the_gate_to_the_base_view(view):
    base = HotPath if issubclass(view, HotPath) else GatedView

    assert view.dispatch is base.dispatch
    assert view.initial is GatedView.initial
    assert [type(part) for part in view().get_authenticators()] == [BearerAuthentication]
    assert [type(part) for part in view().get_permissions()] == [IsAuthenticated]


def test_have_a_call_that_succeeds_for_every_method():
    takes_body = {str(route) for route in api_routes() if route.method in {"POST", "PUT", "PATCH"}}

    assert takes_body == set(BODIES), "tests/house/routes.py needs a body for every method."
