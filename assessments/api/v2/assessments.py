"""/api/v2/assessments: what is asked, when, the answers with their scores, and their history."""

import datetime as dt
from typing import Any

import msgspec
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from assessments import catalogue, definitions, scoring, services
from assessments.models import AssessmentResponse
from assessments.services import Completion, Listed
from assessments.types import (
    AnswerOut,
    AssessmentOut,
    AssessmentsOut,
    BandDefinition,
    BandOut,
    Completed,
    CompletionIn,
    CompletionOut,
    DefinitionOut,
    DefinitionQuery,
    Due,
    DueOut,
    DuesOut,
    Instrument,
    Item,
    ItemOut,
    LastOut,
    OptionOut,
    ResponseOut,
    ResponsesOut,
    ResponsesQuery,
    SafetyOut,
    SubScoreDefinition,
    SubScoreOut,
)
from core.api.base import NoQuery, read_query
from core.api.openapi import IDEMPOTENCY_KEY, described, query_parameters, ref
from core.api.v2 import V2View, idempotency_key
from core.errors import InvalidInput


class Assessments(V2View):
    shows = "assessments"

    @described(
        "What can be asked, with the last results",
        {200: ref(AssessmentsOut), 304: None},
        description="PHQ-4, PHQ-9 and GAD-7, then the clinic's own questionnaires.",
    )
    def get(self, request: Request) -> Response:
        read_query(request._request, NoQuery)
        found = services.list_assessments(person=self.person, now=timezone.now())
        return Response(AssessmentsOut([listed(each) for each in found]))


class DueAssessments(V2View):
    shows = "assessments"

    @described(
        "When which questionnaire is asked next",
        {200: ref(DuesOut), 304: None},
        description="A list of its own, to be shown beside the daily form and never within it.",
    )
    def get(self, request: Request) -> Response:
        read_query(request._request, NoQuery)
        found = services.list_due(person=self.person, now=timezone.now())
        return Response(DuesOut([due_out(each) for each in found]))


class Definition(V2View):
    @described(
        "A questionnaire in full",
        {200: ref(DefinitionOut), 304: None},
        parameters=query_parameters(DefinitionQuery),
        description=(
            "Its name may be spelled in any way: phq-4, phq4, PHQ-4. With `version`, what was asked"
            " before, to read past answers by."
        ),
    )
    def get(self, request: Request, assessment: str) -> Response:
        query = read_query(request._request, DefinitionQuery)
        found = services.get_definition(person=self.person, name=assessment, version=query.version)
        return Response(DefinitionOut(**definition_fields(found)))


class Responses(V2View):
    shows = "assessments"

    @described(
        "What was answered, newest first",
        {200: ref(ResponsesOut)},
        parameters=query_parameters(ResponsesQuery),
        description="Also of a questionnaire that is not asked any more.",
    )
    def get(self, request: Request, assessment: str) -> Response:
        query = read_query(request._request, ResponsesQuery)
        found, cursor = services.list_responses(person=self.person, name=assessment, query=query)
        return Response(ResponsesOut([response_out(each) for each in found], cursor))


class Completions(V2View):
    """Also at /api/assessments/{type}/complete, the name that the old service had planned."""

    @described(
        "Complete a questionnaire",
        {201: ref(CompletionOut), 200: ref(CompletionOut)},
        body=ref(CompletionIn),
        parameters=[IDEMPOTENCY_KEY],
        description=(
            "Scored by the server, and recorded as one event. An answer may be missing: then there"
            " is no total. 200: this client_event_id was recorded before; here is the first answer."
        ),
    )
    def post(self, request: Request, assessment: str) -> Response:
        completion = services.complete(
            person=self.person,
            name=assessment,
            sent=read_completion(request),
            idempotency_key=idempotency_key(request._request),
            now=timezone.now(),
        )
        answer = completion_out(completion)
        if completion.is_new:
            headers = {"Location": answer.event_href}
            return Response(answer, status=status.HTTP_201_CREATED, headers=headers)
        return Response(answer, headers={"Idempotency-Replayed": "true"})


def read_completion(request: Request) -> CompletionIn:
    """Read the answers; one that is given twice is none, as nobody knows which one is meant."""
    sent = msgspec.convert(request.data, CompletionIn)
    name = definitions.doubled(request._request.body)
    if name in CompletionIn.__struct_fields__:
        raise InvalidInput.at(f"/{name}", f"{name}: stands there twice.")
    if name is not None:
        fault = scoring.fault_of(name, "stands there twice.")
        raise InvalidInput(fault.detail, [fault])
    return sent


def event_href(event_id: object) -> str:
    return f"/api/v2/health/events/{event_id}"


def definition_href(name: str, version: str) -> str:
    return f"/api/v2/assessments/{name}?version={version}"


def definition_fields(instrument: Instrument) -> dict[str, Any]:
    return {
        "type": instrument.name,
        "version": instrument.version,
        "title": instrument.title,
        "intro": instrument.intro,
        "loinc": instrument.panel_loinc,
        "total_loinc": instrument.total_loinc,
        "highest_total": instrument.highest,
        "items": [item_out(item) for item in instrument.items],
        "sub_scores": [
            SubScoreDefinition(sub.name, sub.title, list(sub.items), sub.loinc, sub.cut_off)
            for sub in instrument.sub_scores
        ],
        "bands": [
            BandDefinition(band.low, band.high, severity(band.severity), band.text, band.loinc)
            for band in instrument.bands
        ],
        "credit": instrument.credit,
    }


def severity(word: str) -> Any:
    return word


def item_out(item: Item) -> ItemOut:
    options = [OptionOut(option.value, option.text, option.loinc) for option in item.options]
    return ItemOut(item.link_id, item.text, item.loinc, item.is_scored, options)


def listed(found: Listed) -> AssessmentOut:
    last = found.last
    return AssessmentOut(
        **definition_fields(found.instrument),
        last=last_out(last) if last else None,
        due=due_out(found.due) if found.due else None,
    )


def last_out(last: Completed) -> LastOut:
    return LastOut(last.event_id, last.version, last.completed_at, last.total, last.severity)


def due_out(due: Due) -> DueOut:
    return DueOut(
        type=due.instrument,
        title=due.title,
        due_at=due.due_at,
        is_due=due.is_due,
        reason=due.reason,
        last_completed_at=due.last_completed_at,
        last_score=due.last_score,
        last_severity=due.last_severity,
    )


def response_out(row: AssessmentResponse) -> ResponseOut:
    return ResponseOut(
        id=row.id,
        assessment_name=row.assessment_name,
        assessment_version=row.assessment_version,
        definition_href=definition_href(row.assessment_name, row.assessment_version),
        health_event_id=row.health_event_id,
        event_href=event_href(row.health_event_id),
        responses=row.responses,
        scores=row.scores,
        started_at=row.started_at,
        completed_at=row.completed_at,
    )


def completion_out(completion: Completion) -> CompletionOut:
    instrument, score, event = completion.instrument, completion.score, completion.event
    band = score.band
    return CompletionOut(
        event_id=event.id,
        event_href=event_href(event.id),
        type=instrument.name,
        version=instrument.version,
        title=instrument.title,
        loinc=instrument.panel_loinc,
        started_at=completion.started_at,
        completed_at=event.occurred_at.astimezone(dt.UTC),
        local_date=event.local_date,
        is_complete=score.is_complete,
        missing=list(score.missing),
        note=None if score.is_complete else note_of(completion),
        total_score=score.total,
        total_loinc=instrument.total_loinc,
        highest_total=instrument.highest,
        severity=score.severity,
        band=BandOut(severity(band.severity), band.text, band.loinc) if band else None,
        sub_scores=[
            SubScoreOut(sub.name, sub.title, score.sub_scores[sub.name], sub.loinc)
            for sub in instrument.sub_scores
        ],
        answers=[answer_out(item, score.answers[item.link_id]) for item in instrument.items],
        offered=completion.offered,
        next_due_at=completion.next_due_at,
        safety=safety_out(completion),
    )


def answer_out(item: Item, value: int | None) -> AnswerOut:
    option = None if value is None else item.option(value)
    return AnswerOut(
        link_id=item.link_id,
        loinc=item.loinc,
        value=value,
        text=option.text if option else None,
        answer_loinc=option.loinc if option else None,
    )


def note_of(completion: Completion) -> str:
    missing, asked = len(completion.score.missing), len(completion.instrument.scored)
    return catalogue.NOT_COMPLETE.format(missing=missing, asked=asked)


def safety_out(completion: Completion) -> SafetyOut | None:
    flagged = list(completion.score.flagged)
    return SafetyOut(flagged, catalogue.SAFETY, list(catalogue.WHAT_TO_DO)) if flagged else None
