"""Accounts of the old clients: /api/auth/… and /api/users/…."""

from typing import Any

from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, services, tokens
from accounts.services import Account
from core.api.v1 import V1View
from core.errors import InvalidInput

PUBLIC = (
    *("id", "email", "nickname", "confidence_meds", "confidence_costs", "confidence_overall"),
    *("primary_need", "cycle_stage", "top_concern", "timezone", "email_opt_in"),
    *("baseline_completed", "onboarding_path", "created_at"),
)


class LogIn(V1View):
    is_open = True

    def post(self, request: Request) -> Response:
        body = read_body(request)
        account = services.legacy_log_in(
            email=body.get("email"),
            password=body.get("password"),
            address=request.META.get("REMOTE_ADDR", ""),
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

    def post(self, request: Request) -> Response:
        body = read_body(request)
        account = services.sign_up(
            email=body.get("email"),
            password=body.get("password"),
            profile=body,
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

    def post(self, request: Request) -> Response:
        return Response({"success": True, "message": "Logged out successfully"})


class Me(V1View):
    def get(self, request: Request) -> Response:
        return Response({"success": True, "user": queries.profile(request.user.id)})

    def put(self, request: Request) -> Response:
        user = services.update_profile(
            person=request.user, changes=read_body(request), now=timezone.now()
        )
        return Response(
            {"success": True, "user": user, "message": "Profile updated successfully"}
        )


class Profile(V1View):
    """The same as Me, flat beside `success`."""

    def get(self, request: Request) -> Response:
        return Response({**queries.profile(request.user.id), "success": True})

    def put(self, request: Request) -> Response:
        user = services.update_profile(
            person=request.user, changes=read_body(request), now=timezone.now()
        )
        message = "Profile updated successfully"
        return Response({**user, "success": True, "user": user, "message": message})


class Baseline(V1View):
    def patch(self, request: Request) -> Response:
        user = services.update_baseline(
            person=request.user, answers=read_body(request), now=timezone.now()
        )
        message = "Baseline data updated successfully"
        return Response({"success": True, "message": message, "user": user, "data": user})


class CycleStage(V1View):
    def patch(self, request: Request) -> Response:
        stage = read_body(request).get("cycle_stage")
        user = services.update_cycle_stage(
            person=request.user, stage=stage, now=timezone.now()
        )
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
    def patch(self, request: Request) -> Response:
        user = services.update_medication_status(
            person=request.user,
            medication_status=read_body(request).get("medication_status"),
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
    def post(self, request: Request) -> Response:
        changes = {"baseline_completed": True}
        services.update_profile(person=request.user, changes=changes, now=timezone.now())
        return Response({"success": True, "message": "Onboarding completed successfully"})


def token_for(account: Account) -> str:
    return tokens.v1_token(
        user_id=account.user_id,
        email=account.email,
        nickname=account.fields["nickname"],
        now=timezone.now(),
    )


def public(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in PUBLIC}


def read_body(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise InvalidInput.at("", "The body must be a JSON object.")
    return request.data
