"""Every figure of GET /api/v2/analytics is what the events say, and its explanation says the same."""

import datetime as dt
import math
import random
from typing import Any

import pytest

from analytics.figures.registry import FIGURES
from health.types import MOOD_SCORES
from tests.analytics import counting
from tests.analytics.lives import live, timeline
from tests.conftest import ApiClient, client_of
from tests.factories import make_user

PATH = "/api/v2/analytics"
FIRST = dt.date(2025, 9, 20)  # Clocks change on 2025-11-02 and, in Berlin, on 2025-10-26.
SEEDS = range(6)
NOTHING = {"event_count": 0, "has_checkin": False, "medications_scheduled": 0}


def get(client: ApiClient, path: str) -> Any:
    response = client.call("GET", path)
    assert response.status_code == 200, response.content
    return response.json()


def spans(chance: random.Random) -> list[tuple[dt.date, dt.date]]:
    fixed = (FIRST + dt.timedelta(days=45), FIRST + dt.timedelta(days=89))
    begin = FIRST + dt.timedelta(days=chance.randrange(60))
    return [fixed, (begin, begin + dt.timedelta(days=chance.randrange(30)))]


def between(events: counting.Events, first: Any, last: Any) -> counting.Events:
    return [event for event in events if str(first) <= event["local_date"] <= str(last)]


def without(found: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in {"explain", *keys}}


@pytest.fixture(params=SEEDS)
def told(request, db):
    """A person with a random history; its events, and answers of some timeframes."""
    chance = random.Random(request.param)  # noqa: S311
    client = client_of(make_user())
    live(client, chance, first=FIRST, days=90, most=request.param % 3 * 3 + 1)
    events = timeline(client, FIRST - dt.timedelta(days=1), FIRST + dt.timedelta(days=100))
    answers = [get(client, f"{PATH}?timeframe={a}..{b}") for a, b in spans(chance)]
    return client, events, answers


def test_every_figure_is_what_the_events_say(told):
    _, events, answers = told

    for answer in answers:
        own = between(events, answer["first_date"], answer["last_date"])
        assert_days(answer, own)
        assert_weeks(answer, own)
        assert {name: figure["value"] for name, figure in answer["summary"].items()} == (
            counting.figures(own)
        )
        assert_words(answer, own)
        assert_assessments(answer, own)
        assert_trends(answer, own)
        assert_correlations(answer, own)
        earlier = answer["comparison"]
        assert_comparison(answer, own, between(events, earlier["first_date"], earlier["last_date"]))
        newest = max((event["recorded_at"] for event in own), default=None)
        computed_from = answer["computed_from"]
        assert (computed_from and moment(computed_from)) == (newest and moment(newest))


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def assert_days(answer, own):
    days = counting.by_day(own)
    first = dt.date.fromisoformat(answer["first_date"])
    length = (dt.date.fromisoformat(answer["last_date"]) - first).days + 1
    assert [day["local_date"] for day in answer["daily"]] == [
        str(first + dt.timedelta(days=number)) for number in range(length)
    ]
    for day in answer["daily"]:
        of_day = days.get(day["local_date"])
        shown = without(day, "local_date")
        if not of_day:
            assert shown == dict.fromkeys(shown) | NOTHING
            continue
        expected = counting.figures(of_day)
        moods = [e["event_data"]["mood"] for e in of_day if e["event_type"] == "mood"]
        expected |= {
            "has_checkin": any(event["source"] == "checkin" for event in of_day),
            "mood_latest": moods[-1] if moods else None,
            "assessment_scores": counting.scores(of_day) or None,
            "medications_scheduled": 0,
        }
        assert shown == {name: expected[name] for name in shown}


def assert_weeks(answer, own):
    for week in answer["weekly"]:
        of_week = between(own, week["first_date"], week["last_date"])
        first = dt.date.fromisoformat(week["first_date"])
        shown = without(week, "iso_year", "iso_week", "first_date", "last_date")
        expected = counting.figures(of_week)
        assert shown == {name: expected[name] for name in shown}
        assert first.isocalendar()[:2] == (week["iso_year"], week["iso_week"])
    counted = [week["event_count"] for week in answer["weekly"]]
    assert sum(counted) == len(own)


def assert_words(answer, own):
    for name, key, kinds in (
        ("moods", "mood", ["mood"]),
        ("symptoms", "symptoms", ["symptom"]),
        ("triggers", "triggers", []),
    ):
        expected = counting.frequencies(own, key, *kinds)
        shown = {w["word"].lower(): (w["count"], w["days"]) for w in answer[name]["words"]}
        assert shown == expected
        counts = [word["count"] for word in answer[name]["words"]]
        assert counts == sorted(counts, reverse=True)
    said = counting.frequencies(own, "mood", "mood")
    known = sum(count for word, (count, _) in said.items() if word in MOOD_SCORES)
    assert answer["moods"]["known"] == known
    assert answer["moods"]["unknown"] == sum(count for count, _ in said.values()) - known


def assert_assessments(answer, own):
    for shown in answer["assessments"]["instruments"]:
        of_it = [
            (event["local_date"], score["score"])
            for event, score in zip(counting.assessments(own), counting.scores(own), strict=True)
            if score["instrument"] == shown["instrument"]
        ]
        scored = [each for each in of_it if each[1] is not None]
        assert shown["count"] == len(of_it)
        ends = [{"local_date": day, "score": score} for day, score in scored]
        assert shown["first"] == (ends[0] if ends else None)
        assert shown["last"] == (ends[-1] if ends else None)
        change = scored[-1][1] - scored[0][1] if len(scored) > 1 else None
        assert shown["change"] == change
    names = {score["instrument"] for score in counting.scores(own)}
    assert {shown["instrument"] for shown in answer["assessments"]["instruments"]} == names


def assert_trends(answer, own):
    length = len(answer["daily"])
    for name, trend in answer["trends"].items():
        points = counting.series(own, name)
        days = list(points)
        assert trend["days_used"] == len(points)
        if len(points) < 7 or 2 * ((days[-1] - days[0]).days + 1) < length:
            assert (trend["direction"], trend["slope_per_week"]) == (None, None)
            assert trend["reason"]
            continue
        slope = counting.theil_sen(points)
        assert trend["slope_per_week"] == counting.rounded(slope, 2)
        alike = counting.resemblance(points)
        widened = math.sqrt((1 + alike) / (1 - alike))
        is_certain = counting.mann_kendall(points) > 1.959963984540054 * widened
        moving = ("rising" if slope > 0 else "falling") if is_certain and slope else None
        assert trend["direction"] in ({moving} if moving else {"steady", "unclear"})
        good = {"anxiety": "falling", "severity": "falling", "sleep_hours": None}
        better = good.get(name, "rising")
        meaning = None if not moving or not better else ("better" if moving == better else "worse")
        assert trend["meaning"] == meaning


def assert_comparison(answer, own, earlier):
    now, before = counting.figures(own), counting.figures(earlier)
    for name, shown in answer["comparison"]["figures"].items():
        assert (shown["now"], shown["before"]) == (now[name], before[name])
        if shown["reason"]:
            assert (shown["difference"], shown["percent"], shown["meaning"]) == (None, None, None)
        if name in {"mood_mean", "anxiety_mean"} and not shown["reason"]:
            measure = name.removesuffix("_mean")
            exact_now = counting.mean(counting.values_of(own, measure))
            exact_before = counting.mean(counting.values_of(earlier, measure))
            assert exact_now
            assert exact_before
            change = exact_now - exact_before
            assert shown["difference"] == counting.rounded(change)
            assert shown["percent"] == counting.rounded(100 * change / exact_before)


def assert_correlations(answer, own):
    series = {name: counting.series(own, name) for name in counting.MEASURES}
    for shown in answer["correlations"]["found"]:
        first, second = (series[name] for name in shown["between"])
        days = [day for day in first if day in second]
        r = counting.spearman([first[day] for day in days], [second[day] for day in days])
        assert shown["days"] == len(days) >= 14
        assert shown["r"] == counting.rounded(r, 2)


def explained(client, answer, figure, date=None):
    """The explanation of a figure, all its pages read."""
    path = f"{PATH}/explain?timeframe={answer['first_date']}..{answer['last_date']}&figure={figure}"
    path += f"&date={date}" if date else ""
    found = get(client, f"{path}&limit=200")
    events = list(found["events"])
    while found["next"]:
        found = get(client, f"{path}&limit=200&cursor={found['next']}")
        events += found["events"]
    assert len(events) == found["event_count"]
    return found["value"], events


def shown_in(answer):
    """Every figure's value as the answer shows it, by the figure's name."""
    found = {name: figure["value"] for name, figure in answer["summary"].items()}
    found |= {f"trend_{name}": without(trend) for name, trend in answer["trends"].items()}
    comparisons = answer["comparison"]["figures"]
    found |= {f"comparison_{name}": without(each) for name, each in comparisons.items()}
    pairs = [name for name in FIGURES if name.startswith("correlation_")]
    found |= dict.fromkeys(pairs)
    for each in answer["correlations"]["found"]:
        found["correlation_{}_{}".format(*each["between"])] = without(each)
    moods = [day["mood_latest"] for day in answer["daily"] if day["mood_latest"] is not None]
    scores = [score for day in answer["daily"] for score in day["assessment_scores"] or ()]
    return found | {
        "mood_distribution": without(answer["moods"]),
        "symptom_frequencies": without(answer["symptoms"]),
        "trigger_frequencies": without(answer["triggers"]),
        "assessment_changes": answer["assessments"]["instruments"],
        "assessment_scores": scores or None,
        "mood_latest": moods[-1] if moods else None,
        "has_checkin": any(day["has_checkin"] for day in answer["daily"]),
    }


def test_every_figure_is_explained_by_the_events_behind_it(told):
    client, events, (answer, _) = told
    shown = shown_in(answer)
    held = {event["id"]: event for event in events}

    assert set(shown) == set(FIGURES)
    for name, value in shown.items():
        recomputed, behind = explained(client, answer, name)
        assert (name, recomputed) == (name, value)
        assert len({event["id"] for event in behind}) == len(behind)
        for event in behind:
            assert event["local_date"] == held[event["id"]]["local_date"]
            assert event["event_type"] == held[event["id"]]["event_type"]
        instants = [moment(event["occurred_at"]) for event in behind]
        assert instants == sorted(instants, reverse=True)


@pytest.mark.parametrize("told", [2], indirect=True)
def test_every_figure_of_a_day_is_explained(told):
    client, _, (answer, _) = told
    day = max(answer["daily"], key=lambda day: day["event_count"])

    for name in set(day) - {"local_date", "explain", "medications_scheduled"}:
        found = get(client, f"{day['explain']}{name}")
        assert (name, found["value"]) == (name, day[name])
        assert {event["local_date"] for event in found["events"]} <= {day["local_date"]}


@pytest.mark.parametrize("told", [2], indirect=True)
def test_every_link_leads_somewhere(told):
    client, _, (answer, _) = told
    links = [answer[part]["explain"] for part in ("moods", "symptoms", "triggers", "assessments")]
    links += [each["explain"] for each in answer["trends"].values()]
    links += [each["explain"] for each in answer["comparison"]["figures"].values()]
    links += [each["explain"] for each in answer["summary"].values()]
    links += [answer["adherence"]["explain"], answer["adherence"]["reported"]["explain"]]
    links += [f"{week['explain']}mood_mean" for week in answer["weekly"]]

    for link in links:
        found = get(client, link)
        assert found["sentence"].endswith(".")
        for event in found["events"][:1]:
            assert get(client, event["link"])["local_date"] == event["local_date"]


@pytest.mark.parametrize("told", [2], indirect=True)
def test_pages_of_any_size_give_every_event_once(told):
    client, _, (answer, _) = told
    path = f"{PATH}/explain?timeframe={answer['first_date']}..{answer['last_date']}"
    seen: list[str] = []
    cursor = ""

    while True:
        page = get(client, f"{path}&figure=confidence_mean&limit=7{cursor}")
        seen += [event["id"] for event in page["events"]]
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"

    assert len(seen) == len(set(seen)) == page["event_count"] > 14
