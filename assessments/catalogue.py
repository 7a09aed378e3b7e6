"""What people are told beside their scores."""

from typing import Final

SAFETY: Final = (
    "Thank you for saying this. What you answered matters, and you do not have to carry it alone."
)
WHAT_TO_DO: Final = (
    "Talk today to somebody you trust, or to your clinic: they can help you to find support.",
    "If you might hurt yourself, or do not feel safe, call your local emergency number now.",
)
NOT_COMPLETE: Final = (
    "There is no total, as {missing} of {asked} questions have no answer: it is not made up."
)

AFTER_ONBOARDING: Final = "It has not been filled in yet."
AGAIN: Final = "It is asked every {days} days."
SOONER: Final = "It is asked every {days} days while the last score is moderate or higher."
AFTER_SCREEN: Final = "The answers to the PHQ-4 of {date} are worth a closer look."
