"""What old clients show beside check-ins."""

import datetime as dt
from typing import Any

from accounts import queries as people
from core import times
from core.gate import Person
from health import legacy_metrics, queries, questions
from health.services.checkins import today


def metrics(*, person: Person, now: dt.datetime) -> dict[str, Any]:
    date = today(person, now)
    last = date + legacy_metrics.AHEAD
    history = queries.history(person.id, last)
    recent = queries.latest_checkins(person.id, legacy_metrics.RECENT)
    days = [legacy_metrics.Day(found.date, found.form) for found in recent if found.date <= last]
    signed_up = times.local_date(history.signed_up_at, person.time_zone)
    figures = legacy_metrics.figures(history, days, today=date, signed_up=signed_up)
    return {"user_id": person.id, **figures}


def first_values(*, person: Person) -> dict[str, Any]:
    """Give what the form begins with before the first check-in: the onboarding's scores."""
    profile = people.profile(person.id)
    return {
        "confidence_today": profile["confidence_overall"],
        "medication_confidence_today": profile["confidence_meds"],
        "financial_stress_today": profile["confidence_costs"],
        "journey_readiness_today": profile["confidence_overall"],
        "last_checkin_date": None,
    }


def questions_of_day(*, person: Person, now: dt.datetime) -> dict[str, Any]:
    profile = people.profile(person.id)
    signed_up = times.local_date(profile["created_at"], person.time_zone)
    days = max(0, (today(person, now) - signed_up).days)
    asked = questions.questions(profile, days=days)
    return {
        "questions": asked,
        "metadata": questions.metadata(asked, profile, days=days),
        "personalization_summary": questions.personalization(profile),
    }
