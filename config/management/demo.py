"""The demo's cast and their ninety days: plausible, varied, the same for the same day."""

# ruff: noqa: PLR2004  The numbers are the story.

import datetime as dt
import math
import random
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from health.types import EventIn

DAYS: Final = 90
PASSWORD: Final = "novara-demo-2026"  # noqa: S105  Of invented people.
HOUSE: Final = "novara"
CLINIC: Final = "north-clinic"
CLINIC_NAME: Final = "North Clinic"
ADMIN: Final = "admin@novara.example"
STAFF: Final = "staff@north-clinic.example"
# Who has documents, and which; the scan has no text, so that there is something to look after.
READERS: Final = ("maya@novara.example", "grace@north-clinic.example")
DOCUMENTS: Final = Path(__file__).parent / "demo_documents"


@dataclass(frozen=True)
class Member:
    """Somebody of the demo. `strain` from 0 to 10 is how hard their time is."""

    email: str
    nickname: str
    tenant: str
    zone: str
    strain: float
    profile: dict[str, Any] = field(default_factory=dict)

    @property
    def dice(self) -> random.Random:
        return random.Random(self.email)  # noqa: S311  A story, not a secret.


# From east to west, as their evenings come.
CAST: Final = (
    Member(
        *("aroha@novara.example", "Aroha", HOUSE, "Pacific/Auckland", 4.5),
        {"cycle_stage": "ivf_prep", "primary_need": "procedure_info", "confidence_meds": 6},
    ),
    Member(
        *("hana@north-clinic.example", "Hana", CLINIC, "Pacific/Auckland", 3.0),
        {"cycle_stage": "pregnant", "primary_need": "community", "confidence_overall": 8},
    ),
    Member(
        *("lena@novara.example", "Lena", HOUSE, "Europe/Berlin", 6.5),
        {"cycle_stage": "tww", "primary_need": "emotional_support", "top_concern": "waiting"},
    ),
    Member(
        *("sofia@north-clinic.example", "Sofia", CLINIC, "Europe/Berlin", 5.0),
        {"cycle_stage": "stimulation", "primary_need": "medication_guidance"},
    ),
    Member(
        *("maya@novara.example", "Maya", HOUSE, "America/Los_Angeles", 5.5),
        {"cycle_stage": "stimulation", "top_concern": "injections", "confidence_meds": 4},
    ),
    Member(
        *("grace@north-clinic.example", "Grace", CLINIC, "America/Los_Angeles", 7.0),
        {"cycle_stage": "between_cycles", "primary_need": "financial_planning"},
    ),
)

MOODS: Final = (
    ("grateful", "hopeful", "excited"),
    ("hopeful", "neutral", "tired"),
    ("anxious", "worried", "tired"),
    ("overwhelmed", "frustrated", "anxious"),
)
CONCERNS: Final = ("the next scan", "costs", "side effects", "waiting", "work", "the injections")
SIDE_EFFECTS: Final = ("bloating", "headache", "fatigue", "nausea", "hot flashes", "mood swings")
COPING: Final = ("Deep breathing", "Journaling", "Gentle exercise", "Talked to partner")
QUESTIONS: Final = ("Success rates", "Next steps in treatment", "Financial options")
NOTES: Final = (
    "Slept badly, but the walk helped.",
    "The nurse called back with good news.",
    "Long day. Glad that it is over.",
    "We talked about what comes next.",
    "Injection went better than yesterday.",
    "A friend came by with soup.",
)


def days_of(member: Member, now: dt.datetime) -> list[dt.date]:
    """List the member's last ninety local days, oldest first; the last one is today."""
    today = now.astimezone(zoneinfo.ZoneInfo(member.zone)).date()
    return [today - dt.timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]


def moment(member: Member, day: dt.date, hour: float, now: dt.datetime) -> dt.datetime | None:
    """Give an hour of the member's day; None if it is still to come."""
    whole, rest = divmod(round(hour * 60), 60)
    local = dt.datetime.combine(day, dt.time(whole, rest), zoneinfo.ZoneInfo(member.zone))
    return local.astimezone(dt.UTC) if local <= now else None


def form_of(member: Member, day: int, dice: random.Random) -> dict[str, Any]:
    """Fill in the daily form: the long way on most days, with all it asks for."""
    strain = _strain(member, day, dice)
    form: dict[str, Any] = {
        "mood_today": _mood(strain, dice),
        "confidence_today": _ten(10 - strain),
        "medication_taken": dice.choices(("yes", "no", "partial"), (90, 6, 4))[0],
        "user_note": dice.choice(NOTES) if dice.random() < 0.5 else None,
    }
    if dice.random() < 0.25:
        return form
    missed = {"yes": 0, "partial": 1, "no": 2}[form["medication_taken"]]
    is_near = day % 12 in (9, 10, 11)
    form |= {
        "primary_concern_today": dice.choice(CONCERNS) if strain > 4 else "",
        "anxiety_level": _ten(strain + dice.gauss(0, 1)),
        "side_effects": _some(SIDE_EFFECTS, strain / 3, dice),
        "missed_doses": missed,
        "injection_confidence": _ten(9 - strain / 2 + day / 45),
        "appointment_within_3_days": is_near,
        "appointment_anxiety": _ten(strain + 1) if is_near else None,
        "coping_strategies_used": _some(COPING, 1 + strain / 5, dice),
        "partner_involved_today": dice.random() < 0.6,
        "wish_knew_more_about": _some(QUESTIONS, 0.7, dice),
    }
    if day % 14 == 0:
        form |= _phq4(strain, dice)
    return form


def events_of(member: Member, now: dt.datetime) -> Iterator[tuple[dt.date, EventIn]]:
    """Tell what a watch, a scale and the clinic's calendar say, with the day of each."""
    dice = member.dice
    weight = dice.uniform(56, 74)
    for number, day in enumerate(days_of(member, now)):
        told = [
            *_body(number, weight, _strain(member, number, dice), dice),
            *_treatment(number),
        ]
        for name, hour, subtype, data in told:
            at = moment(member, day, hour, now)
            if at is None:
                continue
            yield (
                day,
                EventIn(
                    event_type=name,
                    event_subtype=subtype,
                    event_data=data,
                    occurred_at=at.isoformat(),
                    time_zone=member.zone,
                    client_event_id=f"demo-{day}-{name}-{hour:.2f}",
                    source="demo",
                ),
            )


Told = tuple[str, float, str | None, dict[str, Any]]


def _body(number: int, weight: float, strain: float, dice: random.Random) -> Iterator[Told]:
    hours = round(dice.gauss(7.8 - strain / 6, 0.6), 1)
    yield "sleep", 7, None, {"hours": hours, "quality": _ten(10 - strain)}
    if dice.random() < 0.4:
        activity = dice.choice(("walking", "yoga", "swimming"))
        minutes = dice.randrange(15, 60, 5)
        yield "exercise", 17.5, None, {"activity": activity, "minutes": minutes}
    if number % 3 == 0:
        kilograms = round(weight + number / 90 + dice.gauss(0, 0.3), 1)
        yield "vital", 7.25, None, {"name": "weight", "value": kilograms, "unit": "kg"}
    if number % 2 == 0:
        celsius = round(dice.gauss(36.6, 0.15), 2)
        yield "vital", 7.1, None, {"name": "temperature", "value": celsius, "unit": "Cel"}


def _treatment(number: int) -> Iterator[Told]:
    if number % 12 == 11:
        yield "appointment", 9.5, None, {"title": "Monitoring scan", "anxiety": 5}
    if number % 30 in range(8, 20):
        dose = {"medication_name": "Follitropin", "dose": "150 IU", "status": "taken"}
        yield "medication", 20, "injection", dose
    if number == 50:
        yield "treatment", 10, None, {"procedure": "Egg retrieval", "status": "completed"}


def _strain(member: Member, day: int, dice: random.Random) -> float:
    wave = 2.2 * math.sin(day / 7 + len(member.nickname))
    return min(10, max(0, member.strain + wave + dice.gauss(0, 0.8)))


def _mood(strain: float, dice: random.Random) -> str:
    moods = MOODS[min(3, int(strain / 2.5))]
    return ",".join(dice.sample(moods, dice.choice((1, 1, 2))))


def _some(words: tuple[str, ...], about: float, dice: random.Random) -> list[str]:
    return dice.sample(words, min(len(words), max(0, round(dice.gauss(about, 0.7)))))


def _ten(value: float) -> int:
    return min(10, max(1, round(value)))


def _phq4(strain: float, dice: random.Random) -> dict[str, int]:
    items = [min(3, max(0, round(strain / 3.5 + dice.gauss(0, 0.6)))) for _ in range(4)]
    names = ("feeling_nervous", "stop_worrying", "little_interest", "feeling_down")
    return {
        **{f"phq4_{name}": value for name, value in zip(names, items, strict=True)},
        "phq4_anxiety": items[0] + items[1],
        "phq4_depression": items[2] + items[3],
        "phq4_score": sum(items),
    }


# What everybody takes, with how well they keep to it, and when one of them began.
COURSE_DAYS: Final = 30
MEDICATIONS: Final[tuple[dict[str, Any], ...]] = (
    {
        "medication_name": "Progesterone",
        "medication_type": "tablet",
        "dosage": "200 mg",
        "times_of_day": ["08:00", "20:00"],
    },
    {
        "medication_name": "Folic acid",
        "medication_type": "tablet",
        "dosage": "400 micrograms",
        "times_of_day": ["08:00"],
    },
    {
        "medication_name": "Paracetamol",
        "medication_type": "tablet",
        "dosage": "500 mg",
        "as_needed": True,
        "notes": "At most four a day.",
    },
)


def doses_of(member: Member, medication: int, now: dt.datetime) -> Iterator[dict[str, Any]]:
    """Tell what became of the doses of the last thirty days, as the doors of doses take it."""
    dice = random.Random(f"{member.email} {medication}")  # noqa: S311  A story, not a secret.
    for day in days_of(member, now)[-COURSE_DAYS:]:
        for time in MEDICATIONS[medication].get("times_of_day", ()):
            due = moment(member, day, int(time[:2]), now)
            fate = dice.choices(("taken", "late", "missed", "nothing"), (86, 6, 4, 4))[0]
            late = dt.timedelta(
                minutes=dice.uniform(90, 200) if fate == "late" else dice.gauss(8, 9)
            )
            if due is None or fate == "nothing" or due + late > now:
                continue
            told: dict[str, Any] = {"scheduled_for": due.isoformat()}
            told["client_event_id"] = f"demo-dose-{medication}-{due:%Y%m%dT%H%M}"
            if fate == "missed":
                yield told | {"status": "missed", "reason": "Forgot it."}
            else:
                yield told | {"status": "taken", "taken_at": (due + late).isoformat()}


def answers_of(member: Member) -> dict[str, dict[str, int]]:
    """Answer the longer questionnaires, by their items' places: only who has a hard time."""
    if member.strain < 6:
        return {}
    high = round(member.strain / 3)
    return {
        "gad7": {f"q{item}": max(0, high - item % 2) for item in range(1, 8)},
        # The ninth asks about thoughts of self-harm.
        "phq9": {f"q{item}": high - 1 for item in range(1, 9)} | {"q9": int(member.strain >= 7)},
    }
