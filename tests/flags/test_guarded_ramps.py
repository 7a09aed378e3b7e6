"""A ramp against real requests: they fail for some people, are counted, and the ramp decides."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.urls import path
from django.utils import timezone
from rest_framework.response import Response

from accounts.models import User
from config.urls import urlpatterns as own_urlpatterns
from core.api.v2 import V2View
from flags import counting, outcomes, rules, services
from flags.health_gate import Guard
from flags.models import FeatureFlag, FeatureFlagOutcome, FeatureFlagRamp
from flags.services import ramping
from flags.services.ramping import RampStep
from flags.types import Definition
from tests.conftest import token_of
from tests.factories import make_user

ALICE = services.Actor("alice@example.com")
KEY = f"guarded-{uuid.uuid4().hex[:12]}"
# Whose requests fail: those with the feature, without it, or both.
broken: set[bool] = set()


class Search(V2View):
    """A feature in two forms, of which one may be broken."""

    def get(self, request: HttpRequest) -> Response:
        is_new = services.is_on(KEY, self.person.id, default=False)
        if is_new in broken:
            raise RuntimeError("The search is broken.")
        return Response({"is_new": is_new})


urlpatterns = [path("api/v2/search", Search.as_view()), *own_urlpatterns]


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: Any) -> list[User]:
    with django_db_blocker.unblock():
        return [make_user() for _ in range(40)]


@pytest.fixture
def ramp(committed_db: None, settings: Any) -> Iterator[FeatureFlagRamp]:
    """A ramp that stands at its first step, 50 %, since a minute ago."""
    settings.ROOT_URLCONF = __name__
    before = rules.replace(None)
    begin = timezone.now().replace(second=0, microsecond=0) - dt.timedelta(minutes=1)
    services.create_flag(
        definition=Definition(key=KEY, salt=KEY, is_enabled=True), actor=ALICE, now=begin
    )
    made = ramping.plan_ramp(
        key=KEY,
        steps=[RampStep(50.0, 10), RampStep(100.0)],
        guard=Guard(min_requests=20),
        reason="The new search.",
        actor=ALICE,
        now=begin,
    )
    ramping.advance_ramps(now=begin)
    yield made
    broken.clear()
    FeatureFlagRamp.objects.filter(pk=made.pk).delete()
    FeatureFlagOutcome.objects.filter(flag_name=KEY).delete()
    if FeatureFlag.objects.filter(flag_name=KEY).exists():
        services.delete_flag(key=KEY, actor=ALICE, reason="A test.", now=timezone.now())
    counting.forget()
    outcomes.forget()
    rules.replace(before)
    connection.close()


def use(people: list[User], times: int = 3) -> list[int]:
    """Let everybody use the feature, and what came of it reach the database."""
    with rules.connect() as own:
        rules.load(own)
        outcomes.watch(own)
        client = Client(raise_request_exception=False)
        statuses = [
            client.get(
                "/api/v2/search", headers={"authorization": f"Bearer {token_of(person)}"}
            ).status_code
            for person in people
            for _ in range(times)
        ]
        counting.begin().flush(own)
    return statuses


def advance(ramp: FeatureFlagRamp, minutes: float = 1) -> tuple[str, str]:
    assert ramp.starts_at
    ramping.advance_ramps(now=ramp.starts_at + dt.timedelta(minutes=minutes))
    ramp.refresh_from_db()
    return ramp.state, ramp.pause_reason


def test_pauses_when_requests_fail_only_for_those_who_have_it(
    ramp: FeatureFlagRamp, people: list[User]
) -> None:
    broken.add(True)
    statuses = use(people)

    state, reason = advance(ramp)

    failed = statuses.count(500)
    assert 0 < failed < len(statuses)
    assert state == "paused"
    assert reason == (
        f"100.0 % of {failed} requests with the feature failed, 0.0 % of"
        f" {len(statuses) - failed} without."
    )
    assert FeatureFlag.objects.get(flag_name=KEY).rollout_percentage == 50
    assert advance(ramp, minutes=60)[0] == "paused"


def test_goes_on_when_requests_fail_only_for_those_who_do_not_have_it(
    ramp: FeatureFlagRamp, people: list[User]
) -> None:
    broken.add(False)
    statuses = use(people)

    soaking = advance(ramp)
    done = advance(ramp, minutes=10)

    assert 0 < statuses.count(500) < len(statuses)
    assert (soaking, done) == (("running", ""), ("running", ""))
    assert FeatureFlag.objects.get(flag_name=KEY).rollout_percentage == 100


def test_goes_on_when_requests_fail_for_everybody(
    ramp: FeatureFlagRamp, people: list[User]
) -> None:
    broken.update({True, False})
    statuses = use(people)

    done = advance(ramp, minutes=10)

    assert set(statuses) == {500}
    assert done == ("running", "")
    assert FeatureFlag.objects.get(flag_name=KEY).rollout_percentage == 100


def test_waits_for_enough_requests_before_it_tells(
    ramp: FeatureFlagRamp, people: list[User]
) -> None:
    broken.add(True)
    use(people[:10], times=1)

    assert advance(ramp) == ("running", "")
    use(people)
    assert advance(ramp)[0] == "paused"


def test_counts_anew_when_it_goes_on(ramp: FeatureFlagRamp, people: list[User]) -> None:
    broken.add(True)
    use(people)
    advance(ramp)
    broken.clear()

    later = timezone.now() + dt.timedelta(minutes=5)
    ramping.resume_ramp(ramp_id=ramp.pk, reason="Mended.", actor=ALICE, now=later)
    ramping.advance_ramps(now=later)

    ramp.refresh_from_db()
    assert ramp.state == "running"


def test_lets_everything_pass_when_nothing_guards_it(
    ramp: FeatureFlagRamp, people: list[User]
) -> None:
    broken.add(True)
    use(people)
    FeatureFlagRamp.objects.filter(pk=ramp.pk).update(is_guarded=False)

    assert advance(ramp, minutes=10) == ("running", "")
    assert FeatureFlag.objects.get(flag_name=KEY).rollout_percentage == 100
