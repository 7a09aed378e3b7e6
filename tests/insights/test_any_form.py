"""Whatever people send, through the real doors: every insight answers, and reads as a sentence."""

import datetime as dt
import re
from typing import Any

from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core.times import local_date
from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.health.forms import forms, over_http, texts, values
from tests.insights.log import read_log

GETS = (
    *("/api/insights", "/api/insights/daily", "/api/insights/micro", "/api/insights/engagement"),
    *("/api/users/insight", "/api/v2/insights", "/api/v2/insights?include=all&limit=100"),
)
QUOTED = re.compile("“[^”]*”")
RAW = re.compile(r"\w_\w|[{}@]|\b(None|True|False|nan|null|undefined)\b|[0-9a-f]{8}-[0-9a-f]{4}")
SHOWN = ("title", "message", "subMessage", "insight_title", "insight_message")

# What is alike on several days, so that patterns are found in it.
telling = st.fixed_dictionaries(
    {},
    optional={
        "anxiety_level": st.integers(1, 10),
        "medication_taken": st.sampled_from(["yes", "no", "partial", "not_applicable"]),
        "primary_concern_today": st.sampled_from(["medication_side_effects", "a_b", "{x}"]) | texts,
        "side_effects": st.lists(st.sampled_from(["hot_flashes", "Headache"]) | texts, max_size=3),
        "coping_strategies_used": st.lists(texts, max_size=3),
        "phq4_score": st.integers(0, 12),
        "appointment_within_3_days": st.booleans(),
        "appointment_anxiety": st.integers(1, 10),
        "sentiment": st.sampled_from(["positive", "negative", "neutral"]),
        "sentiment_confidence": st.integers(0, 100).map(lambda share: share / 100),
    },
)
profiles = st.fixed_dictionaries(
    {"baseline_completed": st.just(True)},
    optional={
        "nickname": st.text("aé🌟'<&.\u202e\n ", max_size=50),
        "top_concern": texts,
        "primary_need": texts,
        "cycle_stage": st.sampled_from(["stimulation", "transfer", "considering"]),
        "confidence_meds": st.integers(1, 10),
        "confidence_costs": st.integers(1, 10),
        "own_key": values,
    },
)
sent_along = st.dictionaries(st.sampled_from(["onboardingData", "checkinData"]), values | forms)


def sentences(value: Any) -> list[str]:
    """Find the texts for people, anywhere in an answer."""
    if isinstance(value, list):
        return [text for part in value for text in sentences(part)]
    if not isinstance(value, dict):
        return []
    own = [value[key] for key in SHOWN if isinstance(value.get(key), str)]
    return own + [text for part in value.values() for text in sentences(part)]


def check(client: ApiClient, method: str, path: str, body: Any = None) -> Any:
    answer = client.call(method, path, body)
    assert answer.status_code in {200, 201}, (path, answer.content)
    # The bookkeeping beside them is no text for people.
    for text in sentences(answer.json()):
        assert not RAW.search(QUOTED.sub("", text)), text
    return answer.json()


@over_http
@given(
    days=st.lists(forms, min_size=1, max_size=3), alike=telling, profile=profiles, sent=sent_along
)
def test_answers(committed_db, days, alike, profile, sent):
    client = client_of(make_user())
    assert client.call("PUT", "/api/users/me", profile).status_code in {200, 400}
    assert client.call("PUT", "/api/users/me", {"baseline_completed": True}).status_code == 200
    today = local_date(timezone.now(), "America/Los_Angeles")
    for ago, form in enumerate(days):
        dated = form | alike | {"date_submitted": str(today - dt.timedelta(days=ago))}
        assert client.call("POST", "/api/checkins", dated).status_code == 201

    read_log()

    for path in GETS:
        check(client, "GET", path)
    check(client, "POST", "/api/insights/generate", {})
    check(client, "POST", "/api/insights/micro", sent)
    listed = check(client, "POST", "/api/v2/insights/generate", {})["insights"]
    assert listed
    for insight in listed:
        one = check(client, "GET", f"/api/v2/insights/{insight['id']}")
        for link in one["evidence"]:
            assert client.call("GET", link["href"]).status_code == 200
        said = {"helpful": True, "comment": insight["message"]}
        assert client.call("POST", f"/api/v2/insights/{insight['id']}/feedback", said)
