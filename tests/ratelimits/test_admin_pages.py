"""The console's pages of limits: who sees them, what they say, and what they change."""

import datetime as dt
import re
import uuid

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditLog
from ratelimits import services, traffic
from ratelimits.models import (
    ApiTrafficHour,
    RateLimitBucket,
    RateLimitRule,
    RateLimitTraffic,
    RateLimitViolation,
)
from tests.factories import make_user

LIST = "/admin/ratelimits/ratelimitrule/"
ADD, NOW, REFUSED = f"{LIST}add/", f"{LIST}now/", f"{LIST}refused/"
TIMELINE = "/api/v2/health/timeline"


@pytest.fixture
def console(db):
    client = Client()
    client.force_login(make_user(email="root@example.com", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def rule(db):
    return services.create_rule(
        values={
            "name": "timeline",
            "scope": "user",
            "paths": [TIMELINE],
            "capacity": 20,
            "refill": 20,
            "window_seconds": 60,
        },
        by="root@example.com",
    )


def page_of(rule, name="change"):
    return reverse(f"admin:ratelimits_ratelimitrule_{name}", args=[rule.pk])


def form_of(rule, **changes):
    """What a browser would send that changed nothing but this; None takes a field out."""
    told = {
        "base_version": rule.version,
        "mode": rule.mode,
        "scope": rule.scope,
        "capacity": rule.capacity,
        "refill": rule.refill,
        "window_number": 1,
        "window_unit": "60",
        "paths": "\n".join(rule.paths),
        "tenant_id": "",
        "cost": rule.cost,
        "weights": "",
        "description": rule.description,
        "when_away": rule.when_away,
    } | changes
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


def asked(user, number, minutes_ago=30):
    minute = timezone.now().replace(second=0, microsecond=0) - dt.timedelta(minutes=minutes_ago)
    ApiTrafficHour.objects.get_or_create(
        hour=minute.replace(minute=0),
        route=TIMELINE,
        method="GET",
        status_class=2,
        defaults={"request_count": number, "total_ms": 1, "histogram": [0] * 11},
    )
    RateLimitTraffic.objects.create(
        minute=minute,
        user_id=user.id,
        tenant_id=user.tenant_id,
        routes=[traffic.route_id("GET", TIMELINE)],
        requests=[number],
        request_count=number,
    )


def violation(rule, user, number=3, mode="enforced", minutes_ago=5):
    at = timezone.now() - dt.timedelta(minutes=minutes_ago)
    return RateLimitViolation.objects.create(
        rule_name=rule.name,
        key=user.id.bytes,
        hour=at.replace(minute=0, second=0, microsecond=0),
        scope=rule.scope,
        mode=mode,
        user_id=user.id,
        tenant_id=user.tenant_id,
        violation_count=number,
        first_at=at,
        last_at=at,
        samples=[
            {"at": at.isoformat(), "method": "GET", "route": TIMELINE, "request_id": "abc-12345"}
        ],
    )


def bucket(rule, user, **changes):
    now = timezone.now()
    told = {
        "rule_name": rule.name,
        "key": user.id.bytes,
        "scope": rule.scope,
        "user_id": user.id,
        "tenant_id": user.tenant_id,
        "capacity": rule.capacity,
        "remaining": 0,
        "limited_since": now - dt.timedelta(minutes=3),
        "limited_until": now + dt.timedelta(seconds=40),
        "seen_at": now,
    }
    return RateLimitBucket.objects.create(**told | changes)


# Who sees them


@pytest.mark.parametrize("page", [LIST, ADD, NOW, REFUSED])
@pytest.mark.parametrize("rights", [{}, {"is_staff": True}])
def test_are_for_superusers_alone(db, page, rights):
    client = Client()
    client.force_login(make_user(**rights))

    answer = client.get(page)

    assert answer.status_code in {302, 403}


@pytest.mark.parametrize("name", ["change", "remove", "preview"])
def test_one_rule_is_for_superusers_alone(rule, name):
    client = Client()
    client.force_login(make_user(is_staff=True))

    answer = client.post(page_of(rule, name), form_of(rule, capacity=1))

    assert answer.status_code == 403
    rule.refresh_from_db()
    assert rule.capacity == 20


# The list


def test_lists_what_each_rule_allows_and_what_it_refused(console, rule, alice):
    violation(rule, alice, 1234)
    violation(rule, alice, 5, mode="shadow")

    said = text_of(console.get(LIST))

    assert "timeline Enforced Each person: 20 requests at once, then 20 a minute." in said
    assert f"{TIMELINE} 1,234 5 in shadow" in said
    assert "Each e-mail address: 10 failed log-ins within 5 minutes." in said
    assert "by root@example.com" in said


def test_says_what_to_do_without_rules(console):
    RateLimitRule.objects.exclude(scope__startswith="log").filter(mode="enforced").exclude(
        scope__in=["password", "sign_up_network"]
    ).delete()

    said = text_of(console.get(LIST))

    assert "There is no rule, so nothing is limited." in said


# One rule


def test_shows_a_rule(console, rule, alice):
    violation(rule, alice, 1)

    said = text_of(console.get(page_of(rule)))

    assert "Enforced Each person: 20 requests at once, then 20 a minute." in said
    assert "1 request refused in the last 24 hours" in said


def test_every_rule_of_the_installation_can_be_saved_as_it_is(console):
    for row in RateLimitRule.objects.all():
        form = console.get(page_of(row)).context["form"]
        sent = {name: form[name].value() for name in form.fields}
        sent = {name: value for name, value in sent.items() if value is not None}

        answer = console.post(page_of(row), sent | {"reason": "As it is."})

        assert answer.status_code == 302, answer.context["form"].errors
        changed = RateLimitRule.objects.get(pk=row.pk)
        assert changed.rule == row.rule


def test_previews_whom_a_change_limits(console, rule, alice, bob):
    asked(alice, 30)
    asked(bob, 8)

    answer = console.post(page_of(rule, "preview"), form_of(rule, capacity=5, refill=1))

    said = text_of(answer)
    assert "2 people would have been limited" in said
    assert "As it stands 20 requests at once, then 20 a minute 0 to 1 person 0 to 10" in said
    assert "As typed 5 requests at once, then 1 a minute 2 people 28" in said
    assert f"person …{str(alice.id)[-8:]}" in said
    assert TIMELINE in said
    assert "alice@example.com" not in answer.content.decode()
    assert 'data-needs-reason="yes"' in answer.content.decode()


def test_previews_without_traffic(console, rule):
    said = text_of(console.post(page_of(rule, "preview"), form_of(rule, capacity=5)))

    assert "there is nothing to try it on" in said
    assert "At once 20 5" in said


def test_says_why_there_is_no_preview(console, rule):
    said = text_of(console.post(page_of(rule, "preview"), form_of(rule, capacity=0)))

    assert "There is no preview yet: Must be from 1 to 1000000." in said


def test_saves_and_leaves_a_trace(console, rule, alice):
    asked(alice, 30)

    answer = console.post(
        page_of(rule), form_of(rule, capacity=5, reason="Too many at once.", methods=["GET"])
    )

    assert answer.status_code == 302
    assert said_by(answer) == ["The rule timeline is changed. It holds within two seconds."]
    rule.refresh_from_db()
    assert (rule.capacity, rule.methods, rule.version) == (5, ["GET"], 2)
    assert rule.updated_by == "root@example.com"
    entry = AuditLog.objects.filter(event="limit-rule-changed", object_id="timeline").latest("id")
    assert entry.category == "administration"
    told = entry.details or {}
    assert told["reason"] == "Too many at once."
    assert (told["before"]["capacity"], told["after"]["capacity"]) == (20, 5)


def test_asks_why_when_requests_of_the_last_day_would_be_refused(console, rule, alice):
    asked(alice, 30)

    answer = console.post(page_of(rule), form_of(rule, capacity=5))

    assert "Say why" in text_of(answer)
    assert "1 person would have been refused more than now" in text_of(answer)
    rule.refresh_from_db()
    assert rule.capacity == 20


@pytest.mark.parametrize("mode", ["off", "shadow"])
def test_asks_why_when_a_rule_is_not_enforced_any_more(console, rule, mode):
    refused = console.post(page_of(rule), form_of(rule, mode=mode))
    done = console.post(page_of(rule), form_of(rule, mode=mode, reason="For the import tonight."))

    assert "Say why" in text_of(refused)
    assert done.status_code == 302
    rule.refresh_from_db()
    assert rule.mode == mode


def test_needs_no_reason_for_what_touches_nobody(console, rule, alice):
    asked(alice, 3)

    answer = console.post(page_of(rule), form_of(rule, capacity=10))

    assert answer.status_code == 302


def test_shows_what_the_service_refuses_at_its_field(console, rule):
    wrong = {"capacity": 10_000_000, "paths": "documents", "weights": "ten /api/v2/documents"}

    for field, value in wrong.items():
        answer = console.post(page_of(rule), form_of(rule, **{field: value}))
        assert list(answer.context["form"].errors) == [field]


def test_does_not_overwrite_what_somebody_changed_meanwhile(console, rule):
    old = form_of(rule, description="Mine.")
    services.change_rule(name=rule.name, values={"capacity": 25}, version=1, by="other@example.com")

    answer = console.post(page_of(rule), old)
    again = console.post(
        page_of(rule), old | {"base_version": answer.context["form"].data["base_version"]}
    )

    assert "other@example.com changed this rule meanwhile." in text_of(answer)
    assert again.status_code == 302


def test_makes_a_rule(console, alice):
    sent = {
        "name": "exports",
        "mode": "shadow",
        "scope": "tenant",
        "tenant_id": str(alice.tenant_id),
        "capacity": 10,
        "refill": 10,
        "window_number": 2,
        "window_unit": "3600",
        "paths": "/api/v2/health/*\n/api/v2/documents",
        "methods": ["GET", "POST"],
        "cost": 1,
        "weights": "10 POST /api/v2/documents\n5 GET, PUT /api/v2/health/*",
        "when_away": "closed",
    }

    answer = console.post(ADD, sent)

    assert answer.status_code == 302
    made = RateLimitRule.objects.get(name="exports").rule
    assert made.window_seconds == 7200
    assert made.paths == ("/api/v2/health/*", "/api/v2/documents")
    assert [(one.cost, one.methods) for one in made.weights] == [
        (10, ("POST",)),
        (5, ("GET", "PUT")),
    ]
    assert made.tenant_id == str(alice.tenant_id)


def test_refuses_a_name_that_is_taken(console, rule):
    sent = form_of(rule, name="timeline", base_version=None)

    answer = console.post(ADD, sent)

    assert "name" in answer.context["form"].errors


def test_deletes_a_rule_for_a_reason(console, rule):
    without = console.post(page_of(rule, "remove"), {})
    done = console.post(page_of(rule, "remove"), {"reason": "Nobody needs it."})

    assert "This field is required." in text_of(without)
    assert done.status_code == 302
    assert not RateLimitRule.objects.filter(name="timeline").exists()
    entry = AuditLog.objects.filter(event="limit-rule-changed", object_id="timeline").latest("id")
    assert (entry.details or {})["reason"] == "Nobody needs it."


def test_limits_of_log_ins_have_their_figures_alone(console):
    row = RateLimitRule.objects.get(scope="login_email")

    page = console.get(page_of(row))
    saved = console.post(
        page_of(row),
        {
            "base_version": row.version,
            "capacity": 5,
            "window_number": 10,
            "window_unit": "60",
            "description": "",
        },
    )
    refused = console.post(
        page_of(row),
        {
            "base_version": row.version + 1,
            "capacity": 5000,
            "window_number": 10,
            "window_unit": "60",
            "description": "",
        },
    )

    assert set(page.context["form"].fields) == {
        *("capacity", "window_number", "window_unit", "description", "reason", "base_version")
    }
    assert saved.status_code == 302
    row.refresh_from_db()
    assert (row.capacity, row.window_seconds) == (5, 600)
    assert list(refused.context["form"].errors) == ["capacity"]
    assert console.get(page_of(row, "remove")).status_code == 404


def test_an_unknown_rule_is_not_found(console):
    assert console.get(f"{LIST}{uuid.uuid4()}/preview/").status_code == 404
    assert console.get(f"{LIST}{uuid.uuid4()}/remove/").status_code == 404


# Who is limited, and who was


def test_says_who_is_limited_now(console, rule, alice, bob):
    bucket(rule, alice)
    violation(rule, alice, 7)
    bucket(rule, bob, remaining=6, limited_since=None, limited_until=None)

    answer = console.get(NOW)

    said = text_of(answer)
    assert "Refused for now" in said
    assert f"person …{str(alice.id)[-8:]} timeline 100 %" in said
    assert f"person …{str(bob.id)[-8:]} timeline 70 %" in said
    assert reverse("admin:accounts_user_change", args=[alice.id]) in answer.content.decode()
    assert "@example.com" not in said.replace("root@example.com", "")


def test_lets_buckets_fill_up_by_themselves(console, rule, alice, bob):
    now = timezone.now()
    minute = dt.timedelta(minutes=1)
    bucket(rule, alice, seen_at=now - minute, limited_until=now - minute)
    bucket(rule, bob, seen_at=now - minute / 4, limited_until=now - minute / 6)

    answer = console.get(NOW)

    assert [one["used"] for one in answer.context["busy"]] == [75]
    assert answer.context["limited"] == []


def test_who_passes_now_and_then_is_limited_all_the_same(console, rule, alice):
    now = timezone.now()
    bucket(rule, alice, remaining=0, limited_until=now - dt.timedelta(seconds=4), seen_at=now)

    answer = console.get(NOW)

    assert [one["ends_in"] for one in answer.context["limited"]] == [""]
    assert "passes now and then" in text_of(answer)


def test_shows_who_is_refused_for_what_costs_more_than_is_left(console, rule, alice):
    bucket(rule, alice, remaining=rule.capacity - 1)

    assert len(console.get(NOW).context["limited"]) == 1


def test_says_that_nobody_is_limited(console):
    assert "Nobody is refused for now" in text_of(console.get(NOW))


def test_says_whom_rules_refused(console, rule, alice, bob):
    violation(rule, alice, 70)
    violation(rule, alice, 30, minutes_ago=90)
    violation(rule, bob, 2, mode="shadow", minutes_ago=60 * 30)

    said = text_of(console.get(REFUSED))
    week = text_of(console.get(f"{REFUSED}?hours=168&rule=timeline"))
    other = text_of(console.get(f"{REFUSED}?rule=uploads"))

    assert f"person …{str(alice.id)[-8:]} timeline 100 " in said
    assert "request abc-12345" in said
    assert str(bob.id)[-8:] not in said
    assert f"person …{str(bob.id)[-8:]} timeline Shadow 2 " in week
    assert "The rule uploads met nobody in this time." in other


def test_says_that_nothing_was_refused(console):
    assert "No rule met anybody in this time." in text_of(console.get(REFUSED))
    assert console.get(f"{REFUSED}?hours=nonsense&rule=%00").status_code == 200
