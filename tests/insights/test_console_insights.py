"""The console's pages about insights: read only, cheap to list, and in people's words."""

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from insights.models import Insight, InsightInteraction
from tests.conftest import client_of
from tests.factories import make_user

INSIGHTS = "/admin/insights/insight/"
SAID = "/admin/insights/insightinteraction/"
FORM = {"mood_today": "worried, tired", "confidence_today": 3, "anxiety_level": 9}


@pytest.fixture
def superuser(db: None) -> User:
    return make_user(email="super@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def nurse(alice: User) -> User:
    return make_user(tenant=alice.tenant, email="nurse@example.com", is_staff=True)


def console_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def alert_of(user: User) -> Insight:
    """Let somebody have a hard day, and give the alert that comes of it."""
    client_of(user).call("POST", "/api/checkins", FORM)
    client_of(user).call("POST", "/api/v2/insights/generate", {})
    return Insight.objects.get(user_id=user.id, insight_type="support_needed")


def act(user: User, insight: Insight, what: str) -> None:
    path = f"/api/v2/insights/{insight.id}/interactions"
    assert client_of(user).call("POST", path, {"action": what}).status_code == 201


def say(user: User, insight: Insight, *, helpful: bool, comment: str | None = None) -> uuid.UUID:
    body = {"helpful": helpful, "comment": comment, "context": {"screen": "home"}}
    answer = client_of(user).call("POST", f"/api/v2/insights/{insight.id}/feedback", body)
    return uuid.UUID(answer.json()["id"])


def text_of(client: Client, address: str, **query: Any) -> str:
    answer: Any = client.get(address, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


# Lists


def test_shows_staff_what_is_of_their_own_clinic_alone(nurse, superuser, alice, charlie):
    for user in (alice, charlie):
        say(user, alert_of(user), helpful=True)

    for address in (INSIGHTS, SAID):
        assert alice.email in text_of(console_of(nurse), address)
        assert charlie.email not in text_of(console_of(nurse), address)
        assert charlie.email in text_of(console_of(superuser), address)


def test_says_what_became_of_an_insight(nurse, alice):
    insight = alert_of(alice)
    console = console_of(nurse)
    before = text_of(console, INSIGHTS, kind="support_needed")
    act(alice, insight, "viewed")
    act(alice, insight, "dismissed")
    say(alice, insight, helpful=False)

    after = text_of(console, INSIGHTS, kind="support_needed")

    for mark in ("viewed</span>", "dismissed</span>", "not helpful</span>"):
        assert mark not in before
        assert mark in after
    say(alice, insight, helpful=True)
    assert ">helpful</span>" in text_of(console, INSIGHTS, kind="support_needed")


def test_filters_insights(nurse, alice):
    insight = alert_of(alice)
    Insight.objects.filter(pk=insight.pk).update(expires_at=timezone.now())
    total = Insight.objects.filter(user_id=alice.id).count()
    console = console_of(nurse)

    def counted(**query: Any) -> int:
        shown = text_of(console, INSIGHTS, **query)
        found = re.search(r"^(\d+) insights?$", shown, re.MULTILINE)
        return int(found[1]) if found else -1

    assert counted(kind="support_needed") == counted(state="ended") == 1
    assert counted(state="current") == total - 1
    by_category = [counted(category=name) for name in Insight.Category.values]
    assert sum(by_category) == total
    assert sum(counted(priority=name) for name in ("urgent", "middle", "low")) == total
    assert counted(trigger="manual") == total
    assert counted(trigger="scheduled") == 0
    assert counted(days="1") == counted(person=str(alice.pk)) == total
    assert counted(kind="nonsense", category="x", state="x", days="x", priority="x") == total


def test_finds_insights_by_address_and_by_id(nurse, alice, charlie):
    mine, theirs = alert_of(alice), alert_of(charlie)
    console = console_of(nurse)

    assert "1 insight" in text_of(console, INSIGHTS, q=str(mine.pk))
    assert mine.title in text_of(console, INSIGHTS, q="Alice@Example.com")
    for term in (charlie.email, str(theirs.pk), "nobody@example.com", "alice"):
        assert "0 insights" in text_of(console, INSIGHTS, q=term)


def test_sums_up_what_was_said_for_what_is_chosen(nurse, alice, bob, charlie):
    assert "Nobody in this selection" in text_of(console_of(nurse), SAID)
    insight, theirs, other = alert_of(alice), alert_of(bob), alert_of(charlie)
    say(alice, insight, helpful=True)
    say(alice, insight, helpful=False, comment="Came too late.")
    say(bob, theirs, helpful=True)
    say(charlie, other, helpful=False)
    act(alice, insight, "viewed")
    engagement = {"insight_id": "encouragement_1", "helpful": False}
    client_of(bob).call("POST", "/api/insights/feedback", engagement)
    console = console_of(nurse)

    def summary(**query: Any) -> str:
        text = text_of(console, SAID, **query)
        return text.partition("Helpful: ")[2].partition(" in this selection")[0]

    assert summary() == "2 of 4 answers"
    assert summary(kind="support_needed") == "2 of 3 answers"
    assert summary(kind="support_needed", person=str(bob.pk)) == "1 of 1 answer"
    assert summary(helpful="no") == "0 of 2 answers"
    assert summary(helpful="comment") == "0 of 1 answer"
    assert summary(mood="hard") == summary(confidence="low") == "2 of 4 answers"
    assert summary(mood="good") == summary(confidence="high") == ""
    assert summary(action="viewed") == ""
    assert summary(days="1") == "2 of 4 answers"
    assert summary(person=str(alice.pk), insight=str(insight.pk)) == "1 of 2 answers"
    assert summary(insight=str(insight.pk)) == ""
    assert summary(person=str(charlie.pk)) == ""


def test_lists_without_counting_the_whole_table_or_asking_row_by_row(superuser, alice, bob):
    say(alice, alert_of(alice), helpful=True)
    console = console_of(superuser)

    for address in (INSIGHTS, SAID):
        text_of(console, address)
        with CaptureQueriesContext(connection) as few:
            text_of(console, address)
        say(bob, alert_of(bob), helpful=True)
        with CaptureQueriesContext(connection) as more:
            text_of(console, address)

        assert len(few) == len(more)
        counts = [query["sql"] for query in more if "COUNT(" in query["sql"].upper()]
        assert counts
        assert all("LIMIT" in sql for sql in counts)


# One


def test_shows_an_insight_as_the_person_sees_it_and_why(nurse, alice):
    insight = alert_of(alice)
    act(alice, insight, "viewed")
    said = say(alice, insight, helpful=False, comment="Came <b>too</b> late.")
    console = console_of(nurse)

    shown = text_of(console, f"{INSIGHTS}{insight.pk}/change/")

    assert insight.message in shown
    assert f"<strong>{insight.action_label}</strong>" in shown
    (evidence,) = insight.evidence
    address = f"/admin/health/healthevent/{evidence['id']}/change/"
    assert f'<a href="{address}">Mood, ' in shown
    assert text_of(console, address)
    assert f'<a href="{SAID}{said}/change/">Not helpful</a>' in shown
    assert "Came &lt;b&gt;too&lt;/b&gt; late." in shown
    assert "Mood then: worried, tired, confidence 3 of 10" in shown
    assert f"{SAID}?person={alice.pk}&amp;insight={insight.pk}" in shown


def test_shows_what_an_insight_of_v1_mode_rests_on(nurse, alice, settings):
    settings.USE_SCHEMA_V2 = False
    client_of(alice).call("POST", "/api/checkins", FORM)
    client_of(alice).call("PUT", "/api/users/me", {"baseline_completed": True})
    client_of(alice).call("POST", "/api/insights/generate", {})
    insight = Insight.objects.filter(user_id=alice.id, evidence__0__kind="check-in")[0]
    console = console_of(nurse)

    shown = text_of(console, f"{INSIGHTS}{insight.pk}/change/")

    address = f"/admin/health/dailycheckin/{insight.evidence[0]['id']}/change/"
    assert f'<a href="{address}">Daily check-in</a>' in shown
    assert text_of(console, address)


def test_shows_an_insight_that_rests_on_nothing_yet(nurse, alice):
    client_of(alice).call("POST", "/api/v2/insights/generate", {})
    insight = Insight.objects.get(user_id=alice.id)

    shown = text_of(console_of(nurse), f"{INSIGHTS}{insight.pk}/change/")

    assert "no event and no check-in" in shown
    assert "Nothing yet" in shown


def test_shows_what_somebody_said(nurse, alice):
    insight = alert_of(alice)
    said = say(alice, insight, helpful=False, comment="First line.\n<i>Second</i> line.")

    shown = text_of(console_of(nurse), f"{SAID}{said}/change/")

    assert "First line.<br>&lt;i&gt;Second&lt;/i&gt; line." in shown
    assert f'<a href="{INSIGHTS}{insight.pk}/change/">' in shown
    assert "3 of 10" in shown
    assert '<th scope="row">Screen</th><td>home</td>' in shown


def test_shows_what_old_clients_said_of_insights_of_their_own(nurse, alice):
    sent = {
        "insight_type": "my_own_kind",
        "action": "<script>liked</script>",
        "insight_id": "mine_1",
    }
    client_of(alice).call("POST", "/api/insights/engagement", sent)
    row = InsightInteraction.objects.get(user_id=alice.id)

    for address in (SAID, f"{SAID}{row.pk}/change/"):
        shown = text_of(console_of(nurse), address)
        assert "My own kind" in shown
        assert "<script>liked" not in shown
        assert "liked" in shown


@pytest.mark.parametrize("page", ["change", "history"])
def test_answers_for_records_of_another_clinic_as_for_unknown_ones(nurse, charlie, page):
    insight = alert_of(charlie)
    said = say(charlie, insight, helpful=True)
    console = console_of(nurse)

    for address, key in ((INSIGHTS, insight.pk), (SAID, said)):
        theirs = console.get(f"{address}{key}/{page}/", follow=True)
        unknown = console.get(f"{address}{uuid.uuid4()}/{page}/", follow=True)
        assert theirs.redirect_chain == unknown.redirect_chain == [("/admin/", 302)]
        assert charlie.email not in theirs.content.decode()


def test_changes_nothing(superuser, alice):
    insight = alert_of(alice)
    said = say(alice, insight, helpful=True)
    console = console_of(superuser)

    for address, key in ((INSIGHTS, insight.pk), (SAID, said)):
        sent = {"title": "changed", "comment": "changed", "post": "yes"}
        assert console.post(f"{address}{key}/change/", sent).status_code == 403
        assert console.post(f"{address}{key}/delete/", sent).status_code == 403
        assert console.post(f"{address}add/", sent).status_code == 403

    assert Insight.objects.get(pk=insight.pk).title == insight.title
    assert InsightInteraction.objects.get(pk=said).comment is None


def test_is_reached_from_the_persons_page(nurse, alice):
    insight = alert_of(alice)
    console = console_of(nurse)

    shown = text_of(console, f"/admin/accounts/user/{alice.pk}/change/")

    assert f"{INSIGHTS}?person={alice.pk}" in shown
    assert insight.title in text_of(console, INSIGHTS, person=alice.pk)


def test_stands_in_the_overview_after_the_queue_of_safety_alerts(nurse):
    shown = text_of(console_of(nurse), "/admin/")

    places = [shown.index(f'href="{address}"') for address in (INSIGHTS, SAID)]
    assert shown.index('href="/admin/insights/safetyalert/"') < places[0] < places[1]
