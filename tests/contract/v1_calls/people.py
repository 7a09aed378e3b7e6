"""One's own profile, figures, and what the onboarding says."""

from typing import Final

from tests.contract.v1_calls.accounts import ONBOARDING
from tests.contract.v1_cast import (
    BASELINE,
    LEGACY,
    NEW,
    REFACTORED,
    Call,
    Endpoint,
    Group,
    baseline,
    other_word,
    signed_with,
    three_days,
    under,
)

WHOLE_PROFILE: Final = (
    "id email status timezone email_opt_in created_at top_concern medication_status"
    f" medication_status_updated cycle_stage_updated {ONBOARDING}"
)
ME: Final = ["success", *under("user", WHOLE_PROFILE)]
FLAT: Final = ["success", *WHOLE_PROFILE.split()]
CHANGED: Final = [*ME, "message"]
SCORES: Final = tuple(BASELINE)
WORDS: Final = {"top_concern": "cost", "timezone": "Europe/Berlin", "email_opt_in": False}
# Two verification scripts send these.
EDC: Final = {
    "baseline_completed": True,
    "onboarding_completed": True,
    "cycle_stage": "transfer",
    "cycle_day": 12,
    "transfer_date": "2026-12-01",
}


def profile_changes(keys: list[str]) -> list[Call]:
    return [
        Call(200, "some answers are sent", WORDS, keys),
        Call(200, "an answer is unknown", EDC, keys, NEW, is_listed=False),
        Call(200, "an account's own keys are sent", {"email": "x@example.com"}, keys, NEW),
        Call(400, "a score is 99", {"confidence_meds": 99}, old=NEW),
        Call(400, "the time zone is unknown", {"timezone": "Mars"}, old=NEW),
        Call(400, "an answer is neither true nor false", {"email_opt_in": "yes"}, old=NEW),
    ]


METRICS: Final = (
    "user_id medicationAdherenceRate medicationAdherenceTrend missedDosesLastWeek"
    " totalMedicationCheckIns averageMoodScore currentPHQ4Score phq4Trend anxietyAverage"
    " checkInStreak totalCheckIns total_checkins insightEngagementRate checklistCompletionRate"
    " copingStrategiesUsed mostEffectiveStrategy partnerInvolvementRate"
    " cycleCompletionProbability riskFactors protectiveFactors lastUpdated dataRange"
)
FIRST_INSIGHT: Final = ["success", "user_id", *under("insight", "title message")]
PEOPLE: Final = Group(
    "People",
    [
        Endpoint(
            *("GET", "/api/users/me", "Read one's profile"),
            [
                Call(200, "the token is the one of sign-up", None, ME),
                Call(
                    *(200, "a script signed {email}", None, ME),
                    who=signed_with("email"),
                    needs_our_server=True,
                ),
                Call(
                    *(200, "the id is in `userId`", None, ME),
                    who=signed_with("email", "userId"),
                    needs_our_server=True,
                ),
                Call(200, "the first word is not Bearer", None, ME, who=other_word),
                Call(
                    *(403, "a script signed the address of nobody", None, (), NEW),
                    who=signed_with("nobody"),
                    says="token",
                    needs_our_server=True,
                ),
                Call(
                    *(
                        403,
                        "the token is expired",
                    ),
                    who=signed_with("email", life=-10),
                    says="expired",
                    needs_our_server=True,
                ),
            ],
        ),
        Endpoint(
            *("PUT", "/api/users/me", "Change one's profile"),
            profile_changes(CHANGED),
            takes_body=True,
            old=REFACTORED,
        ),
        Endpoint(
            *("GET", "/api/users/profile", "Read one's profile, flat"),
            [Call(200, "always", None, FLAT)],
        ),
        Endpoint(
            *("PUT", "/api/users/profile", "Change one's profile, as scripts try to"),
            profile_changes([*FLAT, *CHANGED]),
            takes_body=True,
            old=NEW,
        ),
        Endpoint(
            *("PATCH", "/api/users/baseline", "Answer the onboarding's questions"),
            [
                Call(
                    *(200, "three scores are sent", {**BASELINE, "nickname": "Ann"}),
                    ["message", *ME, *under("data", WHOLE_PROFILE)],
                ),
                Call(
                    *(200, "further answers are sent"),
                    {**BASELINE, "worst_moment": "waiting", "partner_support": "yes"},
                    [*ME, "data.id"],
                    REFACTORED,
                    is_listed=False,
                ),
                *(
                    Call(400, f"{score} is missing", {**BASELINE, score: None}, old=LEGACY)
                    for score in SCORES
                ),
                Call(400, "a score is 0", {**BASELINE, "confidence_meds": 0}, old=LEGACY),
                Call(400, "a score is 11", {**BASELINE, "confidence_costs": 11}, old=LEGACY),
                Call(400, "a score is a text", {**BASELINE, "confidence_costs": "5"}, old=LEGACY),
                Call(400, "nothing is sent", {}, old=LEGACY),
            ],
            takes_body=True,
        ),
        Endpoint(
            *("PATCH", "/api/users/cycle-stage", "Move to another stage of the cycle"),
            [
                Call(
                    *(200, "the stage is one of the eight", {"cycle_stage": "tww"}),
                    [
                        "success",
                        "message",
                        "cycle_stage",
                        "derived_medication_status",
                        "cycle_stage_updated",
                    ],
                ),
                Call(400, "the stage is another", {"cycle_stage": "stable"}),
                Call(400, "there is none", {}),
            ],
            takes_body=True,
        ),
        Endpoint(
            *("PATCH", "/api/users/medication-status", "Tell how one stands with medication"),
            [
                Call(
                    *(200, "the status is one of the six", {"medication_status": "taking"}),
                    ["success", "message", "medication_status", "medication_status_updated"],
                ),
                Call(400, "the status is another", {"medication_status": "taking_meds"}),
                Call(400, "there is none", {}),
            ],
            takes_body=True,
        ),
        Endpoint(
            *("POST", "/api/users/complete-onboarding", "Say that the onboarding is complete"),
            [Call(200, "always", {}, ["success", "message"])],
            old=REFACTORED,
        ),
        Endpoint(
            *("GET", "/api/users/metrics", "Figures of one's own check-ins"),
            [
                Call(
                    *(200, "there are check-ins", None),
                    ["success", *under("metrics", METRICS)],
                    given=three_days,
                ),
                Call(200, "there is none", None, ["success", *under("metrics", METRICS)]),
            ],
        ),
        Endpoint(
            *("GET", "/api/users/insight", "What the onboarding's answers say"),
            [
                Call(200, "the onboarding is complete", None, FIRST_INSIGHT, given=baseline),
                Call(200, "it is not", None, FIRST_INSIGHT),
            ],
            old=LEGACY,
        ),
    ],
)
