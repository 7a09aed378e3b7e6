"""/api/v2/medications: what a person takes, its schedule, its doses, and how well it goes."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.base import NoQuery, read_query
from core.api.openapi import IDEMPOTENCY_KEY, IF_MATCH, described, query_parameters, ref
from core.api.v2 import V2View, idempotency_key, if_match
from medications import services
from medications.models import MedicationRegimen
from medications.queries import Course
from medications.types import (
    Adherence,
    AdherenceOut,
    AdherenceReportOut,
    CountedDoseOut,
    DayAdherenceOut,
    Dose,
    DoseIn,
    DoseOut,
    DosesOut,
    MedicationAdherenceOut,
    MedicationChanges,
    MedicationHistoryOut,
    MedicationIn,
    MedicationOut,
    MedicationsOut,
    MedicationsQuery,
    ReasonIn,
    Regimen,
    RegimenOut,
    ScheduleOut,
    SlotOut,
    Standing,
    TakenIn,
    WindowQuery,
)


class Medications(V2View):
    shows = "medications"

    @described(
        "Medications, newest first",
        {200: ref(MedicationsOut), 304: None},
        parameters=query_parameters(MedicationsQuery),
    )
    def get(self, request: Request) -> Response:
        found, cursor = services.list_medications(
            person=self.person,
            query=read_query(request._request, MedicationsQuery),
            now=timezone.now(),
        )
        return Response(MedicationsOut([shown(one) for one in found], cursor))

    @described(
        "Add a medication",
        {201: ref(MedicationOut), 200: ref(MedicationOut)},
        body=ref(MedicationIn),
        parameters=[IDEMPOTENCY_KEY],
        description="200: this key has added it before; here it is as it stands now.",
    )
    def post(self, request: Request) -> Response:
        added, is_new = services.add_medication(
            person=self.person,
            sent=msgspec.convert(request.data, MedicationIn),
            idempotency_key=idempotency_key(request._request),
            now=timezone.now(),
        )
        return recorded(shown(added), is_new=is_new)


class Medication(V2View):
    shows = "medications"

    @described("One medication", {200: ref(MedicationOut), 304: None})
    def get(self, request: Request, medication_id: uuid.UUID) -> Response:
        read_query(request._request, NoQuery)
        found = services.get_medication(
            person=self.person, medication_id=medication_id, now=timezone.now()
        )
        return versioned(found)

    @described(
        "Change a medication",
        {200: ref(MedicationOut)},
        body=ref(MedicationChanges),
        parameters=[IF_MATCH],
        description=(
            "What changes how it is taken is a new version from `effective_from` on (default:"
            " now). The days before keep their figures."
        ),
    )
    def patch(self, request: Request, medication_id: uuid.UUID) -> Response:
        changed = services.change_medication(
            person=self.person,
            medication_id=medication_id,
            changes=msgspec.convert(request.data, MedicationChanges),
            expected=if_match(request),
            now=timezone.now(),
        )
        return versioned(changed)

    @described(
        "Say that a medication was entered in error",
        {204: None},
        description="It leaves lists and figures. Its history and its events stay.",
    )
    def delete(self, request: Request, medication_id: uuid.UUID) -> Response:
        services.remove_medication(
            person=self.person, medication_id=medication_id, now=timezone.now()
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class StatusChange(V2View):
    """What Pause, Resume and Stop have in common."""

    to_status: MedicationRegimen.Status

    def post(self, request: Request, medication_id: uuid.UUID) -> Response:
        changed = services.set_status(
            person=self.person,
            medication_id=medication_id,
            status=self.to_status,
            reason=msgspec.convert(request.data, ReasonIn).reason,
            now=timezone.now(),
        )
        return Response(shown(changed))


@described("Pause a medication", {200: ref(MedicationOut)}, body=ref(ReasonIn))
class Pause(StatusChange):
    to_status = MedicationRegimen.Status.ON_HOLD


@described("Resume a medication", {200: ref(MedicationOut)}, body=ref(ReasonIn))
class Resume(StatusChange):
    to_status = MedicationRegimen.Status.ACTIVE


@described("Stop a medication", {200: ref(MedicationOut)}, body=ref(ReasonIn))
class Stop(StatusChange):
    to_status = MedicationRegimen.Status.STOPPED


class History(V2View):
    shows = "medications"

    @described("All versions of how a medication was to be taken", {200: ref(MedicationHistoryOut)})
    def get(self, request: Request, medication_id: uuid.UUID) -> Response:
        read_query(request._request, NoQuery)
        found = services.history(person=self.person, medication_id=medication_id)
        versions = [regimen_out(one) for one in found.regimens]
        return Response(MedicationHistoryOut(found.id, found.medication_name, versions))


class Take(V2View):
    """POST /api/medications/{id}/take, the path that the old service had planned."""

    shape: type[TakenIn] = TakenIn

    @described(
        "Record a dose that was taken",
        {201: ref(DoseOut), 200: ref(DoseOut)},
        body=ref(TakenIn),
        parameters=[IDEMPOTENCY_KEY],
        description="200: this client_event_id was recorded before; here is the first answer.",
    )
    def post(self, request: Request, medication_id: uuid.UUID) -> Response:
        sent = msgspec.convert(request.data, self.shape)
        dose, is_new = services.record_dose(
            person=self.person,
            medication_id=medication_id,
            sent=sent,
            status=sent.status if isinstance(sent, DoseIn) else "taken",
            idempotency_key=idempotency_key(request._request),
            now=timezone.now(),
        )
        return recorded(DoseOut(**dose_fields(dose)), is_new=is_new)


class Doses(Take):
    shows = "medications"
    shape = DoseIn

    @described(
        "Record a dose: taken, missed, skipped or partial",
        {201: ref(DoseOut), 200: ref(DoseOut)},
        body=ref(DoseIn),
        parameters=[IDEMPOTENCY_KEY],
        description="200: this client_event_id was recorded before; here is the first answer.",
    )
    def post(self, request: Request, medication_id: uuid.UUID) -> Response:
        return super().post(request, medication_id)

    @described(
        "A medication's doses and when they were due (default: the last 30 days)",
        {200: ref(DosesOut), 304: None},
        parameters=query_parameters(WindowQuery),
    )
    def get(self, request: Request, medication_id: uuid.UUID) -> Response:
        now = timezone.now()
        first, last, course = services.doses(
            person=self.person,
            medication_id=medication_id,
            query=read_query(request._request, WindowQuery),
            now=now,
        )
        counted = [
            CountedDoseOut(
                **dose_fields(one.dose),
                outcome=one.outcome,  # type: ignore[arg-type]  # One of these words.
                scheduled_at=one.slot.scheduled_at if one.slot else None,
            )
            for one in course.outcomes
        ]
        return Response(DosesOut(first, last, slots_out([course], now), counted))


class Schedule(V2View):
    shows = "medications"

    @described(
        "When doses are due, and what became of them (default: today)",
        {200: ref(ScheduleOut), 304: None},
        parameters=query_parameters(WindowQuery),
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        first, last, courses = services.schedule(
            person=self.person, query=read_query(request._request, WindowQuery), now=now
        )
        return Response(ScheduleOut(first, last, slots_out(courses, now)))


class AdherenceReport(V2View):
    shows = "medications"

    @described(
        "Doses taken of those scheduled (default: the last 30 days; at most 366)",
        {200: ref(AdherenceReportOut), 304: None},
        parameters=query_parameters(WindowQuery),
    )
    def get(self, request: Request) -> Response:
        first, last, report = services.adherence(
            person=self.person,
            query=read_query(request._request, WindowQuery),
            now=timezone.now(),
        )
        return Response(
            AdherenceReportOut(
                first,
                last,
                AdherenceOut(**figures(report.overall)),
                [
                    MedicationAdherenceOut(
                        **figures(one.adherence),
                        medication_id=one.medication_id,
                        medication_name=one.medication_name,
                    )
                    for one in report.medications
                ],
                [DayAdherenceOut(**figures(one), date=day) for day, one in report.days.items()],
            )
        )


def versioned(standing: Standing) -> Response:
    return Response(shown(standing), headers={"ETag": f'"{services.version_of(standing)}"'})


def recorded(made: msgspec.Struct, *, is_new: bool) -> Response:
    if is_new:
        return Response(made, status=status.HTTP_201_CREATED)
    return Response(made, headers={"Idempotency-Replayed": "true"})


def shown(standing: Standing) -> MedicationOut:
    medication = standing.medication
    return MedicationOut(
        id=medication.id,
        medication_name=medication.medication_name,
        medication_type=medication.medication_type,
        notes=medication.notes,
        status=standing.status,  # type: ignore[arg-type]  # None of these is entered in error.
        regimen=regimen_out(standing.regimen),
        planned=regimen_out(standing.planned) if standing.planned else None,
        created_at=medication.created_at,
        updated_at=medication.updated_at,
    )


def regimen_out(regimen: Regimen) -> RegimenOut:
    fields = asdict(regimen)
    del fields["id"]
    return RegimenOut(**fields | {"times_of_day": [clock(one) for one in regimen.times_of_day]})


def clock(time: dt.time) -> str:
    return time.isoformat("minutes")


def dose_fields(dose: Dose) -> dict[str, Any]:
    fields = asdict(dose)
    was_taken = dose.status in {"taken", "partial"}
    return fields | {
        "id": fields.pop("event_id"),
        "taken_at": dose.occurred_at if was_taken else None,
    }


def slots_out(courses: Sequence[Course], now: dt.datetime) -> list[SlotOut]:
    """Show slots in the order of time; due is overdue once its tolerance has passed."""
    found = []
    for course in courses:
        tolerances = {
            one.id: dt.timedelta(minutes=one.tolerance_minutes)
            for one in course.medication.regimens
        }
        for slot in course.slots:
            fields = asdict(slot)
            over = slot.scheduled_at + tolerances[fields.pop("regimen_id")]
            fields["local_time"] = clock(slot.local_time)
            if slot.status == "due" and now > over:
                fields["status"] = "overdue"
            found.append(SlotOut(**fields))
    return sorted(found, key=lambda slot: (slot.scheduled_at, slot.medication_name))


def figures(adherence: Adherence) -> dict[str, Any]:
    fields = asdict(adherence)
    for name in ("rate", "taken_rate"):
        fields[name] = None if fields[name] is None else float(fields[name])
    return fields


SHAPES = (
    *(
        MedicationIn,
        MedicationChanges,
        MedicationOut,
        MedicationsOut,
        MedicationHistoryOut,
        ReasonIn,
    ),
    *(TakenIn, DoseIn, DoseOut, DosesOut, ScheduleOut, AdherenceReportOut),
)
