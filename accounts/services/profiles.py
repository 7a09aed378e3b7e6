"""The profile: all of it inside the gate."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

import msgspec

from accounts import queries
from accounts.models import UserProfile
from accounts.types import CYCLE_STAGES, MEDICATION_STATUS_OF_STAGE, MEDICATION_STATUSES
from core.depth import check_depth
from core.errors import InvalidInput
from core.gate import Person
from core.times import check_zone

LONGEST_TEXT: Final = 10_000
LARGEST_EXTRA: Final = 64 * 1024
SCORES: Final = ("confidence_meds", "confidence_costs", "confidence_overall")
TEXTS: Final = ("primary_need", "cycle_stage", "top_concern", "medication_status")
FLAGS: Final = ("email_opt_in", "baseline_completed")
# Keys of an account that nobody sets through a profile.
NOT_EXTRA: Final = frozenset(
    {
        *("id", "user_id", "userId", "tenant_id", "email", "password", "token", "status"),
        *("created_at", "updated_at", "cycle_stage_updated", "medication_status_updated"),
        *("is_staff", "is_superuser", "is_active", "success", "onboarding_path"),
    }
)


def update_profile(*, person: Person, changes: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """Merge what is sent into the profile; keys without a column are kept in `extra`."""
    fields, extra = profile_changes(changes, now)
    profile = UserProfile.objects.select_for_update().get(user_id=person.id)
    for name, value in fields.items():
        setattr(profile, name, value)
    profile.extra = _checked_extra(profile.extra | extra)
    profile.save(update_fields=[*fields, "extra", "updated_at"])
    return queries.profile(person.id)


def update_baseline(*, person: Person, answers: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """Record the onboarding's answers: the three scores are required, and it is complete."""
    for score in SCORES:
        if score not in answers:
            raise InvalidInput.at(f"/{score}", f"{score}: is required, from 1 to 10.")
    return update_profile(person=person, changes={**answers, "baseline_completed": True}, now=now)


def update_cycle_stage(*, person: Person, stage: object, now: dt.datetime) -> dict[str, Any]:
    if stage not in CYCLE_STAGES:
        choices = ", ".join(CYCLE_STAGES)
        raise InvalidInput.at("/cycle_stage", f"cycle_stage: must be one of {choices}.")
    return update_profile(person=person, changes={"cycle_stage": stage}, now=now)


def update_medication_status(
    *, person: Person, medication_status: object, now: dt.datetime
) -> dict[str, Any]:
    if medication_status not in MEDICATION_STATUSES:
        choices = ", ".join(MEDICATION_STATUSES)
        detail = f"medication_status: must be one of {choices}."
        raise InvalidInput.at("/medication_status", detail)
    changes = {"medication_status": medication_status}
    return update_profile(person=person, changes=changes, now=now)


def derived_medication_status(stage: str) -> str | None:
    return MEDICATION_STATUS_OF_STAGE.get(stage)


def profile_changes(
    sent: dict[str, Any], now: dt.datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part what is sent into checked columns and further answers, kept word for word."""
    fields = {name: CHECKS[name](name, value) for name, value in sent.items() if name in CHECKS}
    known = CHECKS.keys() | NOT_EXTRA
    extra = _checked_extra({name: value for name, value in sent.items() if name not in known})
    if "cycle_stage" in fields:
        fields["cycle_stage_updated"] = now
    if "medication_status" in fields:
        fields["medication_status_updated"] = now
    return fields, extra


def _checked_extra(extra: dict[str, Any]) -> dict[str, Any]:
    for name, value in extra.items():
        check_depth(value, f"/{name}")
    if len(msgspec.json.encode(extra)) > LARGEST_EXTRA:
        detail = f"Further answers have at most {LARGEST_EXTRA // 1024} KB together."
        raise InvalidInput.at("", detail)
    return extra


def _score(name: str, value: object) -> int:
    if type(value) is not int or not 1 <= value <= 10:  # noqa: PLR2004
        raise InvalidInput.at(f"/{name}", f"{name}: must be a whole number from 1 to 10.")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput.at(f"/{name}", f"{name}: must be true or false.")
    return value


def _text(name: str, value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value) > LONGEST_TEXT):
        detail = f"{name}: must be a text of at most {LONGEST_TEXT} characters."
        raise InvalidInput.at(f"/{name}", detail)
    return value


def _nickname(_name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value.strip()) > 50:  # noqa: PLR2004
        raise InvalidInput.at("/nickname", "nickname: must be a text of at most 50 characters.")
    return value.strip()


def _zone(_name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput.at("/timezone", "timezone: must be a text.")
    return check_zone(value, "/timezone")


CHECKS: Final[dict[str, Callable[[str, object], Any]]] = {
    **dict.fromkeys(SCORES, _score),
    **dict.fromkeys(FLAGS, _flag),
    **dict.fromkeys(TEXTS, _text),
    "nickname": _nickname,
    "timezone": _zone,
}
