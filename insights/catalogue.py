"""Every text of every insight, and the human labels of what the forms call things."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from insights.types import Finding, Text

LONGEST_QUOTE: Final = 60
LONGEST_OF_SEVERAL: Final = 30
MOST_OF_SEVERAL: Final = 4

IDENTIFIER: Final = re.compile(r"[A-Za-z][a-z0-9]*(?:_[A-Za-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]*)+")
HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# What reads badly as it is, by its name in lower case. Other identifiers only lose their
# underscores.
LABELS: Final = {
    "anxiety_management": "managing anxiety",
    "confidence_building": "building confidence",
    "costs": "treatment costs",
    "emotional_support": "emotional support",
    "energy_level": "energy",
    "financial_confidence_today": "confidence about costs",
    "financial_stress_today": "stress about costs",
    "injection_confidence": "confidence with injections",
    "ivf_prep": "IVF preparation",
    "journey": "the road ahead",
    "journey_confidence_today": "confidence in your journey",
    "medication": "your medication",
    "medication_adherence": "taking medication on time",
    "medication_confidence_today": "confidence with medication",
    "meditation/ mindfulness": "meditation or mindfulness",
    "procedure_info": "how procedures work",
    "sleep_hours": "hours of sleep",
    "support group": "a support group",
    "talked to friend": "talking to a friend",
    "talked to partner": "talking to your partner",
    "tww": "the two-week wait",
}

# Moods, and what the forms offer, in lower case.
PLAIN: Final = frozenset(
    {
        "devastated",
        "heartbroken",
        "defeated",
        "struggling",
        "discouraged",
        "uncertain",
        "hopeful",
        "confident",
        "optimistic",
        "empowered",
        "overwhelmed",
        "frustrated",
        "anxious",
        "worried",
        "tired",
        "neutral",
        "grateful",
        "excited",
        "tough",
        "okay",
        "good",
        "amazing",
        "headache",
        "bloating",
        "nausea",
        "fatigue",
        "cramping",
        "journaling",
        "anxiety",
        "money",
        "very tough",
        "mood swings",
        "hot flashes",
        "injection site reaction",
        "breast tenderness",
        "deep breathing",
        "gentle exercise",
        "distraction activities",
        "professional counseling",
        "medication side effects",
    }
)


@dataclass(frozen=True)
class Words:
    """A text with places for the values of a finding, in braces."""

    title: str
    message: str
    icon: str
    action_label: str | None = None
    action_type: str | None = None


# The values that may change the words.
VARIANTS: Final = ("severity", "length")

# By type, or by type and what it is about where that changes the words.
TEXTS: Final[Mapping[str, Words]] = {
    # Alerts.
    "safety_alert": Words(
        "You do not have to carry this alone",
        "One of your answers says that you may not be safe with your thoughts. Please talk today "
        "to somebody you trust, or to your clinic: they can help you to find support. If you might "
        "hurt yourself, call your local emergency number now.",
        "🫂",
        "Find support",
        "view_support",
    ),
    "support_needed": Words(
        "It sounds hard right now",
        "Thank you for saying how you feel. You do not have to carry this alone: someone you "
        "trust, or your clinic, can be there with you. If you ever feel unsafe, please call your "
        "local emergency number.",
        "🤝",
        "Find support",
        "view_support",
    ),
    "assessment_alert/moderate": Words(
        "Your answers show some strain",
        "Your last questionnaire points to a moderate amount of distress. Many people in treatment "
        "go through this, and talking about it can help. Please mention it to your clinic when you "
        "next speak. If you feel unsafe at any time, call your local emergency number.",
        "🫶",
        "Find support",
        "view_support",
    ),
    "assessment_alert/severe": Words(
        "Please talk to your clinic soon",
        "Your last questionnaire points to a lot of distress. That deserves care, and help is "
        "there. Please contact your clinic today or tomorrow and tell them how you feel. If you "
        "feel unsafe, or in an emergency, call your local emergency number right away.",
        "🫶",
        "Contact your clinic",
        "contact_clinic",
    ),
    # Support.
    "challenging_support": Words(
        "A hard stretch",
        "Your last {count} check-ins were hard ones. Be as gentle with yourself as you would be "
        "with a friend. If it stays this way, your clinic would want to know.",
        "🫂",
        "Find support",
        "view_support",
    ),
    "confidence_support": Words(
        "Your confidence could use some care",
        "Your confidence was low in your last {count} check-ins. That happens to many people in "
        "treatment. One question put to your care team, or one small thing you can do today, is "
        "enough for now.",
        "💛",
        "Find support",
        "view_support",
    ),
    "appointment_support": Words(
        "Your appointment is close",
        "You said that an appointment is coming up and that it makes you anxious. It may help to "
        "write down your questions beforehand, and to ask someone to come along.",
        "🗓️",
        "Write down questions",
        "add_note",
    ),
    "general_support": Words(
        "We are here with you",
        "Your last {count} check-ins show you as you are, with ups and downs. Keep noting what "
        "matters to you: there is no right way to feel.",
        "💙",
    ),
    "recent_checkin_support": Words(
        "Thank you for checking in",
        "You took a moment for yourself, and it counts. Your check-ins help you to see what "
        "changes and what stays.",
        "🌿",
    ),
    "encouragement": Words(
        "Every step counts",
        "There is no need to do everything at once. Whenever you are ready, one short check-in is "
        "enough.",
        "💪",
    ),
    "confident_check_in": Words(
        "You sound confident",
        "You gave your confidence {confidence_today} out of 10 in your last check-in. It may be "
        "worth noting what helped, so that you can come back to it.",
        "✨",
    ),
    # Trends.
    "confidence_rising": Words(
        "Your confidence is rising",
        "It went from {before} to {now} over your last {count} check-ins, up each time. Take a "
        "moment to notice that.",
        "📈",
    ),
    "confidence_growth": Words(
        "Your confidence has grown",
        "Over your last {count} check-ins it went from {before} to {now}. That is a real step.",
        "🌱",
    ),
    "steady_strength": Words(
        "Steady and strong",
        "Your confidence has stayed close to {average} out of 10 over your last {count} "
        "check-ins. Whatever you are doing, you keep it steady.",
        "⚓",
    ),
    "mood_improvement": Words(
        "Your mood is lifting",
        "In your newest 3 check-ins your mood was brighter than in your last {count} taken "
        "together. It is good to see that.",
        "🌤️",
    ),
    "mood_decline": Words(
        "Your mood has been lower",
        "In your newest 3 check-ins your mood was lower than in your last {count} taken together. "
        "Be kind to yourself, and talk to someone if it stays that way.",
        "🌧️",
        "Find support",
        "view_support",
    ),
    "anxiety_easing": Words(
        "Your anxiety is easing",
        "In your newest 3 check-ins you felt less anxious than in your last {count} taken "
        "together. Let that be good news.",
        "🍃",
    ),
    "anxiety_rising": Words(
        "More anxious than before",
        "In your newest 3 check-ins you felt more anxious than in your last {count} taken "
        "together. It may help to share this with someone close or with your clinic.",
        "🌊",
        "Find support",
        "view_support",
    ),
    "clear_change": Words(
        "Something has changed",
        "Your last 7 days look different in {measure}: {now} on average, after {before} in the 3 "
        "weeks before. You know best what it means.",
        "🔎",
    ),
    # Medication.
    "perfect_adherence": Words(
        "Nothing missed",
        "You noted your medication as taken in all {count} check-ins where you tracked it lately. "
        "That takes care and effort.",
        "💊",
    ),
    "missed_doses": Words(
        "Some doses were missed",
        "You noted missed doses on {count} days of the last 7. It happens. Your clinic can tell "
        "you what to do about a missed dose, and may have ideas that make it easier.",
        "⏰",
        "Contact your clinic",
        "contact_clinic",
    ),
    # Days in a row, first times and long runs.
    "positive_streak": Words(
        "{count} good days in a row",
        "You felt good on {count} days in a row. Enjoy it, and remember what was part of these "
        "days.",
        "🌟",
    ),
    "consistency_celebration": Words(
        "{count} days in a row",
        "You have checked in on {count} days in a row. Every one of them makes "
        "your picture clearer.",
        "🎉",
    ),
    "positive_streak/long": Words(
        "More than {count} good days in a row",
        "You felt good on more than {count} days in a row. Enjoy it, and remember what was part "
        "of these days.",
        "🌟",
    ),
    "consistency_celebration/long": Words(
        "More than {count} days in a row",
        "You have checked in on more than {count} days in a row. Every one of them makes your "
        "picture clearer.",
        "🎉",
    ),
    "consistency": Words(
        "You keep at it",
        "You have checked in {count} times lately. Looking after yourself regularly is worth a "
        "lot.",
        "📅",
    ),
    "streak_milestone": Words(
        "{count} days and counting",
        "You have checked in every day for {count} days. That is a milestone of your own making.",
        "🏅",
    ),
    "first_checkin": Words(
        "Your first check-in",
        "The first step is taken. With a few more check-ins, you will begin to see how your days "
        "compare.",
        "🌅",
    ),
    "welcome_back": Words(
        "Good to see you again",
        "You are back, and that is what counts. Nothing was lost, and there is nothing to catch "
        "up on.",
        "👋",
    ),
    "coping_practice": Words(
        "You know what to reach for",
        "You used something that helps you cope in {count} of your last {checkins} check-ins, "
        "most often {strategy}. Keep it close.",
        "🧘",
    ),
    # Concerns and symptoms.
    "concern_pattern": Words(
        "This keeps coming up",
        "You named {concern} as a concern in {count} of your last {checkins} check-ins. It may be "
        "worth bringing up at your next appointment.",
        "🔁",
        "Write down questions",
        "add_note",
    ),
    "persistent_concern_support": Words(
        "Still on your mind",
        "You named {concern} as a concern, close to what you told us at the beginning. You do not "
        "have to settle it alone: your care team can help with it.",
        "🧭",
        "Write down questions",
        "add_note",
    ),
    "targeted_concern_support": Words(
        "One thing at a time",
        "Your confidence was low in your last check-in, and you named {concern} as a concern. "
        "Would one small question to your care team make it lighter?",
        "🎯",
        "Write down questions",
        "add_note",
    ),
    "symptom_pattern": Words(
        "A symptom that keeps coming back",
        "You noted {symptom} in {count} of your last {checkins} check-ins. Tell your clinic about "
        "it, so that they can look at it with you.",
        "📝",
        "Contact your clinic",
        "contact_clinic",
    ),
    # Feelings.
    "emotional_awareness": Words(
        "You know your feelings",
        "You named {count} different feelings in {checkins} check-ins. Seeing them clearly is a "
        "strength.",
        "🎨",
    ),
    "emotional_complexity": Words(
        "More than one feeling",
        "In your last check-in you felt {moods}. Feelings like these can stand side by side, and "
        "each of them is allowed.",
        "🌈",
    ),
    "positive_sentiment": Words(
        "Your words sound bright",
        "There is something bright in what you wrote in your last check-in. Hold on to it.",
        "☀️",
    ),
    "negative_sentiment": Words(
        "Your words sound heavy",
        "What you wrote in your last check-in sounds heavy. Thank you for putting it into words. "
        "You might share it with someone you trust.",
        "🕯️",
        "Find support",
        "view_support",
    ),
    "neutral_sentiment": Words(
        "A calm note",
        "What you wrote in your last check-in sounds calm. Ordinary days are part of this as well.",
        "🌾",
    ),
    # From the profile alone.
    "focused_support": Words(
        "One thing first",
        "You told us that you feel unsure about {area}. Let us begin there: a question noted down "
        "today can be asked at your next appointment.",
        "🎯",
        "Check in",
        "start_checkin",
    ),
    "confident_welcome": Words(
        "You begin with confidence",
        "Your answers show that you feel quite sure of your way. A short check-in each day helps "
        "you keep sight of it.",
        "🚀",
        "Check in",
        "start_checkin",
    ),
    "gentle_support": Words(
        "Good that you are here",
        "Your answers say that much of this feels uncertain. That is understandable. Go at your "
        "own pace, and begin with one short check-in.",
        "🌷",
        "Check in",
        "start_checkin",
    ),
    "balanced_welcome": Words(
        "A good place to start",
        "Some things feel sure and others less so. A short check-in each day shows you how that "
        "changes.",
        "🌼",
        "Check in",
        "start_checkin",
    ),
    "no_data": Words(
        "Ready when you are",
        "There are no recent check-ins to look at. One short check-in is enough to begin.",
        "🌱",
        "Check in",
        "start_checkin",
    ),
    # Small insights.
    "micro_stimulation": Words(
        "Support during stimulation",
        "Stimulation asks a lot of you, and medication does not feel easy right now. Your clinic "
        "can show you each step again, as often as you like.",
        "💉",
        "Contact your clinic",
        "contact_clinic",
    ),
    "micro_medication_and_costs": Words(
        "Two big questions at once",
        "Medication and costs both feel uncertain. You do not have to settle them together: pick "
        "the one that weighs more today.",
        "⚖️",
        "Choose one",
        "choose_focus",
    ),
    "micro_strong_with_concern": Words(
        "Strong, with one question",
        "You feel quite sure of your way, and {concern} is still on your mind. Both can be true, "
        "and one question may be all it needs.",
        "🌟",
        "Write down questions",
        "add_note",
    ),
    "micro_overwhelmed": Words(
        "A lot at once",
        "It is a lot right now. One slow breath, and one thing at a time. Everything else can "
        "wait a little.",
        "🫂",
        "Find support",
        "view_support",
    ),
    "micro_transfer": Words(
        "Into your transfer with confidence",
        "You feel confident on the way to your transfer. Let that carry you, and be kind to "
        "yourself on the days around it.",
        "🤍",
    ),
    "micro_mixed_feelings": Words(
        "Anxious and hopeful",
        "You feel anxious and hopeful at the same time. That is a very human mix, and neither "
        "feeling cancels the other.",
        "🌈",
    ),
    "micro_financial": Words(
        "Costs, step by step",
        "You would like help with costs. A list of what you know and what you want to ask is a "
        "good first step.",
        "🧾",
        "Write down questions",
        "add_note",
    ),
    "micro_considering": Words(
        "Time to think it over",
        "You are still considering your options. Take your time: questions are welcome at every "
        "stage.",
        "🧭",
        "Write down questions",
        "add_note",
    ),
    "micro_grateful": Words(
        "Gratitude and confidence",
        "You feel grateful and confident. It may be worth noting what made this day a good one.",
        "🙏",
    ),
    "micro_procedure": Words(
        "Knowing what comes next",
        "You would like to know more about the procedures. Note down what is unclear, and your "
        "clinic can go through it with you.",
        "📖",
        "Write down questions",
        "add_note",
    ),
    "micro_after_checkin": Words(
        "Thank you for checking in",
        "Your check-in is noted. With each one, your picture becomes a little clearer.",
        "🌿",
    ),
    "micro_profile": Words(
        "A good place to start",
        "Thank you for telling us how sure you feel. A short check-in is a good next step.",
        "🌼",
        "Check in",
        "start_checkin",
    ),
    "micro_beginning": Words(
        "Ready when you are",
        "Begin with whatever is on your mind. One short check-in is enough.",
        "🌱",
        "Check in",
        "start_checkin",
    ),
}


def text_of(finding: Finding) -> Text:
    """The finding in words. Values are read by `label`, so that no raw identifier shows."""
    variants = (f"{finding.type}/{finding.values.get(name)}" for name in VARIANTS)
    words = next(TEXTS[name] for name in (*variants, finding.type) if name in TEXTS)
    shown = {name: label(value) for name, value in finding.values.items()}
    message = words.message.format_map(shown)
    nickname = finding.values.get("nickname")
    return Text(
        title=words.title.format_map(shown),
        message=f"Hi {nickname}. {message}" if nickname else message,
        icon=words.icon,
        action_label=words.action_label,
        action_type=words.action_type,
    )


def label(value: object) -> str:
    """What people read for a value: a plain word, a number, or their own words in quotes."""
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:.1f}".removesuffix(".0")
    if isinstance(value, list | tuple):
        shown = [_of_one(part, LONGEST_OF_SEVERAL) for part in value if isinstance(part, str)]
        return _joined([part for part in shown if part])
    return ""


def _of_text(text: str) -> str:
    parts = [_known(part) for part in text.split(",")]
    if len(parts) > 1 and all(parts):
        return _joined([part for part in parts if part])
    return _of_one(text, LONGEST_QUOTE)


def _of_one(text: str, longest: int) -> str:
    return _known(text) or _quoted(text, longest)


def _known(text: str) -> str | None:
    """The label of an identifier or of what a form offers; None for people's own words."""
    plain = " ".join(text.split())
    if plain.lower() in LABELS:
        return LABELS[plain.lower()]
    if plain.lower() in PLAIN:
        return plain.lower()
    if len(plain) <= LONGEST_QUOTE and IDENTIFIER.fullmatch(plain):
        return HUMP.sub(" ", plain).replace("_", " ").lower()
    return None


def _quoted(text: str, longest: int) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    plain = " ".join(printable.replace("“", "'").replace("”", "'").split())
    if len(plain) > longest:
        plain = plain[: longest - 1].rstrip() + "…"
    return f"“{plain}”" if plain else ""


def _joined(parts: Sequence[str]) -> str:
    shown = parts[:MOST_OF_SEVERAL]
    if len(shown) < len(parts):
        shown = [*shown, "more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
