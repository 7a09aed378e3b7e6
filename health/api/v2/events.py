"""/api/v2/health/events: record, read, correct and retract events."""

import uuid
from collections.abc import Callable

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core import times
from core.api.base import NUL, decode_json, json_response, parse_json, read_query
from core.api.openapi import IDEMPOTENCY_KEY, IF_MATCH, described, query_parameters, ref
from core.api.v2 import HotView, V2View, idempotency_key, if_match
from core.errors import InvalidInput
from health import queries, services
from health.types import (
    LARGEST_EVENT,
    BatchIn,
    BatchOut,
    CorrectionIn,
    EventIn,
    EventOut,
    EventQuery,
    EventWithHistory,
    RetractionIn,
)


class Events(HotView):
    @described(
        "Record an event",
        {201: ref(EventOut), 200: ref(EventOut)},
        body=ref(EventIn),
        parameters=[IDEMPOTENCY_KEY],
        description="200: this client_event_id was recorded before; here is the first answer.",
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        claims, body = self.claims(request), self.body(request)
        check_size(body)
        recorded = services.record_event(
            claims=claims,
            event=decode_json(body, into=EventIn),
            idempotency_key=idempotency_key(request),
            now=timezone.now(),
        )
        is_new = recorded.outcome == "created"
        response = json_response(bytes(recorded.event), 201 if is_new else 200)
        if not is_new:
            response.headers["Idempotency-Replayed"] = "true"
        return response


class EventBatch(HotView):
    @described(
        "Record up to 1,000 events at once",
        {200: ref(BatchOut)},
        body=ref(BatchIn),
        parameters=[IDEMPOTENCY_KEY],
        description=(
            "One transaction. 200 says that the batch was worked through; what became of each"
            " event is in its result, as a client that sends many has to look at each anyway, and"
            " one that sees a failure would send all of them again. With `all_or_nothing`, one"
            " event that is refused refuses the batch, and nothing is recorded."
        ),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        claims, body = self.claims(request), self.body(request)
        batch = parse_json(body, into=BatchIn)
        # An event at a time, the look for the NUL character takes as long as all else.
        read = decode_json if NUL in body else parse_json
        recorded = services.record_events(
            claims=claims,
            events=[read_event(event, read) for event in batch.events],
            all_or_nothing=batch.all_or_nothing,
            idempotency_key=idempotency_key(request),
            now=timezone.now(),
        )
        return json_response(msgspec.json.encode(recorded))


class Event(V2View):
    shows = "health events"

    @described(
        "One event",
        {200: ref(EventWithHistory)},
        parameters=query_parameters(EventQuery),
        description="Its newest version, or what was known at `as_of`.",
    )
    def get(self, request: Request, event_id: uuid.UUID) -> Response:
        query = read_query(request._request, EventQuery)
        as_of = None if query.as_of is None else times.read_parameter(query.as_of, "as_of")
        event = services.get_event(
            person=self.person,
            event_id=event_id,
            as_of=as_of,
            with_history=query.include == "history",
        )
        return versioned(event)


class Corrections(V2View):
    @described(
        "Correct an event",
        {201: ref(EventOut)},
        body=ref(CorrectionIn),
        parameters=[IF_MATCH],
        description="Appends a version with the whole new event_data; the old one stays.",
    )
    def post(self, request: Request, event_id: uuid.UUID) -> Response:
        correction = msgspec.convert(request.data, CorrectionIn)
        check_size(request._request.body)
        services.correct_event(
            person=self.person,
            event_id=event_id,
            correction=correction,
            expected_version=if_match(request),
            now=timezone.now(),
        )
        return versioned(queries.get_event(event_id), status.HTTP_201_CREATED)


class Retractions(V2View):
    @described(
        "Retract an event",
        {201: ref(EventOut)},
        body=ref(RetractionIn),
        parameters=[IF_MATCH],
        description="The event counts no more and leaves the timeline; its history stays.",
    )
    def post(self, request: Request, event_id: uuid.UUID) -> Response:
        services.retract_event(
            person=self.person,
            event_id=event_id,
            reason=msgspec.convert(request.data, RetractionIn).reason,
            expected_version=if_match(request),
            now=timezone.now(),
        )
        return versioned(queries.get_event(event_id), status.HTTP_201_CREATED)


def read_event(sent: msgspec.Raw, read: Callable[..., EventIn]) -> EventIn | InvalidInput:
    """Read one event of a batch, or say what is wrong with it."""
    try:
        check_size(sent)
        return read(sent, into=EventIn)
    except InvalidInput as error:
        return error


def check_size(sent: bytes | msgspec.Raw) -> None:
    if len(sent) > LARGEST_EVENT:
        detail = f"An event has at most {LARGEST_EVENT // 1024} KB of JSON. Record several."
        raise InvalidInput.at("", detail)


def versioned(event: dict[str, object], code: int = status.HTTP_200_OK) -> Response:
    return Response(event, status=code, headers={"ETag": f'"{event["version_id"]}"'})
