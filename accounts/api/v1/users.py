"""Accounts of the old clients: /api/auth/… and /api/users/…."""

from typing import Any

from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, services, tokens
from accounts.services import Account
from accounts.types import CYCLE_STAGES, MEDICATION_STATUSES
from core.api.openapi import TEXT, UUID, YES_NO, Schema, described, object_of
from core.api.v1 import V1View, as_object

PUBLIC = (
    *("id", "email", "nickname", "confidence_meds", "confidence_costs", "confidence_overall"),
    *("primary_need", "cycle_stage", "top_concern", "timezone", "email_opt_in"),
    *("baseline_completed", "onboarding_path", "created_at"),
)


USER = object_of({"id": UUID, "email": TEXT, "nickname": TEXT, "timezone": TEXT})
TOKEN = object_of({"success": YES_NO, "token": TEXT, "user": USER})
PROFILE = object_of({"success": YES_NO, "user": USER})
DONE = object_of({"success": YES_NO, "message": TEXT})
SCORE = {"type": "integer", "minimum": 1, "maximum": 10}
ANSWERS: Schema = {
    "type": "object",
    "properties": {
        "nickname": {"type": "string", "maxLength": 50},
        "timezone": {**TEXT, "description": "IANA name."},
        **dict.fromkeys(("confidence_meds", "confidence_costs", "confidence_overall"), SCORE),
        **dict.fromkeys(("primary_need", "cycle_stage", "top_concern"), TEXT),
        **dict.fromkeys(("email_opt_in", "baseline_completed"), YES_NO),
    },
    "description": "Further keys are kept.",
}
BASELINE = {
    **ANSWERS,
    "required": ["confidence_meds", "confidence_costs", "confidence_overall"],
}
SIGN_UP = {
    **ANSWERS,
    "required": ["email"],
    "properties": {**ANSWERS["properties"], "email": TEXT, "password": TEXT},
}


class LogIn(V1View):
    is_open = True

    @described("Log in", {200: TOKEN}, body=object_of({"email": TEXT}, password=TEXT))
    def post(self, request: Request) -> Response:
        body = as_object(request.data)
        account = services.legacy_log_in(
            email=body.get("email"),
            password=body.get("password"),
            address=self.address,
            now=timezone.now(),
        )
        answer = {
            "success": True,
            "userExists": True,
            "token": token_for(account),
            "user": public(account.fields),
            "message": "Login successful",
        }
        return Response(answer)


class SignUp(V1View):
    """POST /api/users and /api/auth/signup."""

    is_open = True

    @described("Sign up", {201: TOKEN}, body=SIGN_UP)
    def post(self, request: Request) -> Response:
        body = as_object(request.data)
        account = services.legacy_sign_up(
            email=body.get("email"),
            password=body.get("password"),
            profile=body,
            address=self.address,
            now=timezone.now(),
        )
        answer = {
            "success": True,
            "token": token_for(account),
            "user": public(account.fields),
            "message": "User created successfully",
        }
        return Response(answer, status=status.HTTP_201_CREATED)


class LogOut(V1View):
    """The old tokens cannot be taken back one by one; the client forgets its own."""

    is_open = True

    @described("Log out", {200: DONE})
    def post(self, request: Request) -> Response:
        return Response({"success": True, "message": "Logged out successfully"})


class Me(V1View):
    shows = "profile"

    @described("The person and their profile", {200: PROFILE})
    def get(self, request: Request) -> Response:
        return Response({"success": True, "user": queries.profile(self.person.id)})

    @described("Change the profile", {200: PROFILE}, body=ANSWERS)
    def put(self, request: Request) -> Response:
        user = services.update_profile(
            person=self.person, changes=as_object(request.data), now=timezone.now()
        )
        return Response({"success": True, "user": user, "message": "Profile updated successfully"})


class Profile(V1View):
    """The same as Me, flat beside `success`."""

    shows = "profile"

    @described("The profile, flat", {200: USER})
    def get(self, request: Request) -> Response:
        return Response({**queries.profile(self.person.id), "success": True})

    @described("Change the profile", {200: USER}, body=ANSWERS)
    def put(self, request: Request) -> Response:
        user = services.update_profile(
            person=self.person, changes=as_object(request.data), now=timezone.now()
        )
        message = "Profile updated successfully"
        return Response({**user, "success": True, "user": user, "message": message})


class Baseline(V1View):
    @described("Answer the baseline", {200: PROFILE}, body=BASELINE)
    def patch(self, request: Request) -> Response:
        user = services.update_baseline(
            person=self.person, answers=as_object(request.data), now=timezone.now()
        )
        message = "Baseline data updated successfully"
        return Response({"success": True, "message": message, "user": user, "data": user})


class CycleStage(V1View):
    @described(
        "Move to another stage of the cycle",
        {200: DONE},
        body=object_of({"cycle_stage": {"enum": list(CYCLE_STAGES)}}),
    )
    def patch(self, request: Request) -> Response:
        stage = as_object(request.data).get("cycle_stage")
        user = services.update_cycle_stage(person=self.person, stage=stage, now=timezone.now())
        return Response(
            {
                "success": True,
                "message": "Cycle stage updated successfully",
                "cycle_stage": user["cycle_stage"],
                "derived_medication_status": services.derived_medication_status(str(stage)),
                "cycle_stage_updated": user["cycle_stage_updated"],
            }
        )


class MedicationStatus(V1View):
    @described(
        "Change the medication status",
        {200: DONE},
        body=object_of({"medication_status": {"enum": list(MEDICATION_STATUSES)}}),
    )
    def patch(self, request: Request) -> Response:
        user = services.update_medication_status(
            person=self.person,
            medication_status=as_object(request.data).get("medication_status"),
            now=timezone.now(),
        )
        return Response(
            {
                "success": True,
                "message": "Medication status updated successfully",
                "medication_status": user["medication_status"],
                "medication_status_updated": user["medication_status_updated"],
            }
        )


class CompleteOnboarding(V1View):
    @described("Complete the onboarding", {200: DONE})
    def post(self, request: Request) -> Response:
        changes = {"baseline_completed": True}
        services.update_profile(person=self.person, changes=changes, now=timezone.now())
        return Response({"success": True, "message": "Onboarding completed successfully"})


def token_for(account: Account) -> str:
    return tokens.v1_token(
        user_id=account.user_id,
        email=account.email,
        nickname=account.fields["nickname"],
        now=account.authenticated_at,
    )


def public(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in PUBLIC}
