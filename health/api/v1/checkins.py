"""The daily check-in of the old clients: /api/checkins and /api/daily-checkin-enhanced."""

import datetime as dt
import uuid
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.base import decode_json, etag_of, json_response, read_body
from core.api.openapi import (
    DATE,
    INSTANT,
    TEXT,
    UUID,
    WHOLE,
    YES_NO,
    described,
    object_of,
    or_null,
)
from core.api.v1 import HotV1View, V1View, as_object, read_limit
from core.errors import FieldError, NotFound
from core.gate import Person
from health import checkins, queries, services
from health.queries import Checkin

FORM = {
    "type": "object",
    "required": ["mood_today", "confidence_today"],
    "properties": {
        "mood_today": {
            "type": "string",
            "minLength": 1,
            "description": "One mood, or several with commas.",
        },
        "confidence_today": {"type": "integer", "minimum": 1, "maximum": 10},
        "date_submitted": {**DATE, "description": "The person's local date; default: today."},
    },
    "description": "Every further key is kept and comes back as it was sent.",
}
CHANGES = {**FORM, "required": []}
CHECKIN = object_of(
    {"id": UUID, "user_id": UUID, "date_submitted": DATE, "created_at": INSTANT},
    mood_today=TEXT,
    confidence_today=WHOLE,
)
SHOWN = object_of({**CHECKIN["properties"], "fields": CHECKIN})
LIST = object_of({"success": YES_NO, "records": {"type": "array", "items": SHOWN}, "count": WHOLE})
ONE = object_of({"success": YES_NO, "checkin": SHOWN})
SUBMITTED = object_of({"success": YES_NO, "checkin": CHECKIN, "message": TEXT})
INSIGHT = object_of({"type": TEXT, "title": TEXT, "message": TEXT, "icon": TEXT})
ENHANCED = object_of({**SUBMITTED["properties"], "enhanced_insight": INSIGHT, "insight": INSIGHT})
ENHANCED = object_of(
    {**SUBMITTED["properties"], "enhanced_insight": {"type": "object"}},
    insight={"type": "object"},
)
DONE = object_of({"success": YES_NO, "message": TEXT})
VALUES = or_null({"type": "object"})

DEFAULT_LIMIT = 30
HIGHEST_LIMIT = 1000
LIMIT = OpenApiParameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": HIGHEST_LIMIT, "default": DEFAULT_LIMIT}
)


class Checkins(HotV1View):
    shows = "check-ins"

    @described("Check-ins, newest first", {200: LIST}, parameters=[LIMIT])
    def get(self, request: HttpRequest) -> HttpResponse:
        limit = read_limit(request.GET, default=DEFAULT_LIMIT, most=HIGHEST_LIMIT)
        texts = services.list_checkins(claims=self.claims(request), limit=limit)
        # Each check-in stands in the answer four times; it is written once.
        elements = b",".join([b'%b,"fields":%b}' % (text[:-1], text) for text in texts])
        response = json_response(
            b'{"success":true,"checkins":[%b],"records":[%b],"count":%d}'
            % (elements, elements, len(texts))
        )
        response.headers["ETag"] = etag_of(b",".join(texts))
        return response

    @described("Submit the day's check-in", {201: SUBMITTED}, body=FORM)
    def post(self, request: HttpRequest) -> HttpResponse:
        checkin = services.submit_checkin(
            claims=self.claims(request), form=read_form(request), now=timezone.now()
        )
        return json_response(encode(submitted(checkin)), status.HTTP_201_CREATED)


class EnhancedCheckins(V1View):
    """Answers with an insight, of which only the apps above know: the page of paths gives it."""

    @staticmethod
    def insight_of(person: Person, now: dt.datetime) -> dict[str, Any]:
        raise NotImplementedError

    @described("Submit the long form", {201: ENHANCED}, body=FORM)
    def post(self, request: Request) -> Response:
        now = timezone.now()
        checkin = services.submit_enhanced_checkin(
            person=self.person, form=as_object(request.data), now=now
        )
        insight = self.insight_of(self.person, now)
        answer = submitted(checkin) | {"enhanced_insight": insight, "insight": insight}
        return Response(answer, status=status.HTTP_201_CREATED)


class CheckinsOfUser(V1View):
    shows = "check-ins"

    @described("One's own check-ins", {200: LIST}, parameters=[LIMIT])
    def get(self, request: Request, user_id: str) -> Response:
        if user_id != str(self.person.id):
            raise NotFound("User not found")
        found = queries.latest_checkins(
            self.person.id, read_limit(request.GET, default=DEFAULT_LIMIT, most=HIGHEST_LIMIT)
        )
        elements = [element(checkin) for checkin in found]
        return Response({"success": True, "records": elements, "count": len(elements)})


class CheckinToday(V1View):
    shows = "check-ins"

    @described(
        "Today's check-in",
        {200: object_of({"success": YES_NO, "hasCheckedIn": YES_NO, "checkin": or_null(SHOWN)})},
    )
    def get(self, request: Request) -> Response:
        today = services.today(self.person, timezone.now())
        newest = queries.latest_checkins(self.person.id, 1)
        # A client may be a zone ahead of the profile: its today is the profile's tomorrow.
        checkin = newest[0] if newest and newest[0].date >= today else None
        return Response(
            {
                "success": True,
                "hasCheckedIn": checkin is not None,
                "date": today,
                "checkin": element(checkin) if checkin else None,
            }
        )


class LastValues(V1View):
    """What the form is filled with at the next check-in, in the keys of both old servers."""

    shows = "check-ins"

    @described(
        "What the form is filled with",
        {200: object_of({"success": YES_NO, "hasValues": YES_NO, "lastValues": VALUES})},
    )
    def get(self, request: Request) -> Response:
        found = queries.latest_checkins(self.person.id, 1)
        if not found:
            return Response(
                {
                    "success": True,
                    "hasValues": False,
                    "lastValues": None,
                    "last_values": services.first_values(person=self.person),
                    "message": "No previous check-ins found",
                }
            )
        last = found[0]
        values = {
            **filled(last.form),
            "date_submitted": last.date,
            "last_checkin_date": last.date,
            "days_since_last_checkin": (
                services.today(self.person, timezone.now()) - last.date
            ).days,
        }
        values |= {key: None for key in LAST_VALUES if key not in values}
        return Response(
            {"success": True, "hasValues": True, "lastValues": values, "last_values": values}
        )


class OneCheckin(V1View):
    shows = "check-ins"

    @described("One check-in", {200: ONE})
    def get(self, request: Request, checkin_id: str) -> Response:
        checkin = queries.get_checkin(self.person.id, known_id(checkin_id))
        return Response({"success": True, "checkin": element(checkin)})

    @described("Change what is sent, keep the rest", {200: ONE}, body=CHANGES)
    def put(self, request: Request, checkin_id: str) -> Response:
        checkin = services.update_checkin(
            person=self.person,
            checkin_id=known_id(checkin_id),
            form=as_object(request.data),
            now=timezone.now(),
        )
        return Response(
            {
                "success": True,
                "checkin": element(checkin),
                "message": "Check-in updated successfully",
            }
        )

    @described("Delete a check-in", {200: DONE})
    def delete(self, request: Request, checkin_id: str) -> Response:
        services.delete_checkin(
            person=self.person, checkin_id=known_id(checkin_id), now=timezone.now()
        )
        return Response({"success": True, "message": "Check-in deleted successfully"})


LAST_VALUES = (
    "journey_reflection_today",
    "medication_confidence_today",
    "medication_readiness_today",
    "financial_confidence_today",
    "financial_stress_today",
    "journey_confidence_today",
    "journey_readiness_today",
    "symptom_tracking",
    "cycle_day",
)


def submitted(checkin: Checkin) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "success": True,
        "checkin": {
            **checkin.form,
            "id": checkin.id,
            "user_id": checkin.user_id,
            "date_submitted": checkin.date,
            "created_at": checkin.created_at,
        },
        "message": "Daily check-in completed successfully! 🌟",
    }
    sentiment = checkin.form.get("sentiment_analysis")
    if isinstance(sentiment, dict):
        is_positive = sentiment.get("sentiment") == "positive"
        if is_positive:
            answer["message"] = "Daily check-in completed! So glad you feel good today. 🎉"
        answer["sentiment_analysis"] = {
            "sentiment": sentiment.get("sentiment"),
            "confidence": sentiment.get("confidence"),
            "celebration_triggered": is_positive,
        }
    return answer


def element(checkin: Checkin) -> dict[str, Any]:
    """Show a check-in flat and under `fields`: each of the old clients reads one of them."""
    fields = fields_of(checkin)
    return {**fields, "fields": fields}


def fields_of(checkin: Checkin) -> dict[str, Any]:
    return {
        **filled(checkin.form),
        "id": checkin.id,
        "user_id": checkin.user_id,
        "date_submitted": checkin.date,
        "created_at": checkin.created_at,
    }


def filled(form: checkins.Form) -> checkins.Form:
    return dict.fromkeys(checkins.ALWAYS_SHOWN) | form


def encode(answer: dict[str, Any]) -> bytes:
    return msgspec.json.encode(answer)


def read_form(request: HttpRequest) -> checkins.Form:
    return as_object(decode_json(read_body(request) or b"{}"))


def known_id(text: str) -> uuid.UUID:
    """Read an id of a path. What is no UUID names no check-in."""
    try:
        return uuid.UUID(text)
    except ValueError:
        detail = "Check-in not found"
        raise NotFound(detail, [FieldError("The id must be a UUID.", parameter="id")]) from None
