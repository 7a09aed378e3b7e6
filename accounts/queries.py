"""Questions about people."""

import uuid
from typing import Any, Final

from django.db import connection

from accounts.models import User, UserProfile
from accounts.types import ZonePeriod

ZONES: Final = """
    SELECT time_zone, until
      FROM time_zone_changes
     WHERE user_id = %s
     UNION ALL
    SELECT timezone, NULL
      FROM user_profiles
     WHERE user_id = %s
     ORDER BY until NULLS LAST
"""

SHOWN = ("id", "email", "is_active", "created_at")


def profile(user_id: uuid.UUID) -> dict[str, Any]:
    """Everything a person told about themselves, by the names of the old service.

    Works inside the gate, where the password's column is not readable.
    """
    user = User.objects.values(*SHOWN).get(id=user_id)
    return user_fields(user, UserProfile.objects.get(user_id=user_id))


def user_fields(user: dict[str, Any], profile: UserProfile) -> dict[str, Any]:
    return {
        **profile.extra,
        "id": user["id"],
        "email": user["email"],
        "nickname": profile.nickname,
        "status": "active" if user["is_active"] else "inactive",
        "timezone": profile.timezone,
        "confidence_meds": profile.confidence_meds,
        "confidence_costs": profile.confidence_costs,
        "confidence_overall": profile.confidence_overall,
        "primary_need": profile.primary_need,
        "cycle_stage": profile.cycle_stage,
        "cycle_stage_updated": profile.cycle_stage_updated,
        "top_concern": profile.top_concern,
        "medication_status": profile.medication_status,
        "medication_status_updated": profile.medication_status_updated,
        "onboarding_path": profile.onboarding_path,
        "baseline_completed": profile.baseline_completed,
        "email_opt_in": profile.email_opt_in,
        "created_at": user["created_at"],
    }


def time_zones(user_id: uuid.UUID) -> list[ZonePeriod]:
    """Give the zones that a person has been in, the one of now last."""
    with connection.cursor() as cursor:
        cursor.execute(ZONES, [user_id, user_id])
        return [ZonePeriod(*row) for row in cursor.fetchall()]
